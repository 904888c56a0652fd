import { createHash } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import { type Evidence, type Look, type ObjectRef, plainLine, type Sighting } from '../contract.ts'
import type { ClusterInfo, ConfigOwner, EtcdMember, Member, TalosContext } from '../domain/observations.ts'
import type { KernelKeys, KernelParams, SysctlConfig } from '../domain/sysctl.ts'
import type { System } from '../system/ports.ts'
import type { Caller } from '../tools/caller.ts'
import { AT_ONCE, evidenceOf, failedLook, lookAtNodes, type NodeRef, nodeObject, sideBySide } from './node-looks.ts'
import {
  cosiObjects,
  isMachineConfig,
  parseEtcdMembers,
  parseKernelParams,
  parseList,
  parseMembers,
  parseSysctlConfig,
  parseVersion,
} from './parse.ts'
import { insideGit, scanSecrets } from './secrets-scan.ts'
import { parseTalosconfig } from './talosconfig.ts'

/** Takes observations: each once, side by side, shared by every step that wants it. */

export interface ObserverOptions {
  system: System
  caller: Caller
  cluster: { name: string }
  /** Where the operator works: the workspace, else the folder the program was started in. */
  folder: string
  /** talosconfig files to read, in the order in which they count. */
  talosconfigs: readonly string[]
  /** Addresses or names that the operator named; empty: the members. */
  nodes: readonly string[]
  /** Folders of `/proc/sys` whose keys the steps want to know. */
  kernelFolders: () => readonly string[]
  scan: { exclude: readonly string[]; seconds: number; defaultPlaces: readonly string[] }
  /** A machine configuration for nodes whose own cannot be read; it tells the form. */
  machineConfig?: string
  identity: () => Promise<{ ca: string } | undefined>
}

export interface Observer {
  observe: (
    names: readonly string[],
    options: { fresh?: boolean; onProgress?: (p: { done: number; total: number; now: string }) => void; signal?: AbortSignal },
  ) => Promise<Record<string, Sighting<unknown>[]>>
  observeOne: (name: string, object: ObjectRef, signal?: AbortSignal) => Promise<Sighting<unknown>>
  nodes: (signal?: AbortSignal) => Promise<NodeRef[]>
}

const MACHINE: ObjectRef = { kind: 'workstation', name: 'this machine' }

export function createObserver(options: ObserverOptions): Observer {
  const { system, caller } = options
  let cache = new Map<string, Promise<Sighting<unknown>[]>>()
  const clusterObject: ObjectRef = { kind: 'cluster', name: options.cluster.name || 'cluster' }
  const atCluster = <T>(look: Look<T>): Sighting<T>[] => [{ object: clusterObject, look }]
  const atMachine = <T>(look: Look<T>): Sighting<T>[] => [{ object: MACHINE, look }]
  const hooks = (signal?: AbortSignal) => (signal ? { signal } : {})

  /** Asks the endpoints one after the other until one answers. */
  const askCluster = async <T>(
    run: (node: string | undefined) => ReturnType<Caller['run']>,
    read: (stdout: string) => T | undefined,
    nothing: string,
  ): Promise<Look<T>> => {
    const endpoints = caller.access[0]?.endpoints ?? []
    let failed: Look<T> | undefined
    for (const node of endpoints.length > 0 ? endpoints : [undefined]) {
      const ran = await run(node)
      const value = read(ran.stdout.toString('utf8'))
      if (value !== undefined) return { ok: true, value, evidence: [evidenceOf(ran)] }
      const garbled = ran.stdout.toString('utf8').trim() !== '' && cosiObjects(ran.stdout.toString('utf8')).length === 0
      failed ??= ran.ok
        ? { ok: false, reason: garbled ? 'what came is not what a Talos API answers' : nothing, evidence: [evidenceOf(ran)] }
        : failedLook(ran)
      if (!ran.ok && !ran.timedOut && !/does not answer/.test(ran.reason)) break
    }
    return failed as Look<T>
  }

  const members = async (signal?: AbortSignal): Promise<Look<Member[]>> =>
    askCluster(
      (node) => caller.run('talosctl.members', node ? { node } : {}, hooks(signal)),
      (stdout) => {
        const found = parseMembers(cosiObjects(stdout))
        return found.length > 0 ? found : undefined
      },
      'the cluster names no members: discovery is off or empty; name the nodes with --nodes',
    )

  const once = <T>(name: string, take: () => Promise<Sighting<T>[]>): Promise<Sighting<T>[]> => {
    const known = cache.get(name) as Promise<Sighting<T>[]> | undefined
    if (known) return known
    const taken = take()
    cache.set(name, taken)
    return taken
  }

  const nodes = async (signal?: AbortSignal): Promise<NodeRef[]> => {
    const [seen] = await once('members', async () => atCluster(await members(signal)))
    const known = seen?.look.ok ? seen.look.value : []
    const memberOf = (word: string) => known.find((m) => m.name === word || m.addresses.includes(word))
    const named = options.nodes.length > 0 ? options.nodes : [...known.map((m) => m.address), ...(caller.access[0] ? contextNodes() : [])]
    const refs = named.map(
      (word): NodeRef => ({ name: memberOf(word)?.name ?? plainLine(word, 100), address: memberOf(word)?.address ?? word }),
    )
    return [...new Map(refs.map((r) => [r.address, r])).values()]
  }
  const contextNodes = (): string[] => caller.access[0]?.nodes ?? []

  /** Node looks; where no node is known at all, one sighting that says why. */
  const perNode = async <T>(
    take: (nodes: readonly NodeRef[]) => Promise<Sighting<T>[]>,
    only: NodeRef | undefined,
    signal?: AbortSignal,
  ): Promise<Sighting<T>[]> => {
    if (only) return take([only])
    const all = await nodes(signal)
    if (all.length > 0) return take(all)
    const [seen] = await once('members', async () => atCluster(await members(signal)))
    return atCluster(
      seen && !seen.look.ok ? seen.look : { ok: false, reason: 'no node is known', remedy: 'name the nodes with --nodes', evidence: [] },
    )
  }

  const bySpec = (stdout: string): Map<string, ReturnType<typeof cosiObjects>> => Map.groupBy(cosiObjects(stdout), (o) => o.node)
  const mapped = <A, B>(map: Map<string, A>, f: (a: A) => B): Map<string, B> => new Map([...map].map(([k, v]) => [k, f(v)]))

  const kernelParams = (list: readonly NodeRef[], signal?: AbortSignal): Promise<Sighting<KernelParams>[]> =>
    lookAtNodes(list, {
      call: (a) => caller.run('talosctl.kernelParams', { nodes: a }, hooks(signal)),
      split: (stdout) => mapped(bySpec(stdout), parseKernelParams),
    })

  const sysctlConfig = async (list: readonly NodeRef[], signal?: AbortSignal): Promise<Sighting<SysctlConfig>[]> => {
    const sightings = await lookAtNodes(list, {
      call: (a) => caller.run('talosctl.machineConfigs', { nodes: a }, hooks(signal)),
      split: (stdout) => {
        const texts = [...mapped(bySpec(stdout), (objects) => objects[0]?.spec)].filter(
          (e): e is [string, string] => typeof e[1] === 'string' && isMachineConfig(e[1]),
        )
        return mapped(new Map(texts), parseSysctlConfig)
      },
    })
    const file = options.machineConfig
    if (file) return Promise.all(sightings.map(async (s) => (s.look.ok ? s : { ...s, look: await formFromFile(file) })))
    return sightings.map((s) =>
      s.look.ok || !s.look.remedy
        ? s
        : { ...s, look: { ...s.look, remedy: `${s.look.remedy}; where files are all you want: --machine-config FILE tells the form` } },
    )
  }

  const formFromFile = async (path: string): Promise<Look<SysctlConfig>> => {
    const bytes = await system.files.read(path).catch((error: NodeJS.ErrnoException) => plainLine(error.code ?? 'error'))
    if (typeof bytes === 'string') return { ok: false, reason: `${path} could not be read: ${bytes}`, evidence: [] }
    const text = bytes.toString('utf8')
    if (!isMachineConfig(text))
      return {
        ok: false,
        reason: `${path} is no machine config`,
        remedy: '--machine-config takes a whole controlplane.yaml or worker.yaml',
        evidence: [],
      }
    return { ok: true, value: parseSysctlConfig(text), evidence: [fileEvidence(path, bytes)] }
  }

  const fileEvidence = (path: string, bytes: Buffer): Evidence => ({
    kind: 'file',
    what: plainLine(path, 300),
    takenAt: system.clock.now().toISOString(),
    sha256: createHash('sha256').update(bytes).digest('hex'),
  })

  const kernelKeys = async (list: readonly NodeRef[], signal?: AbortSignal): Promise<Sighting<KernelKeys>[]> => {
    const folders = [...options.kernelFolders()]
    const perFolder = await sideBySide(folders, AT_ONCE, (folder) =>
      lookAtNodes<string[]>(list, {
        call: (a) => caller.run('talosctl.list', { nodes: a, path: folder }, hooks(signal)),
        split: (stdout, addresses) => parseList(stdout, addresses),
        // a kernel without IPv6 has no such folder: that is an answer
        accept: (ran) => (/no such file or directory/.test(ran.stderr.toString('utf8')) ? [] : undefined),
      }),
    )
    return list.map((node) => {
      const looks = perFolder.map((sightings) => sightings.find((s) => s.object.name === node.name)?.look as Look<string[]>)
      const evidence = looks.flatMap((l) => l.evidence)
      const failed = looks.find((l) => !l.ok)
      if (failed && !failed.ok) return { object: nodeObject(node), look: { ...failed, evidence } }
      const keys = looks.flatMap((l, i) =>
        l.ok ? l.value.map((file) => `${(folders[i] ?? '').replace('/proc/sys/', '').replaceAll('/', '.')}.${file}`) : [],
      )
      return { object: nodeObject(node), look: { ok: true, value: { folders, keys }, evidence } }
    })
  }

  const nodeVersion = (list: readonly NodeRef[], signal?: AbortSignal): Promise<Sighting<{ version: string }>[]> =>
    sideBySide(list, AT_ONCE, async (node) => {
      const ran = await caller.run('talosctl.version', { node: node.address }, hooks(signal))
      const version = ran.ok ? parseVersion(ran.stdout.toString('utf8')) : undefined
      const look: Look<{ version: string }> = version
        ? { ok: true, value: { version: plainLine(version, 40) }, evidence: [evidenceOf(ran)] }
        : ran.ok
          ? { ok: false, reason: 'the answer names no version', evidence: [evidenceOf(ran)] }
          : failedLook(ran)
      return { object: nodeObject(node), look }
    })

  const etcdMembers = async (signal?: AbortSignal): Promise<Look<EtcdMember[]>> => {
    const [seen] = await once('members', async () => atCluster(await members(signal)))
    const controlPlanes = seen?.look.ok ? seen.look.value.filter((m) => m.type === 'controlplane').map((m) => m.address) : []
    const ask = controlPlanes.length > 0 ? controlPlanes : (caller.access[0]?.endpoints ?? [])
    let failed: Look<EtcdMember[]> = { ok: false, reason: 'no control plane node is known', evidence: [] }
    for (const node of ask) {
      const ran = await caller.run('talosctl.etcdMembers', { node }, hooks(signal))
      const found = parseEtcdMembers(ran.stdout.toString('utf8'))
      if (ran.ok && found.length > 0) return { ok: true, value: found, evidence: [evidenceOf(ran)] }
      failed = ran.ok ? { ok: false, reason: 'etcd names no members', evidence: [evidenceOf(ran)] } : failedLook(ran)
    }
    return failed
  }

  const clusterInfo = (signal?: AbortSignal): Promise<Look<ClusterInfo>> =>
    askCluster(
      (node) => caller.run('talosctl.infos', node ? { node } : {}, hooks(signal)),
      (stdout) => {
        const spec = cosiObjects(stdout)[0]?.spec as { clusterId?: unknown; clusterName?: unknown } | undefined
        return typeof spec?.clusterId === 'string'
          ? { id: plainLine(spec.clusterId, 100), name: plainLine(String(spec.clusterName ?? ''), 100) }
          : undefined
      },
      'the cluster does not say who it is',
    )

  const talosContexts = async (): Promise<Look<TalosContext[]>> => {
    const evidence: Evidence[] = []
    const found: TalosContext[] = []
    const problems: string[] = []
    const ours = await options.identity()
    for (const path of options.talosconfigs) {
      if (!(await system.files.info(path))) continue
      const bytes = await system.files.read(path).catch((error: NodeJS.ErrnoException) => error.code ?? 'error')
      if (typeof bytes === 'string') {
        problems.push(`${path} could not be read: ${bytes}`)
        continue
      }
      evidence.push(fileEvidence(path, bytes))
      const parsed = parseTalosconfig(bytes.toString('utf8'), path)
      if ('problem' in parsed) problems.push(`${path} ${parsed.problem}`)
      else found.push(...parsed.contexts.map((c) => ({ ...c, ...(ours && c.ca ? { ofThisCluster: c.ca === ours.ca } : {}) })))
    }
    if (problems[0] !== undefined)
      return { ok: false, reason: problems[0], remedy: 'name the right file with --talosconfig FILE', evidence }
    if (found.length === 0)
      return {
        ok: false,
        reason: `no talosconfig was found (${options.talosconfigs.join(', ')})`,
        remedy: 'name one with --talosconfig FILE, or set TALOSCONFIG',
        evidence,
      }
    return { ok: true, value: found, evidence }
  }

  const configOwner = async (): Promise<Look<ConfigOwner[]>> => {
    const owners: ConfigOwner[] = []
    const signs: { tool: string; file: string; holds?: RegExp }[] = [
      { tool: 'talhelper', file: 'talconfig.yaml' },
      { tool: 'talm', file: 'Chart.yaml', holds: /talm/ },
      { tool: 'topf', file: 'topf.yaml' },
    ]
    const folders = [options.folder, ...((await insideGit(system, options.folder)) ? [await gitRoot(options.folder)] : [])]
    for (const folder of new Set(folders)) {
      for (const { tool, file, holds } of signs) {
        const path = join(folder, file)
        const bytes = await system.files.read(path).catch(() => undefined)
        if (bytes && (!holds || holds.test(bytes.toString('utf8')))) owners.push({ tool, sign: plainLine(path, 200) })
      }
    }
    const contexts = await talosContexts()
    if (contexts.ok)
      for (const c of contexts.value) if (c.problem?.includes('Omni')) owners.push({ tool: 'Omni', sign: `context ${c.name}` })
    const what = `signs of other tools in ${options.folder}`
    return {
      ok: true,
      value: owners,
      evidence: [
        {
          kind: 'file',
          what,
          takenAt: system.clock.now().toISOString(),
          sha256: createHash('sha256').update(JSON.stringify(owners)).digest('hex'),
        },
      ],
    }
  }

  const gitRoot = async (folder: string): Promise<string> => {
    for (let at = resolve(folder); ; at = dirname(at)) {
      if (await system.files.info(join(at, '.git'))) return at
      if (dirname(at) === at) return folder
    }
  }

  const secretsScan = async (signal?: AbortSignal): Promise<Sighting<unknown>[]> => {
    const value = await scanSecrets(system, caller, { folder: options.folder, ...options.scan, ...(signal ? { signal } : {}) })
    return atMachine({
      ok: true,
      value,
      evidence: [
        {
          kind: 'file',
          what: `${value.files} files at and below ${plainLine(options.folder, 200)} and in the usual places, ${value.versions} versions in git history`,
          takenAt: system.clock.now().toISOString(),
          sha256: createHash('sha256').update(JSON.stringify(value)).digest('hex'),
        },
      ],
    })
  }

  const take: Record<string, (only: NodeRef | undefined, signal?: AbortSignal) => Promise<Sighting<unknown>[]>> = {
    members: async (_, signal) => atCluster(await members(signal)),
    clusterInfo: async (_, signal) => atCluster(await clusterInfo(signal)),
    talosContexts: async () => atMachine(await talosContexts()),
    secretsScan: (_, signal) => secretsScan(signal),
    configOwner: async () => atMachine(await configOwner()),
    kernelParams: (only, signal) => perNode((list) => kernelParams(list, signal), only, signal),
    kernelKeys: (only, signal) => perNode((list) => kernelKeys(list, signal), only, signal),
    sysctlConfig: (only, signal) => perNode((list) => sysctlConfig(list, signal), only, signal),
    nodeVersion: (only, signal) => perNode((list) => nodeVersion(list, signal), only, signal),
    etcdMembers: async (_, signal) => atCluster(await etcdMembers(signal)),
  }
  const takerOf = (name: string) => {
    const taker = take[name]
    if (!taker) throw new Error(`no observation ${name}`)
    return taker
  }

  return {
    nodes,
    observe: async (names, { fresh, onProgress, signal }) => {
      if (fresh) cache = new Map()
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
      const node = object.kind === 'node' ? (await nodes(signal)).find((n) => n.name === object.name) : undefined
      const sightings = await takerOf(name)(node, signal)
      return sightings[0] ?? { object, look: { ok: false, reason: `${object.name} was not looked at`, evidence: [] } }
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
