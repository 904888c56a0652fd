import { type Block, canonical } from '../contract.ts'
import { formatAddress, isLoopback, isWildcard, parseAddress } from './cidr.ts'
import { type Bite, type End, type Flow, podKey, selects } from './network-match.ts'
import type { PodSeen, ServiceSeen } from './network-policy.ts'
import { API_PORT, type Member } from './observations.ts'
import { counted, listed } from './remarks.ts'
import type { Socket } from './sockets.ts'

/**
 * Who talks to whom, out of the sockets of all nodes as `talosctl netstat` shows them. A client that goes to a Service still has the
 * address of the Service for its peer; the server sees the client itself. What is not connected while we look is not seen, and of UDP
 * there is hardly ever anything to see.
 */

export interface Flows {
  flows: Flow[]
  /** Sentences about what could not be told. */
  doubts: string[]
}

interface Places {
  byName: Map<string, PodSeen>
  byAddress: Map<string, PodSeen>
  services: Map<string, ServiceSeen>
  /** `pod protocol port` that something listens on. */
  listening: Set<string>
  pods: readonly PodSeen[]
  apiServers: ApiServer[]
}

interface ApiServer {
  address: string
  port: number
}

/** Its endpoints are the control plane nodes, and there a policy meets what goes to it. */
export const API_SERVICE = 'default/kubernetes'

/** One way to write each address; what is none stays as it is. */
const tidy = (address: string): string => {
  const parsed = parseAddress(address)
  return parsed ? formatAddress(parsed) : address
}
const isFar = (address: string): boolean => {
  const parsed = parseAddress(address)
  return parsed !== undefined && !isLoopback(parsed) && !isWildcard(parsed)
}

/** Every address that an API server may be met at: which of them a node advertises is not to be seen. */
export const apiServersOf = (members: readonly Pick<Member, 'address' | 'addresses' | 'type' | 'apiPort'>[]): ApiServer[] =>
  members
    .filter((m) => m.type === 'controlplane')
    .flatMap((m) =>
      [...new Set([m.address, ...m.addresses].map(tidy))].filter(isFar).map((address) => ({ address, port: m.apiPort ?? API_PORT })),
    )

const isIpv6 = (address: string): boolean => parseAddress(address)?.family === 6

const listens = (socket: Socket): boolean => socket.state === 'LISTEN' || (socket.protocol === 'udp' && !socket.peer)

function placesOf(sockets: readonly Socket[], pods: readonly PodSeen[], services: readonly ServiceSeen[], apiServers: ApiServer[]): Places {
  const own = pods.filter((p) => !p.hostNetwork)
  const byAddress = new Map(own.flatMap((p) => p.ips.map((ip): [string, PodSeen] => [tidy(ip), p])))
  const places: Places = {
    pods: own,
    byName: new Map(pods.map((p) => [podKey(p), p])),
    byAddress,
    services: new Map(services.flatMap((s) => s.clusterIPs.filter(isFar).map((ip): [string, ServiceSeen] => [tidy(ip), s]))),
    listening: new Set(),
    apiServers,
  }
  for (const socket of sockets.filter(listens)) {
    const pod = ownerOf(socket, places)
    if (pod) places.listening.add(`${podKey(pod)} ${socket.protocol} ${socket.local.port}`)
  }
  return places
}

/** The pod that a socket is in, if it is one of the pod network. */
function ownerOf(socket: Socket, { byName, byAddress }: Places): PodSeen | undefined {
  const named = socket.pod === undefined ? undefined : byName.get(socket.pod)
  return named ? (named.hostNetwork ? undefined : named) : byAddress.get(tidy(socket.local.address))
}

const endOf = (address: string, { byAddress }: Places): End => {
  const pod = byAddress.get(tidy(address))
  return pod ? { pod: podKey(pod) } : { address: tidy(address) }
}

/** Whether the near side is the one that was called. Where nobody is seen to listen, the port that the pod declares tells. */
function isServer(socket: Socket, pod: PodSeen, { listening }: Places): boolean {
  if (listening.has(`${podKey(pod)} ${socket.protocol} ${socket.local.port}`)) return true
  return pod.ports.some((p) => p.port === socket.local.port && p.protocol === socket.protocol)
}

/** The pods behind a port of a Service, with the port that they listen on. */
function behind(service: ServiceSeen, port: number, protocol: Flow['protocol'], pods: readonly PodSeen[]): { pod: string; port: number }[] {
  const entry = service.ports.find((p) => p.port === port && p.protocol === protocol)
  if (!entry || Object.keys(service.selector).length === 0) return []
  const selector = { matchLabels: service.selector, matchExpressions: [] }
  return pods
    .filter((p) => p.namespace === service.namespace && selects(selector, p.labels))
    .flatMap((p) => {
      const target = targetOf(entry.targetPort, p, protocol)
      return target === undefined ? [] : [{ pod: podKey(p), port: target }]
    })
}

/** A port by the name that the pod gives it. */
export const targetOf = (target: number | string, pod: PodSeen, protocol: Flow['protocol']): number | undefined =>
  typeof target === 'number' ? target : pod.ports.find((p) => p.name === target && p.protocol === protocol)?.port

function flowsOfSocket(socket: Socket, pod: PodSeen, places: Places): Flow[] {
  const { peer, protocol, local } = socket
  if (!peer) return []
  const self: End = { pod: podKey(pod) }
  if (isServer(socket, pod, places)) return [{ from: endOf(peer.address, places), to: self, port: local.port, protocol }]
  const service = places.services.get(tidy(peer.address))
  if (!service) return [{ from: self, to: endOf(peer.address, places), port: peer.port, protocol }]
  const through = `${service.namespace}/${service.name}`
  // endpoints are of the family of the address of their Service
  const apiServers = through === API_SERVICE ? places.apiServers.filter((s) => isIpv6(s.address) === isIpv6(tidy(peer.address))) : []
  if (apiServers.length > 0)
    return apiServers.map((server) => ({ from: self, to: { address: server.address }, port: server.port, protocol, through }))
  const ends = behind(service, peer.port, protocol, places.pods)
  if (ends.length === 0) return [{ from: self, to: { address: tidy(peer.address) }, port: peer.port, protocol, through }]
  return ends.map((end) => ({ from: self, to: { pod: end.pod }, port: end.port, protocol, through }))
}

/** SYN_SENT got no answer, so that it is no traffic. */
const isConnected = ({ protocol, state, peer, local }: Socket): boolean =>
  peer !== undefined &&
  isFar(peer.address) &&
  isFar(local.address) &&
  peer.port > 0 &&
  (protocol === 'udp' || !['LISTEN', 'SYN_SENT', 'CLOSE', 'CLOSED'].includes(state))

/**
 * Each flow once, whichever of its sides was seen.
 *
 * @param sockets of all nodes
 */
export function flowsOf(
  sockets: readonly Socket[],
  pods: readonly PodSeen[],
  services: readonly ServiceSeen[],
  members: Parameters<typeof apiServersOf>[0],
): Flows {
  const places = placesOf(sockets, pods, services, apiServersOf(members))
  const gone = new Set<string>()
  const found = new Map<string, Flow>()
  for (const socket of sockets.filter(isConnected)) {
    const pod = ownerOf(socket, places)
    if (socket.pod !== undefined && !places.byName.has(socket.pod)) gone.add(socket.pod)
    if (!pod) continue
    for (const flow of flowsOfSocket(socket, pod, places)) {
      const { through, ...rest } = flow
      const key = canonical(rest)
      // the side that went through a Service says more
      if (!found.has(key) || through) found.set(key, flow)
    }
  }
  const doubts =
    gone.size > 0 ? [`${listed([...gone])} ${gone.size === 1 ? 'is' : 'are'} seen to talk, and gone when the pods were listed`] : []
  return { flows: [...found.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, flow]) => flow), doubts }
}

const endText = (end: End): string => ('pod' in end ? end.pod : end.address)

/** `red/web-1 to blue/db-0 on 5432/tcp`. */
export const flowText = ({ from, to, port, protocol, through }: Flow): string =>
  `${endText(from)} to ${endText(to)} on ${port}/${protocol}${through ? ` (through ${through})` : ''}`

const MOST_ROWS = 20

/** What would be cut, as a table. */
export function biteBlocks(bites: readonly Bite[]): Block[] {
  if (bites.length === 0) return []
  const rows = bites
    .slice(0, MOST_ROWS)
    .map(({ flow, direction, policies }) => [flowText(flow), direction === 'Egress' ? 'going out' : 'coming in', listed(policies)])
  const more = bites.length - rows.length
  return [
    { type: 'table', head: ['connection', 'stopped', 'by'], rows },
    ...(more > 0 ? [{ type: 'text' as const, text: `${counted(more, 'more connection')} like these.` }] : []),
  ]
}

/** What it comes to where the plugin does not enforce yet, or may not. */
export const biteSentence = (bites: readonly Bite[]): string | undefined =>
  bites.length === 0
    ? undefined
    : `${counted(bites.length, 'connection')} that ${bites.length === 1 ? 'is' : 'are'} open now would be cut as soon as policies are enforced`
