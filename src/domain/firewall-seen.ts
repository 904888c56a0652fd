import { type Address, formatAddress, isLinkLocal, isLoopback, parseAddress } from './cidr.ts'
import { subnetSet } from './firewall.ts'
import { networkOf, portsOf } from './firewall-answers.ts'
import { ANYONE, addressesOf, type FirewallInput, type Flow, sourcesOf } from './firewall-input.ts'
import { type AddressSet, holds, parsePorts, setOf } from './firewall-sets.ts'
import type { Socket } from './sockets.ts'

/**
 * What a node shows of its flows: who listens, and who is connected. A socket in the network of a pod is no port of the node.
 * What listens on lo or on a link-local address (the node's DNS for pods) is not reached from outside.
 */

interface Seen {
  kind: NonNullable<Flow['seen']>
  node: string
  protocol: Flow['protocol']
  port: number
  from: string
  sources: readonly string[]
  program: string | undefined
}

const local = (socket: Socket): Address | undefined => parseAddress(socket.local.address)

function isListener(socket: Socket): boolean {
  const address = local(socket)
  if (socket.pod || socket.peer || (socket.protocol === 'tcp' && socket.state !== 'LISTEN')) return false
  return !address || !(isLoopback(address) || isLinkLocal(address))
}

/** Ephemeral ports of Linux. https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html (ip_local_port_range) */
const isEphemeral = (port: number): boolean => port >= 32768 && port <= 60999

/** A program that asks by UDP waits for the answer on a port that looks like a listener. Those of the kernel are no such program. */
const mayAsk = (seen: Seen): boolean =>
  seen.kind === 'listener' && seen.protocol === 'udp' && seen.program !== undefined && isEphemeral(seen.port)

function listeners(input: FirewallInput): Seen[] {
  const found = Object.entries(input.sockets).flatMap(([node, list]) =>
    list.filter(isListener).map((s): Seen => {
      return { kind: 'listener', node, protocol: s.protocol, port: s.local.port, from: 'anyone', sources: ANYONE, program: s.program }
    }),
  )
  return [...found, ...published(input)]
}

/** What nobody listens for on a node, because the kernel sends it on to a pod; the firewall decides before that. */
function published({ members, hostPorts, servicePorts = [] }: FirewallInput): Seen[] {
  const all = members.map((m) => m.name)
  const known = new Set(all)
  const ofPods = hostPorts.map(({ node, owner, ...port }) =>
    known.has(node)
      ? { ...port, kind: 'host port' as const, nodes: [node], program: owner }
      : // a pod without a node of ours may come to any of them
        {
          ...port,
          kind: 'host port' as const,
          nodes: all,
          program: `${owner} (${node ? `its node ${node} is no member` : 'without a node yet'})`,
        },
  )
  const ofServices = servicePorts.map(({ owner, ...port }) => ({ ...port, kind: 'service' as const, program: owner }))
  return [...ofPods, ...ofServices].flatMap(({ nodes, kind, protocol, port, program }) =>
    nodes.flatMap((node): Seen[] =>
      protocol === 'sctp' ? [] : [{ kind, node, protocol, port, from: 'anyone', sources: ANYONE, program }],
    ),
  )
}

/** Who a connected address belongs to. */
type NameOf = (address: Address) => Pick<Seen, 'from' | 'sources'>

function namesOf(input: FirewallInput): NameOf {
  const names = new Map(input.members.flatMap((m) => addressesOf([m]).map((a) => [a, m.name] as const)))
  const pods = subnetSet(input.networks.pods)
  const known = new Map<string, Pick<Seen, 'from' | 'sources'>>()
  return (address) => {
    const text = formatAddress(address)
    const found = known.get(text)
    if (found) return found
    const node = names.get(text)
    const name = holds(pods, address)
      ? { from: 'pods', sources: input.networks.pods }
      : { from: node ? `${node} ${text}` : input.you.includes(text) ? `you ${text}` : text, sources: [text] }
    known.set(text, name)
    return name
  }
}

interface Connected {
  protocol: Flow['protocol']
  port: number
  peer: Address
  pod: string | undefined
  program: string | undefined
  /** One of its connections is open now. */
  established: boolean
}

/**
 * Who is connected to a port on which the node, or a pod, listens; each address once. Connections that it made itself, to others or
 * on lo, are none of them. One that is over shows who was there a moment ago, such as a health check.
 */
function inbound(list: readonly Socket[]): Connected[] {
  const portOf = (s: Socket) => `${s.pod ?? ''} ${s.protocol} ${s.local.port}`
  const listening = new Map(
    list.filter((s) => !s.peer && (s.protocol === 'udp' || s.state === 'LISTEN')).map((s) => [portOf(s), s.program]),
  )
  const found = new Map<string, Connected>()
  for (const socket of list) {
    if (!socket.peer || socket.state.startsWith('SYN') || !listening.has(portOf(socket))) continue
    const key = `${portOf(socket)} ${socket.peer.address}`
    const [known, established] = [found.get(key), socket.state === 'ESTABLISHED']
    if (known) known.established ||= established
    const [peer, address] = known ? [] : [parseAddress(socket.peer.address), parseAddress(socket.local.address)]
    if (!peer || !address || isLoopback(peer) || isLoopback(address) || isLinkLocal(address)) continue
    const program = socket.program ?? listening.get(portOf(socket))
    found.set(key, { protocol: socket.protocol, port: socket.local.port, peer, pod: socket.pod, program, established })
  }
  return [...found.values()]
}

function peers(input: FirewallInput): Seen[] {
  const nameOf = namesOf(input)
  const own = new Map(input.members.map((m) => [m.name, new Set(addressesOf([m]))]))
  return Object.entries(input.sockets).flatMap(([node, list]) =>
    inbound(list)
      .filter(({ pod, peer }) => !pod && !own.get(node)?.has(formatAddress(peer)))
      // what this machine asked a moment ago was a look of ours, such as a handshake
      .filter(({ peer, established }) => established || !input.you.includes(formatAddress(peer)))
      .map(({ protocol, port, peer, program }): Seen => ({ kind: 'peer', node, protocol, port, ...nameOf(peer), program })),
  )
}

interface Opening {
  nodes: ReadonlySet<string>
  set: AddressSet
}

/** The openings of a port, worked out once for each. */
function openingsOf(meant: readonly Flow[]): (protocol: string, port: number) => Opening[] {
  const nodes = new Map<readonly string[], ReadonlySet<string>>()
  const nodesOf = (to: readonly string[]) => nodes.get(to) ?? nodes.set(to, new Set(to)).get(to) ?? new Set()
  const compiled = meant.map((flow) => ({
    flow,
    nodes: nodesOf(flow.to),
    set: flowSet(flow),
    ranges: flow.ports.map((p) => parsePorts(p)),
  }))
  const known = new Map<string, Opening[]>()
  return (protocol, port) => {
    const key = `${protocol} ${port}`
    const found =
      known.get(key) ?? compiled.filter((c) => c.flow.protocol === protocol && c.ranges.some((r) => r && r[0] <= port && port <= r[1]))
    known.set(key, found)
    return found
  }
}

/** The sources of a flow. A bare address is a network of one. */
export const flowSet = (flow: Pick<Flow, 'sources'>): AddressSet => setOf(flow.sources.flatMap((text) => networkOf(text) ?? []))

/** What the operator said may be cut. */
function cutsOf(input: FirewallInput): (seen: Seen) => boolean {
  const cuts = Object.entries(input.answers.cut).map(([text, who]) => ({
    ...portsOf(text),
    whole: who.length === 0,
    set: flowSet({ sources: sourcesOf(who, input) }),
  }))
  return ({ protocol, port, kind, sources }) =>
    cuts.some((cut) => {
      if (cut.protocol !== protocol || port < cut.range[0] || port > cut.range[1]) return false
      const first = kind === 'peer' ? networkOf(sources[0] ?? '') : undefined
      return cut.whole || (first !== undefined && holds(cut.set, first))
    })
}

/** Nobody can answer for more addresses of one port than this; then they are one flow. */
const MOST_PEERS = 8

/** One flow for what was seen on several nodes. */
function gathered(seen: readonly (Seen & { wanted: 'closed' | 'ask' })[]): Flow[] {
  const groups = new Map<string, { first: Seen & { wanted: 'closed' | 'ask' }; nodes: Set<string>; sources: Set<string> }>()
  const crowd = new Map<string, Set<string>>()
  const portOf = (s: Seen & { wanted: string }) => `${s.kind} ${s.protocol} ${s.port} ${s.program} ${s.wanted}`
  for (const s of seen) crowd.set(portOf(s), (crowd.get(portOf(s)) ?? new Set()).add(s.from))
  for (const s of seen) {
    const many = (crowd.get(portOf(s))?.size ?? 0) > MOST_PEERS
    const key = many ? portOf(s) : `${portOf(s)} ${s.from}`
    const group = groups.get(key) ?? {
      first: many ? { ...s, from: `${crowd.get(portOf(s))?.size} addresses` } : s,
      nodes: new Set(),
      sources: new Set(),
    }
    groups.set(key, group)
    group.nodes.add(s.node)
    for (const source of s.sources) group.sources.add(source)
  }
  return [...groups.values()].map(({ first: { protocol, port, from, wanted, kind, program }, nodes, sources }) => ({
    service: `seen-${port}-${protocol}`,
    from,
    sources: [...sources],
    to: [...nodes],
    protocol,
    ports: [String(port)],
    wanted,
    seen: kind,
    ...(program === undefined ? {} : { program }),
  }))
}

const inOrder = (flows: Flow[]): Flow[] =>
  flows.toSorted(
    (a, b) =>
      Number(a.ports[0]) - Number(b.ports[0]) || a.protocol.localeCompare(b.protocol) || (a.from < b.from ? -1 : a.from > b.from ? 1 : 0),
  )

/** Flows that nobody meant: `closed` where the operator cuts them, else `ask`. */
export function seenFlows(input: FirewallInput, meant: readonly Flow[]): { flows: Flow[]; notes: string[] } {
  const openings = openingsOf(meant)
  const isCut = cutsOf(input)
  const isMeant = (s: Seen): boolean => {
    const first = networkOf(s.sources[0] ?? '')
    const here = openings(s.protocol, s.port).filter((o) => o.nodes.has(s.node))
    return here.some((o) => s.kind !== 'peer' || (first !== undefined && holds(o.set, first)))
  }
  const strangers = [...listeners(input), ...peers(input)].filter((s) => !isMeant(s))
  const places = new Map<string, Set<string>>()
  for (const s of strangers.filter(mayAsk)) places.set(String(s.port), (places.get(String(s.port)) ?? new Set()).add(s.node))
  const asks = (s: Seen): boolean => mayAsk(s) && !isCut(s) && places.get(String(s.port))?.size === 1
  const flows = gathered(
    strangers.filter((s) => !asks(s)).map((s) => ({ ...s, wanted: isCut(s) ? ('closed' as const) : ('ask' as const) })),
  )
  const notes = strangers
    .filter(asks)
    .map((s) => `${s.node}: ${s.program} waits for an answer on ${s.port}/udp, which is taken for no listener`)
  return { flows: inOrder(flows), notes: [...notes, ...podPeers(input, meant)] }
}

/** Addresses outside the cluster that reach a pod: through a NodePort, a host port or a load balancer, which leaves no trace on the node. */
function podPeers(input: FirewallInput, meant: readonly Flow[]): string[] {
  const inside = clusterSet(input)
  const published = meant.filter((f) => /^(nodeports|allow)-/.test(f.service)).map(flowSet)
  const found = Object.values(input.sockets).flatMap((list) => inbound(list.filter((s) => s.pod)))
  const strangers = found.filter(({ peer }) => !holds(inside, peer) && !published.some((set) => holds(set, peer)))
  const texts = strangers.map(({ protocol, port, pod, peer }) => `${formatAddress(peer)} talks to ${port}/${protocol} of the pod ${pod}`)
  const unique = [...new Set(texts)].toSorted()
  return unique
    .slice(0, MOST_PEERS)
    .map((text) => `${text}: where that goes through a NodePort or a host port, name it in "nodePorts" or "allow"`)
}

const clusterSet = ({ members, networks }: Pick<FirewallInput, 'members' | 'networks'>): AddressSet =>
  flowSet({ sources: [...addressesOf(members), ...networks.pods, ...networks.services] })
