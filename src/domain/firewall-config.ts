import { canonical } from '../contract.ts'
import { formatPorts, mergePorts, portRanges } from './firewall-sets.ts'

/**
 * Talos's ingress firewall as its documents say it.
 * https://docs.siderolabs.com/talos/v1.14/networking/ingress-firewall
 */

/** A `NetworkRuleConfig`. */
export interface FirewallRule {
  name: string
  /** `50000` or `30000-32767`. */
  ports: string[]
  protocol: 'tcp' | 'udp' | 'icmp' | 'icmpv6'
  ingress: { subnet: string; except?: string }[]
}

export interface FirewallConfig {
  /** Of the `NetworkDefaultActionConfig`; absent where there is none, and then everything is let in. */
  ingress?: 'accept' | 'block'
  rules: FirewallRule[]
}

/** One spelling of a rule, whatever order and form it was written in. */
export function spelled(rule: FirewallRule): string {
  const ports = mergePorts(portRanges(rule.ports))
  const ingress = rule.ingress.map((i) => `${i.subnet}${i.except ? ` without ${i.except}` : ''}`).toSorted()
  return canonical({ name: rule.name, protocol: rule.protocol, ports: ports.map(formatPorts), ingress })
}

export const sameRule = (a: FirewallRule | undefined, b: FirewallRule | undefined): boolean =>
  a !== undefined && b !== undefined && spelled(a) === spelled(b)
