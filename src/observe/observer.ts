import { join, resolve } from 'node:path'
import { type Look, type ObjectRef, plainLine, type Sighting } from '../contract.ts'
import { parseAddress } from '../domain/cidr.ts'
import type { Member } from '../domain/observations.ts'
import { listed } from '../domain/remarks.ts'
import type { System } from '../system/ports.ts'
import type { Caller } from '../tools/caller.ts'
import { levelPreviewsLook, privilegedLook } from './admission-looks.ts'
import { clusterInfoLook, etcdMembersLook, etcdStatusLook, freshApiLook, membersLook, nodeVersionLook } from './cluster-looks.ts'
import {
  addressOperatorsLook,
  admissionLook,
  apiServerReadyLook,
  auditPolicyLook,
  configVersionsLook,
  controlPlanePodsLook,
  firewallChainLook,
  hardeningConfigLook,
  leasesLook,
  networksLook,
  operatorSeenLook,
  socketsLook,
  wantedPodsLook,
} from './hardening-looks.ts'
import { apiServerPodLook, bindingsLook, kubeletAccessLook, kubernetesProblem, storageWritesLook } from './kubernetes-looks.ts'
import { type NodeRef, nodeObject } from './node-looks.ts'
import { unreadable } from './raw.ts'
import { openingIdentityLook, proofsLook, type SealedOptions, sealedFilesLook, sealedProofsLook } from './sealed-looks.ts'
import { kernelKeysLook, kernelParamsLook, sysctlConfigLook } from './sysctl-looks.ts'
import type { Taking } from './taking.ts'
import { anonymousLook, clockLook, type KnownCas, wireLook } from './wire-looks.ts'
import { namespacesLook, podsLook, policiesLook, probingLook, servicesLook, workloadsLook } from './workload-looks.ts'
import { configOwnerLook, secretsScanLook, talosContextsLook, type WorkstationOptions } from './workstation-looks.ts'

/** Takes observations: each once, side by side, shared by every step that wants it. */

export interface ObserverOptions extends WorkstationOptions {
  system: System
  caller: Caller
  cluster: { name: string }
  /** Addresses or names that the operator named; empty: the members. */
  nodes: readonly string[]
  /** Folders of `/proc/sys` whose keys the steps want to know. */
  kernelFolders: () => readonly string[]
  /** A machine configuration for nodes whose own cannot be read; it tells the form. */
  machineConfig?: string
  cas: KnownCas
  sealed: SealedOptions
}

export interface Observer {
  observe: (
    names: readonly string[],
    options: { fresh?: boolean; onProgress?: (p: { done: number; total: number; now: string }) => void; signal?: AbortSignal },
  ) => Promise<Record<string, Sighting<unknown>[]>>
  observeOne: (name: string, object: ObjectRef, signal?: AbortSignal) => Promise<Sighting<unknown>>
}

const MACHINE: ObjectRef = { kind: 'workstation', name: 'this machine' }

const notSeen = (object: ObjectRef, reason: string): Sighting<never> => ({ object, look: { ok: false, reason, evidence: [] } })

export function createObserver(options: ObserverOptions): Observer {
  const { system, caller } = options
  let cache = new Map<string, Promise<Sighting<unknown>[]>>()
  let belongs: Promise<string | undefined> | undefined
  const clusterObject: ObjectRef = { kind: 'cluster', name: options.cluster.name || 'cluster' }
  const atCluster = <T>(look: Look<T>): Sighting<T>[] => [{ object: clusterObject, look }]
  const atMachine = <T>(look: Look<T>): Sighting<T>[] => [{ object: MACHINE, look }]

  const taking = (signal?: AbortSignal): Taking => ({ system, caller, members: () => members(signal), ...(signal ? { signal } : {}) })
  const members = async (signal?: AbortSignal): Promise<Look<Member[]>> => {
    const [seen] = await once('members', async () => atCluster(await membersLook({ system, caller, ...(signal ? { signal } : {}) })))
    return (seen as Sighting<Member[]>).look
  }

  const once = <T>(name: string, take: () => Promise<Sighting<T>[]>): Promise<Sighting<T>[]> => {
    const known = cache.get(name) as Promise<Sighting<T>[]> | undefined
    if (known) return known
    const taken = take()
    cache.set(name, taken)
    return taken
  }

  const nodes = async (signal?: AbortSignal): Promise<NodeRef[]> => {
    const seen = await members(signal)
    const known = seen.ok ? seen.value : []
    const memberOf = (word: string) => known.find((m) => m.name === word || m.addresses.includes(word))
    const named = options.nodes.length > 0 ? options.nodes : [...known.map((m) => m.address), ...(caller.access[0] ? contextNodes() : [])]
    const refs = named.map(
      (word): NodeRef => ({ name: memberOf(word)?.name ?? plainLine(word, 100), address: memberOf(word)?.address ?? word }),
    )
    return [...new Map(refs.map((r) => [r.address, r])).values()]
  }
  const contextNodes = (): string[] => caller.access[0]?.nodes ?? []

  /** A node by its name, whichever nodes were named for this run; else why it cannot be looked at. */
  const nodeNamed = async (name: string, signal?: AbortSignal): Promise<NodeRef | Sighting<never>> => {
    const seen = await members(signal)
    const known: NodeRef[] = [...(await nodes(signal)), ...(seen.ok ? seen.value : [])]
    const found = known.find((n) => n.name === name)
    if (found) return found
    // it may only be starting
    cache.delete('members')
    return notSeen({ kind: 'node', name }, `${name} cannot be looked at: ${seen.ok ? 'it is no member of the cluster' : seen.reason}`)
  }

  /** What could not be seen a moment ago may be seen by now, so whoever looks again and again asks for it again. */
  const forgetFailures = async (): Promise<void> => {
    const [seen] = (await cache.get('members')) ?? []
    if (seen && !seen.look.ok) cache.delete('members')
    if (await belongs) belongs = undefined
  }

  /** A name that no member has was taken for that of a machine; where nothing came of it, it may have been meant for a member. */
  const toldFrom = <T>(known: readonly Member[], { object, look }: Sighting<T>): Sighting<T> => {
    if (look.ok || known.some((m) => m.name === object.name) || parseAddress(object.name)) return { object, look }
    const called = `they are called ${listed(
      known.map((m) => m.name),
      5,
    )}`
    const remedy = look.remedy ? `${look.remedy}; ${called}` : called
    return { object, look: { ...look, reason: `${look.reason}; no member of the cluster is called ${object.name}`, remedy } }
  }

  /** Node looks; where it is not known which nodes there are, one sighting more that says why. */
  const perNode = async <T>(
    take: (nodes: readonly NodeRef[]) => Promise<Sighting<T>[]>,
    only: NodeRef | undefined,
    signal?: AbortSignal,
  ): Promise<Sighting<T>[]> => {
    if (only) return take([only])
    const all = await nodes(signal)
    const seen = await members(signal)
    if (all.length === 0)
      return atCluster(!seen.ok ? seen : { ok: false, reason: 'no node is known', remedy: 'name the nodes with --nodes', evidence: [] })
    const taken = await take(all)
    if (seen.ok) return taken.map((sighting) => toldFrom(seen.value, sighting))
    return options.nodes.length > 0 ? taken : [...taken, ...atCluster<T>(isPart(seen))]
  }

  /** The nodes that a talosconfig names are some of a cluster's, and it cannot be told whether they are all. */
  const isPart = ({ reason, evidence }: Extract<Look<unknown>, { ok: false }>): Look<never> => ({
    ok: false,
    reason: `it is not known which other nodes there are: ${reason}`,
    remedy: 'name all of them with --nodes, or as nodes in preflight.yaml',
    evidence,
  })

  /** Why the kubeconfig is not used; it is, once it is known to belong to the cluster that is looked at. */
  const notKubernetes = async (signal?: AbortSignal): Promise<Extract<Look<never>, { ok: false }> | undefined> => {
    // without one each look says so itself
    if (!caller.kubernetes) return undefined
    belongs ??= kubernetesProblem(taking(signal), options.cas.kubernetes)
    const reason = await belongs
    const remedy = 'name the kubeconfig of this cluster: --kubeconfig FILE --kube-context NAME'
    return reason ? { ok: false, reason, remedy, evidence: [] } : undefined
  }
  const throughKubernetes = async <T>(look: (taking: Taking) => Promise<Look<T>>, signal?: AbortSignal): Promise<Sighting<T>[]> =>
    atCluster((await notKubernetes(signal)) ?? (await look(taking(signal))))
  const perNodeThroughKubernetes = <T>(
    take: (nodes: readonly NodeRef[], taking: Taking) => Promise<Sighting<T>[]>,
    only: NodeRef | undefined,
    signal?: AbortSignal,
  ): Promise<Sighting<T>[]> =>
    perNode(
      async (list) => {
        const stop = await notKubernetes(signal)
        return stop ? list.map((n) => ({ object: nodeObject(n), look: stop })) : take(list, taking(signal))
      },
      only,
      signal,
    )

  const take: Record<string, (only: NodeRef | undefined, signal?: AbortSignal) => Promise<Sighting<unknown>[]>> = {
    members: async (_, signal) => atCluster(await membersLook(taking(signal))),
    clusterInfo: async (_, signal) => atCluster(await clusterInfoLook(taking(signal))),
    talosContexts: async () => atMachine(await talosContextsLook(system, options)),
    secretsScan: async (_, signal) => atMachine(await secretsScanLook(system, caller, options, signal)),
    configOwner: async () => atMachine(await configOwnerLook(system, options)),
    kernelParams: (only, signal) => perNode((list) => kernelParamsLook(list, taking(signal)), only, signal),
    kernelKeys: (only, signal) => perNode((list) => kernelKeysLook(list, taking(signal), options.kernelFolders()), only, signal),
    sysctlConfig: (only, signal) => perNode((list) => sysctlConfigLook(list, taking(signal), options.machineConfig), only, signal),
    nodeVersion: (only, signal) => perNode((list) => nodeVersionLook(list, taking(signal)), only, signal),
    freshApi: (only, signal) => perNode((list) => freshApiLook(list, taking(signal)), only, signal),
    etcdMembers: async (_, signal) => atCluster(await etcdMembersLook(taking(signal))),
    etcdStatus: async (_, signal) => atCluster(await etcdStatusLook(taking(signal))),
    wire: (only, signal) => perNode((list) => wireLook(list, taking(signal), options.cas), only, signal),
    anonymousAnswers: (only, signal) => perNode((list) => anonymousLook(list, taking(signal)), only, signal),
    clockOffset: (only, signal) => perNode((list) => clockLook(list, taking(signal)), only, signal),
    apiServerPod: (only, signal) => perNode((list) => apiServerPodLook(list, taking(signal)), only, signal),
    anonymousBindings: (_, signal) => throughKubernetes(bindingsLook, signal),
    storageWrites: (_, signal) => throughKubernetes(storageWritesLook, signal),
    namespaces: (_, signal) => throughKubernetes(namespacesLook, signal),
    pods: (_, signal) => throughKubernetes(podsLook, signal),
    services: (_, signal) => throughKubernetes(servicesLook, signal),
    workloads: (_, signal) => throughKubernetes(workloadsLook, signal),
    networkPolicies: (_, signal) => throughKubernetes(policiesLook, signal),
    enforcementProbe: (_, signal) => throughKubernetes(probingLook, signal),
    levelPreviews: (_, signal) => throughKubernetes(levelPreviewsLook, signal),
    privilegedAnswer: (_, signal) => throughKubernetes(privilegedLook, signal),
    leases: (_, signal) => throughKubernetes(leasesLook, signal),
    controlPlanePods: (only, signal) => perNodeThroughKubernetes(controlPlanePodsLook, only, signal),
    kubeletAccess: (only, signal) => perNodeThroughKubernetes(kubeletAccessLook, only, signal),
    apiServerReady: (only, signal) => perNodeThroughKubernetes(apiServerReadyLook, only, signal),
    wantedPods: (only, signal) => perNode((list) => wantedPodsLook(list, taking(signal)), only, signal),
    hardeningConfig: (only, signal) => perNode((list) => hardeningConfigLook(list, taking(signal)), only, signal),
    configVersions: (only, signal) => perNode((list) => configVersionsLook(list, taking(signal)), only, signal),
    firewallChain: (only, signal) => perNode((list) => firewallChainLook(list, taking(signal)), only, signal),
    sockets: (only, signal) => perNode((list) => socketsLook(list, taking(signal)), only, signal),
    operatorSeen: async (only, signal) => {
      // the connections that it holds open are not to be seen as somebody's
      await once('sockets', () => takerOf('sockets')(undefined, signal))
      return perNode((list) => operatorSeenLook(list, taking(signal)), only, signal)
    },
    addressOperators: (only, signal) => perNode((list) => addressOperatorsLook(list, taking(signal)), only, signal),
    admission: (only, signal) => perNode((list) => admissionLook(list, taking(signal)), only, signal),
    auditPolicy: (only, signal) => perNode((list) => auditPolicyLook(list, taking(signal)), only, signal),
    clusterNetworks: async (_, signal) => atCluster(await networksLook(taking(signal))),
    sealedFiles: async () => atMachine(await sealedFilesLook(system, options.sealed)),
    openingIdentity: async () => atMachine(await openingIdentityLook(system, options.sealed)),
    'checkedSnapshot.proofs': async () => atCluster(await sealedProofsLook(system, options.sealed, 'checkedSnapshot')),
    'enforcementProbe.proofs': async () => atCluster(await proofsLook(system, options.sealed, 'enforcementProbe')),
    'openedBackup.proofs': async () => atCluster(await sealedProofsLook(system, options.sealed, 'openedBackup')),
    'openedBundle.proofs': async () => atCluster(await sealedProofsLook(system, options.sealed, 'openedBundle')),
  }
  const takerOf = (name: string) => {
    const taker = take[name]
    if (!taker) throw new Error(`no observation ${name}`)
    // whatever a node or a file answers, it fails this look alone
    return (only: NodeRef | undefined, signal?: AbortSignal): Promise<Sighting<unknown>[]> =>
      taker(only, signal).catch((error) => [
        { object: only ? nodeObject(only) : clusterObject, look: { ok: false, reason: unreadable(error), evidence: [] } },
      ])
  }

  return {
    observe: async (names, { fresh, onProgress, signal }) => {
      if (fresh) {
        cache = new Map()
        belongs = undefined
      }
      let done = 0
      const waiting = new Set(names)
      const tell = () => onProgress?.({ done, total: names.length, now: [...waiting][0] ?? '' })
      tell()
      const taken = await Promise.all(
        names.map(async (name) => {
          const sightings = await once(name, () => takerOf(name)(undefined, signal))
          done++
          waiting.delete(name)
          tell()
          return [name, sightings] as const
        }),
      )
      return Object.fromEntries(taken)
    },
    observeOne: async (name, object, signal) => {
      await forgetFailures()
      const node = object.kind === 'node' ? await nodeNamed(object.name, signal) : undefined
      if (node && 'look' in node) return node
      const sightings = await takerOf(name)(node, signal)
      // what is seen of the whole cluster tells of each of its nodes, one node tells of itself alone
      const seen = sightings.find((s) => s.object.kind !== 'node' || (object.kind === 'node' && s.object.name === object.name))
      return seen ?? notSeen(object, `${object.name} was not looked at`)
    },
  }
}

/** Where talosconfig files are looked for: the flag, the profile, the environment, the default places. */
export function talosconfigPlaces(system: System, named: readonly (string | undefined)[]): string[] {
  const { home, env } = system.files
  const explicit = named.filter((p) => p !== undefined)
  if (explicit[0] !== undefined) return [resolve(explicit[0])]
  if (env.TALOSCONFIG) return [resolve(env.TALOSCONFIG)]
  return [join(env.TALOS_HOME || join(home, '.talos'), 'config')]
}
