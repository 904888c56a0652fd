import { networkOf, portsOf } from './firewall-answers.ts'
import { contradictions, fitsTheNodes, openQuestions, worthKnowing } from './firewall-doubts.ts'
import { addressesOf, type FirewallInput, type Flow, isControlPlane, sourcesOf } from './firewall-input.ts'
import { seenFlows } from './firewall-seen.ts'
import { formatPorts } from './firewall-sets.ts'
import { API_PORT } from './observations.ts'
import { factsFor } from './versions.ts'

/**
 * Who must reach what on which node.
 *
 * Ports: https://docs.siderolabs.com/talos/v1.13/learn-more/talos-network-connectivity,
 * https://docs.cilium.io/en/stable/operations/system_requirements/,
 * https://docs.tigera.io/calico/latest/getting-started/kubernetes/requirements, and Talos's own rules for test clusters:
 * https://github.com/siderolabs/talos/blob/v1.13.9/cmd/talosctl/cmd/mgmt/cluster/internal/firewallpatch/firewallpatch.go
 */

export interface WantedFlows {
  flows: Flow[]
  /** What has to be answered or mended first, a sentence each. */
  problems: string[]
  /** What is good to know, a sentence each. */
  notes: string[]
}

interface CniPort {
  service: string
  port: string
  /** Pods reach it as well. */
  pods?: boolean
  /** Only where a node listens on it. */
  ifSeen?: boolean
}

/** What the plugins need between nodes. */
const CNI: Record<string, CniPort[]> = {
  flannel: [{ service: 'flannel-vxlan', port: '4789/udp' }],
  cilium: [
    { service: 'cilium-vxlan', port: '8472/udp' },
    { service: 'cilium-health', port: '4240/tcp' },
    { service: 'cilium-hubble', port: '4244/tcp', pods: true },
    { service: 'cilium-geneve', port: '6081/udp', ifSeen: true },
    { service: 'cilium-wireguard', port: '51871/udp', ifSeen: true },
    { service: 'cilium-mutual-auth', port: '4250/tcp', ifSeen: true },
  ],
  calico: [
    { service: 'calico-bgp', port: '179/tcp' },
    { service: 'calico-typha', port: '5473/tcp' },
    { service: 'calico-vxlan', port: '4789/udp' },
    { service: 'calico-wireguard', port: '51820-51821/udp', ifSeen: true },
  ],
}

type Side = Pick<Flow, 'from' | 'sources'>
type Where = Pick<Flow, 'service' | 'to' | 'protocol' | 'ports'>

interface Sides {
  nodes: Side
  controlPlanes: Side
  pods: Side
  /** The operator, and the other ways in. */
  admins: Side[]
  loadBalancers: Side[]
}

const each = (label: string, networks: readonly string[]): Side[] =>
  networks.filter((n) => n !== 'none').map((n) => ({ from: `${label} ${n}`, sources: [n] }))

function sidesOf(input: FirewallInput): Sides {
  const planes = input.members.filter(isControlPlane)
  return {
    nodes: { from: 'nodes', sources: sourcesOf(['nodes'], input) },
    controlPlanes: {
      from: planes.length <= 3 ? planes.map((m) => m.name).join(' ') : 'control planes',
      sources: [...addressesOf(planes), ...input.vips],
    },
    pods: { from: 'pods', sources: input.networks.pods },
    admins: [
      ...each('you', input.you),
      ...each(
        'admin',
        input.answers.admins.filter((a) => !input.you.includes(a)),
      ),
    ],
    loadBalancers: each('load balancer', input.answers.loadBalancers),
  }
}

const open = (where: Where, sides: readonly Side[]): Flow[] => sides.map((side) => ({ ...where, ...side, wanted: 'open' }))
const tcp = (service: string, to: readonly string[], ...ports: string[]): Where => ({ service, to, protocol: 'tcp', ports })
const udp = (service: string, to: readonly string[], ...ports: string[]): Where => ({ service, to, protocol: 'udp', ports })

/** Ports of an answer as the ports of a rule. */
function named(service: string, to: readonly string[], text: string): Where {
  const { protocol, range } = portsOf(text)
  return { service, to, protocol: protocol === 'udp' ? 'udp' : 'tcp', ports: [formatPorts(range)] }
}

/** The Talos API. Control planes pass calls on to each other and to workers, so nobody else needs to reach a worker. */
function apidFlows(input: FirewallInput, onPlanes: string[], onWorkers: string[], sides: Sides): Flow[] {
  const others = input.talosApiFromPods ? [sides.nodes, sides.pods] : [sides.controlPlanes]
  return [
    ...open(tcp('apid', onPlanes, '50000'), [...sides.admins, ...sides.loadBalancers, ...others]),
    ...open(tcp('apid', onWorkers, '50000'), [sides.controlPlanes]),
  ]
}

/** Talos, etcd and Kubernetes themselves. */
function clusterFlows(input: FirewallInput, sides: Sides): Flow[] {
  const all = input.members.map((m) => m.name)
  const planes = input.members.filter(isControlPlane)
  const onPlanes = planes.map((m) => m.name)
  const onWorkers = input.members.filter((m) => !isControlPlane(m)).map((m) => m.name)
  // a version that nobody knows may listen there
  const withHttp = planes.filter((m) => factsFor(m.version)?.etcdHttpPort ?? true).map((m) => m.name)
  const { nodes, controlPlanes, pods, admins, loadBalancers } = sides
  const api = tcp('kubernetes-api', onPlanes, String(input.apiServerPort ?? API_PORT))
  return [
    ...apidFlows(input, onPlanes, onWorkers, sides),
    ...open(api, [...admins, ...loadBalancers, nodes, pods]),
    ...input.vips.flatMap((vip) => open(api, [nodes]).map((flow) => ({ ...flow, at: `VIP ${vip}` }))),
    ...open(tcp('trustd', onPlanes, '50001'), [nodes]),
    ...open(tcp('etcd', onPlanes, '2379-2380'), [controlPlanes]),
    ...open(tcp('etcd-http', withHttp, '2383'), [controlPlanes]),
    // a pod that asks the kubelet of another node comes with the address of its own
    ...open(tcp('kubelet', all, '10250'), [nodes, pods]),
    ...(input.kubespan ? open(udp('kubespan', all, '51820'), [nodes]) : []),
    // the question goes out by multicast, so an answer belongs to no connection
    ...open(udp('dhcpv6', input.dhcp6 ?? [], '546'), [{ from: 'routers, DHCP', sources: ['fe80::/10'] }]),
  ]
}

const listensOn = (input: FirewallInput, text: string): boolean => {
  const { protocol, range } = portsOf(text)
  return Object.values(input.sockets).some((list) =>
    list.some((s) => !s.pod && !s.peer && s.protocol === protocol && range[0] <= s.local.port && s.local.port <= range[1]),
  )
}

/** Between nodes, for the network of pods. */
function cniFlows(input: FirewallInput, sides: Sides): Flow[] {
  const to = input.members.map((m) => m.name)
  const known = (CNI[input.cni] ?? []).filter((p) => !p.ifSeen || listensOn(input, p.port))
  const more = input.answers.cniPorts.filter((p) => p !== 'none' && !known.some((k) => k.port === p))
  return [...known, ...more.map((port): CniPort => ({ service: `cni-${port.replace('/', '-')}`, port }))].flatMap(
    ({ service, port, pods }) => open(named(service, to, port), pods ? [sides.nodes, sides.pods] : [sides.nodes]),
  )
}

/** NodePorts that Services have now. Nodes and pods reach them whatever the answer is. */
function nodePortFlows(input: FirewallInput, sides: Sides): Flow[] {
  const to = input.members.map((m) => m.name)
  const others = input.answers.nodePorts.filter((n) => n !== 'nodes').map((n): Side => ({ from: n, sources: sourcesOf([n], input) }))
  const inside = others.some((o) => o.from === 'anyone') ? [] : [sides.nodes, sides.pods]
  return (['tcp', 'udp'] as const).flatMap((protocol) => {
    const ports = [...new Set(input.nodePorts.filter((p) => p.protocol === protocol).map((p) => p.port))].toSorted((a, b) => a - b)
    const where = { service: `nodeports-${protocol}`, to, protocol, ports: ports.map(String) }
    const called = ports.length > 4 ? { called: `${ports.length} ${protocol} NodePorts` } : {}
    return ports.length === 0 ? [] : open(where, [...others, ...inside]).map((flow) => ({ ...flow, ...called }))
  })
}

/** What the operator lets in on top. */
function allowedFlows(input: FirewallInput): Flow[] {
  const to = input.members.map((m) => m.name)
  return Object.entries(input.answers.allow).flatMap(([text, who]) =>
    open(
      named(`allow-${text.replace('/', '-')}`, to, text),
      who.map((name) => ({ from: name, sources: sourcesOf([name], input) })),
    ),
  )
}

/** Whoever cannot be read would be left out of a rule without a word. */
function unreadable(flows: readonly Flow[]): string[] {
  const named = new Map(flows.map((f) => [f.sources, f.from] as const))
  return [...named].flatMap(([sources, from]) =>
    sources
      .filter((text) => !networkOf(text))
      .map((text) => `"${text}" of ${from} is no network that can be read, so no rule would let it in`),
  )
}

/** Every flow that is meant, and every one that was seen; with what has to be said first. */
export function wantedFlows(input: FirewallInput): WantedFlows {
  const sides = sidesOf(input)
  const meant = [...clusterFlows(input, sides), ...cniFlows(input, sides), ...nodePortFlows(input, sides), ...allowedFlows(input)].filter(
    (f) => f.to.length > 0 && f.sources.length > 0,
  )
  const seen = seenFlows(input, meant)
  const problems = [...openQuestions(input, Object.keys(CNI)), ...contradictions(input), ...fitsTheNodes(input), ...unreadable(meant)]
  return { flows: [...meant, ...seen.flows], problems, notes: [...worthKnowing(input), ...seen.notes] }
}
