import { type Address, type Cidr, contains, covers, formatAddress, isLinkLocal, isLoopback, overlaps, parseAddress } from './cidr.ts'
import { networkOf, portsOf, shown, touches } from './firewall-answers.ts'
import { addressesOf, type FirewallInput, isControlPlane, sourcesOf } from './firewall-input.ts'
import { API_PORT, type Member } from './observations.ts'
import { factsFor } from './versions.ts'

/** What speaks against rules that can be worked out: questions without an answer, answers that do not go together, and the families. */

const inMembers = (members: readonly Member[], text: string): boolean => {
  const address = parseAddress(text)
  return address !== undefined && addressesOf(members).some((a) => a === formatAddress(address))
}

/** What has to be answered before anything can be proved. */
export function openQuestions(input: FirewallInput, knownCnis: readonly string[]): string[] {
  const { answers, members, cni, endpoint } = input
  const asks: string[] = []
  if (members.length === 0) asks.push('no member of the cluster is known, so there are no addresses to let in')
  for (const member of members.filter((m) => addressesOf([m]).length === 0))
    asks.push(`no address of ${member.name} can be read, so no rule would let it in`)
  if (input.networks.pods.length === 0) asks.push('the pod networks are not known, and pods reach 6443 and 10250')
  // whoever names networks there says where they come from
  if (input.you.length === 0 && !answers.admins.some((a) => networkOf(a)))
    asks.push(
      'it is not known from which address the nodes see you: name it in "admins", with NAT or VPN it is not the one of this machine',
    )
  if (answers.admins.length === 0) asks.push('name a second way in, in "admins", for the day on which this one fails, or the word none')
  if (!knownCnis.includes(cni) && answers.cniPorts.length === 0)
    asks.push(
      `${cni === '' ? 'no network plugin was found' : `the network plugin ${cni} is not known to this program`}: name the ports that it needs between nodes in "cniPorts", or the word none`,
    )
  const behind = endpoint !== '' && !inMembers(members, endpoint) && !input.vips.includes(endpoint)
  if (behind && answers.loadBalancers.length === 0)
    asks.push(
      parseAddress(endpoint)
        ? `the cluster endpoint ${endpoint} belongs to no node and is no VIP: name the addresses that its load balancer connects from in "loadBalancers", or the word none where it keeps those of the clients`
        : `the cluster endpoint ${endpoint} is a name: where a load balancer stands behind it, name the addresses that it connects from in "loadBalancers", else the word none`,
    )
  return asks
}

const networks = (texts: readonly string[]): Cidr[] => texts.flatMap((text) => networkOf(text) ?? [])

/** Ways in that the operator cuts with another answer. */
function cutOff(input: FirewallInput): string[] {
  const api = `${input.apiServerPort ?? API_PORT}/tcp`
  const ways = [
    ...input.you.map((text) => ({ text, what: `you come from ${text}, which` })),
    ...input.answers.admins.map((text) => ({ text, what: `${text} of "admins"` })),
    ...input.answers.loadBalancers.map((text) => ({ text, what: `${text} of "loadBalancers"` })),
  ]
  return Object.entries(input.answers.cut).flatMap(([ports, who]) =>
    ['50000/tcp', api]
      .filter((needed) => touches(portsOf(needed), portsOf(ports)))
      .flatMap((needed) =>
        ways.flatMap(({ text, what }) => {
          const way = networkOf(text)
          const taken = way && networks(sourcesOf(who, input)).find((n) => overlaps(n, way))
          if (!way || !taken) return []
          return covers(taken, way)
            ? [`${what} lies in ${shown(taken)}, which "cut" takes from ${needed}: cut a smaller network there`]
            : [`${what} holds ${shown(taken)}, which "cut" takes from ${needed}: name smaller networks there`]
        }),
      ),
  )
}

/** The same port let in and cut. A cut of single networks beside what is let in is fine as long as they do not meet. */
function bothWays(input: FirewallInput): string[] {
  return Object.entries(input.answers.allow).flatMap(([allowed, who]) =>
    Object.entries(input.answers.cut).flatMap(([cut, whom]) => {
      if (!touches(portsOf(allowed), portsOf(cut))) return []
      if (whom.length === 0) return [`${cut} stands in "cut", and ${allowed} in "allow": take one of them out`]
      const inner = networks(sourcesOf(whom, input)).find((n) => networks(sourcesOf(who, input)).some((m) => covers(m, n)))
      return inner ? [`${shown(inner)} stands in "cut" for ${cut}, and "allow" lets it in to ${allowed}: name smaller networks there`] : []
    }),
  )
}

export const contradictions = (input: FirewallInput): string[] => [...new Set([...cutOff(input), ...bothWays(input)])]

const FAMILY = { 4: 'IPv4', 6: 'IPv6' } as const

const familiesOf = (members: readonly Member[]): Set<4 | 6> => new Set(addressesOf(members).flatMap((a) => parseAddress(a)?.family ?? []))

/** Ways in of a family that no control plane has. */
export function fitsTheNodes(input: FirewallInput): string[] {
  const planes = familiesOf(input.members.filter(isControlPlane))
  if (planes.size === 0) return []
  const ways = [...input.you.map((text) => ({ text, from: 'you' })), ...input.answers.admins.map((text) => ({ text, from: '"admins"' }))]
  return ways.flatMap(({ text, from }) => {
    const way = networkOf(text)
    if (!way || planes.has(way.family)) return []
    return [`${text} of ${from} is ${FAMILY[way.family]}, and the control planes have ${FAMILY[way.family === 4 ? 6 : 4]} addresses only`]
  })
}

/** Both families on the nodes, and a way in over one of them. */
function oneFamily(input: FirewallInput): string[] {
  const planes = familiesOf(input.members.filter(isControlPlane))
  const ways = new Set(networks([...input.you, ...input.answers.admins]).map((n) => n.family))
  return planes.size < 2 || ways.size !== 1
    ? []
    : [
        `the control planes have IPv4 and IPv6 addresses, and every way in that is named is ${FAMILY[ways.has(4) ? 4 : 6]}: over the other family no admin gets in`,
      ]
}

/** Nodes whose versions listen on different ports. */
function versions({ members }: FirewallInput): string[] {
  const planes = members.filter(isControlPlane)
  const unknown = planes
    .filter((m) => !factsFor(m.version))
    .map((m) => `${m.name} does not say which Talos it runs: 2383 is opened for etcd there, which 1.14 needs`)
  const [recent, older] = [true, false].map((has) => planes.filter((m) => factsFor(m.version)?.etcdHttpPort === has).map((m) => m.name))
  if (!recent?.length || !older?.length) return unknown
  return [
    ...unknown,
    `${recent.join(', ')} ${recent.length === 1 ? 'has' : 'have'} etcd on 2383 as well, ${older.join(', ')} ${older.length === 1 ? 'gets' : 'get'} that with Talos 1.14: plan again after the upgrade`,
  ]
}

/** Protocols beside TCP, UDP and ICMP are dropped, and nothing can let them in; eBPF may pass the chains by. */
function plugin({ cni }: FirewallInput): string[] {
  if (cni === 'calico') return ['Calico with IPIP sends a protocol that no rule of Talos can name: it needs VXLAN or no encapsulation']
  if (cni === 'cilium')
    return [
      'where Cilium replaces kube-proxy, traffic that it redirects may pass the firewall by, and IPsec of it is dropped: a rule of Talos cannot name ESP',
    ]
  return []
}

/** New connections of other protocols are not held back before destination NAT, and nothing can name them. */
const unnameable = ({ nodePorts, hostPorts, servicePorts = [] }: FirewallInput): string[] =>
  [...nodePorts, ...hostPorts, ...servicePorts]
    .filter((p) => p.protocol === 'sctp')
    .map((p) => `${p.owner}: its port ${p.port}/sctp stays open to everybody, because no rule of Talos can name SCTP`)

/** The rules name the nodes of today: one that comes later gets no certificate, and then nobody can look at it to plan again. */
const laterNodes = ({ apiServerPort = API_PORT }: FirewallInput): string =>
  `a node that joins later, or gets another address, is shut out: before it does, name the network that nodes come from in "allow", 50001/tcp=NETWORK ${apiServerPort}/tcp=NETWORK, for a control plane 2379-2380/tcp=NETWORK too, and plan again when it is there`

/** What is good to know, and stops nothing. */
export function worthKnowing(input: FirewallInput): string[] {
  return [laterNodes(input), ...oneFamily(input), ...versions(input), ...plugin(input), ...insidePods(input), ...unnameable(input)]
}

/** Talos takes these for addresses of pods, and does not guard NodePorts there. */
function insidePods({ members, networks: { pods, services } }: FirewallInput): string[] {
  const cluster = networks([...pods, ...services])
  const isOdd = (a: Address) => !isLoopback(a) && !isLinkLocal(a) && cluster.some((n) => contains(n, a))
  return members.flatMap((m) =>
    addressesOf([m])
      .filter((text) => isOdd(parseAddress(text) as Address))
      .map((text) => `${m.name}: its address ${text} lies in a pod or service network, so its NodePorts stay open there`),
  )
}
