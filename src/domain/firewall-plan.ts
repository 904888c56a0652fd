import { type Blocked, blocked, type Look, type ObjectRef, one, type Sighting, unanswered } from '../contract.ts'
import { formatAddress, parseAddress } from './cidr.ts'
import { cniOf } from './cni.ts'
import type { FirewallAnswers } from './firewall-answers.ts'
import { addressesOf, type FirewallInput, isControlPlane, type PublishedPort } from './firewall-input.ts'
import type { AddressOperators, BothConfigs, ClusterNetworks } from './hardening-config.ts'
import type { ApiServerPod, Pod, Service } from './kubernetes.ts'
import type { WorkloadSeen } from './network-policy.ts'
import { API_PORT, type Member } from './observations.ts'
import { ASK_ALL, notAsked, type OperatorSeen, type Socket } from './sockets.ts'

/** Gathers what was seen into what the rules of the firewall are worked out from. */

export interface FirewallSightings {
  members: Sighting<Member[]>[]
  networks: Sighting<ClusterNetworks>[]
  operators: Sighting<AddressOperators>[]
  configs: Sighting<BothConfigs>[]
  sockets: Sighting<Socket[]>[]
  you: Sighting<OperatorSeen>[]
  server: Sighting<ApiServerPod | { absent: true }>[]
  pods: Sighting<Pod[]>[]
  services: Sighting<Service[]>[]
  workloads: Sighting<WorkloadSeen[]>[]
}

const valuesOf = <T>(sightings: Sighting<T>[]): { name: string; value: T }[] =>
  sightings.flatMap(({ object: { name }, look }) => (look.ok ? [{ name, value: look.value }] : []))

const failed = (looks: readonly Look<unknown>[]): Extract<Look<unknown>, { ok: false }> | undefined => looks.find((look) => !look.ok)

/** NodePorts of Services, and the port on which a load balancer asks for the health of one. */
const nodePortsOf = (services: readonly Service[]): PublishedPort[] =>
  services.flatMap((s) => {
    const owner = `${s.namespace}/${s.name}`
    const health = s.healthCheckNodePort ? [{ owner, protocol: 'tcp' as const, port: s.healthCheckNodePort }] : []
    return [...s.ports.flatMap((p) => (p.nodePort ? [{ owner, protocol: p.protocol, port: p.nodePort }] : [])), ...health]
  })

const hostPortsOf = (pods: readonly Pod[]): FirewallInput['hostPorts'] =>
  pods.flatMap(({ namespace, name, node, hostNetwork, ports }) =>
    // in the network of its node a pod listens as the node itself does, and is seen there
    hostNetwork
      ? []
      : ports.flatMap((p) => (p.hostPort ? [{ owner: `${namespace}/${name}`, node, protocol: p.protocol, port: p.hostPort }] : [])),
  )

/** Ports of Services at an address that a node has. A virtual address may come to any control plane. */
function servicePortsOf(
  services: readonly Service[],
  members: readonly Member[],
  vips: readonly string[],
): NonNullable<FirewallInput['servicePorts']> {
  const holders = members.map((m) => ({ name: m.name, addresses: [...addressesOf([m]), ...(isControlPlane(m) ? vips : [])] }))
  return services.flatMap((s) => {
    const external = new Set((s.externalAddresses ?? []).flatMap((a) => parseAddress(a) ?? []).map(formatAddress))
    const nodes = external.size === 0 ? [] : holders.filter((h) => h.addresses.some((a) => external.has(a))).map((h) => h.name)
    return nodes.length === 0 ? [] : s.ports.map(({ protocol, port }) => ({ owner: `${s.namespace}/${s.name}`, protocol, port, nodes }))
  })
}

/** The port of the API server, by what it was started with. */
export function apiPortOf(servers: FirewallSightings['server']): number {
  const args = valuesOf(servers).flatMap(({ value }) => ('absent' in value ? [] : value.arguments))
  const port = args.map((a) => /^--secure-port=(\d+)$/.exec(a)?.[1]).find((p) => p !== undefined)
  return port === undefined ? API_PORT : Number(port)
}

/** Where it is clear from every control plane that can be reached; several addresses of one are nobody's for sure. */
function seenAs(you: readonly { value: OperatorSeen }[]): string[] {
  const each = you.filter(({ value }) => value.reaches).map(({ value }) => value.addresses)
  return each.length > 0 && each.every((a) => a.length === 1) ? [...new Set(each.flat())] : []
}

/** What the rules follow from, or what could not be looked at and would have to be. */
export function firewallInput(seen: FirewallSightings, answers: FirewallAnswers, cluster: ObjectRef): FirewallInput | Blocked {
  const [members, networks, pods, services, workloads] = [
    one(seen.members),
    one(seen.networks),
    one(seen.pods),
    one(seen.services),
    one(seen.workloads),
  ]
  const stop = failed([members, networks, pods, services, workloads])
  if (stop) return blocked(cluster, stop.reason, stop.remedy)
  if (!members.ok || !networks.ok || !pods.ok || !services.ok || !workloads.ok) return blocked(cluster, 'was not looked at')
  const blind = seen.sockets.find(({ object, look }) => !look.ok && members.value.some((m) => m.name === object.name))
  if (blind && !blind.look.ok) return blocked(blind.object, `it is not known what listens on it: ${blind.look.reason}`, blind.look.remedy)
  const [left] = notAsked(members.value, seen.sockets)
  if (left)
    return blocked(
      { kind: 'node', name: left.name },
      'it was not looked at, and the rules of every node follow from who is connected to any of them',
      ASK_ALL,
    )
  // what is no member, such as a virtual address that was named beside them, gets no rules
  const names = new Set(members.value.map((m) => m.name))
  const configs = valuesOf(seen.configs).map(({ value }) => value.network)
  const operators = valuesOf(seen.operators)
  const vips = [...new Set(operators.flatMap(({ value }) => value.vips))]
  return {
    members: members.value,
    cni: cniOf(workloads.value),
    networks: networks.value,
    endpoint: configs.map((c) => c.endpoint).find(Boolean) ?? '',
    apiServerPort: apiPortOf(seen.server),
    vips,
    kubespan: configs.some((c) => c.kubespan),
    talosApiFromPods: configs.some((c) => c.talosApiFromPods),
    dhcp6: operators.filter(({ value }) => value.dhcp6).map(({ name }) => name),
    you: seenAs(valuesOf(seen.you)),
    nodePorts: nodePortsOf(services.value),
    hostPorts: hostPortsOf(pods.value),
    servicePorts: servicePortsOf(services.value, members.value, vips),
    sockets: Object.fromEntries(valuesOf(seen.sockets).flatMap(({ name, value }) => (names.has(name) ? [[name, value]] : []))),
    answers,
  }
}

/** Blocked by what a sentence says; it names the question that would have to be answered. */
export function unansweredBy(object: ObjectRef, sentence: string): Blocked {
  const question = /"(admins|loadBalancers|nodePorts|allow|cut|cniPorts)"/.exec(sentence)?.[1]
  return question ? unanswered(object, 'INF-02', question, sentence) : blocked(object, sentence, 'look at the answers of INF-02')
}
