import { parseAddress, parseSubnet } from './cidr.ts'
import type { FirewallConfig, FirewallRule } from './firewall-config.ts'
import {
  type AddressSet,
  EVERYBODY,
  holds,
  intersection,
  minus,
  NOBODY,
  type PortRange,
  portRanges,
  setOf,
  union,
} from './firewall-sets.ts'

/**
 * Decides as the ingress firewall of Talos does, without a node. The rules become two chains:
 *
 * - `ingress` (hook input): lo, siderolink and kubespan pass. With `block`, what belongs to a connection passes, what is no
 *   packet of one is dropped, ICMP passes at 5 packets a second, pod and service networks pass among themselves, then what a
 *   rule names passes and the rest is dropped: also protocols that no rule can name (IPIP, GRE, ESP, VRRP).
 * - `prerouting` (before destination NAT): the same rules once more for new connections to the node's own addresses, which are
 *   those outside the pod and service networks. Pods have no way of their own here. So a NodePort or a host port needs a rule.
 * - Without a default action, or with `accept`, each rule drops what comes to its ports from outside its subnets: two rules of a
 *   port let in what both name, pods are no exception, and a rule without subnets closes its ports. No rule, no chain.
 * - The subnets of a rule are joined, then every `except` of the rule is taken out of all of them, whichever entry it stands at.
 * - A rule reads the destination port where TCP and UDP have it. For ICMP that is the checksum: such a rule decides by chance.
 *
 * https://github.com/siderolabs/talos/blob/v1.13.9/internal/app/machined/pkg/controllers/network/nftables_chain_config.go and
 * adapters/network/nftables_rule.go; 1.14.1 differs in two points: connections pass with `accept` too, and the address for DNS of
 * the node has an IPv6 form. Both versions are held against this by test/real/firewall-evaluator.test.ts.
 */

/** A first packet, as it comes to a node. */
export interface Packet {
  protocol: FirewallRule['protocol']
  /** Where it goes to; means nothing for ICMP. */
  port: number
  /** Its sender. */
  from: string
  /** An address of the node itself, or one that the node has inside the pod networks. */
  to: 'node' | 'pod network'
  /** `trusted`: lo, siderolink or kubespan. */
  through?: 'link' | 'trusted'
}

/** As the machine configuration has them. */
export interface Networks {
  pods: readonly string[]
  services: readonly string[]
}

export interface CompiledRule {
  protocol: FirewallRule['protocol']
  ports: PortRange[]
  from: AddressSet
}

/** A firewall whose subnets are read. */
export interface CompiledFirewall {
  blocks: boolean
  rules: CompiledRule[]
}

export const subnetSet = (subnets: readonly string[]): AddressSet => setOf(subnets.flatMap((text) => parseSubnet(text) ?? []))

export const compileRule = (rule: FirewallRule): CompiledRule => ({
  protocol: rule.protocol,
  ports: portRanges(rule.ports),
  from: minus(subnetSet(rule.ingress.map((i) => i.subnet)), subnetSet(rule.ingress.flatMap((i) => i.except ?? []))),
})

const isIcmp = (protocol: FirewallRule['protocol']): boolean => protocol === 'icmp' || protocol === 'icmpv6'

/**
 * Who reaches a port of the node's own addresses. ICMP with `accept` is the worst that can happen: every rule of it may drop the
 * packet.
 */
export function admitted({ blocks, rules }: CompiledFirewall, protocol: FirewallRule['protocol'], port: number): AddressSet {
  if (blocks && isIcmp(protocol)) return EVERYBODY
  const named = rules.filter(
    (r) => r.protocol === protocol && (isIcmp(protocol) || r.ports.some(([from, to]) => from <= port && port <= to)),
  )
  return blocks ? named.reduce((set, r) => union(set, r.from), NOBODY) : named.reduce((set, r) => intersection(set, r.from), EVERYBODY)
}

/** Whether a node with this firewall takes a packet that begins a connection. */
export function admits(config: FirewallConfig, packet: Packet, networks: Networks): boolean {
  const from = parseAddress(packet.from)
  if (packet.through === 'trusted') return true
  if (!from) return false
  const firewall = { blocks: config.ingress === 'block', rules: config.rules.map(compileRule) }
  const inside = packet.to === 'pod network' && firewall.blocks && holds(subnetSet([...networks.pods, ...networks.services]), from)
  return inside || holds(admitted(firewall, packet.protocol, packet.port), from)
}
