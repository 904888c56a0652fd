import { canonical } from '../contract.ts'
import { formatCidr, mergeCidrs } from './cidr.ts'
import { networkOf } from './firewall-answers.ts'
import type { FirewallConfig, FirewallRule } from './firewall-config.ts'
import type { Flow } from './firewall-input.ts'
import { formatPorts, mergePorts, portRanges } from './firewall-sets.ts'

/** The rules that open what is wanted, and nothing else. */

/** Rules with this name are ours. */
const PREFIX = 'preflight-'

export const isOurs = (rule: Pick<FirewallRule, 'name'>): boolean => rule.name.startsWith(PREFIX)

const byName = (a: FirewallRule, b: FirewallRule): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

/** The networks of a rule: none lies in another, in order. */
const subnetsOf = (flows: readonly Flow[]): { subnet: string }[] =>
  mergeCidrs(flows.flatMap((f) => f.sources.flatMap((text) => networkOf(text) ?? []))).map((cidr) => ({ subnet: formatCidr(cidr) }))

function ruleOf(name: string, flows: readonly Flow[]): FirewallRule {
  const ports = mergePorts(portRanges(flows.flatMap((f) => f.ports)))
  return { name, protocol: flows[0]?.protocol ?? 'tcp', ports: ports.map(formatPorts), ingress: subnetsOf(flows) }
}

/** Flows by the rule that opens them: one for each service, protocol and set of ports. */
function byRule(flows: readonly Flow[]): Map<string, Flow[]> {
  const rules = new Map<string, Flow[]>()
  for (const flow of flows) {
    const same = [...rules].find(
      ([, [first]]) =>
        first?.service === flow.service && first.protocol === flow.protocol && canonical(first.ports) === canonical(flow.ports),
    )
    if (same) same[1].push(flow)
    else {
      const name = PREFIX + flow.service
      rules.set(rules.has(name) ? `${name}-${flow.protocol}-${flow.ports.join('-')}` : name, [flow])
    }
  }
  return rules
}

const rulesOf = (flows: readonly Flow[]): FirewallRule[] =>
  [...byRule(flows)]
    .map(([name, own]) => ruleOf(name, own))
    .filter((rule) => rule.ingress.length > 0)
    .toSorted(byName)

/** What each node needs, in order of name. The same flows give the same rules, and nodes with the same flows share theirs. */
export function rulesByNode(nodes: readonly { name: string }[], flows: readonly Flow[]): Map<string, FirewallRule[]> {
  const opening = flows.filter((f) => f.wanted === 'open').map((flow) => ({ flow, to: new Set(flow.to) }))
  const known = new Map<string, FirewallRule[]>()
  return new Map(
    nodes.map(({ name }) => {
      const own = opening.filter((o) => o.to.has(name))
      const key = own.map((o) => opening.indexOf(o)).join(' ')
      const rules = known.get(key) ?? rulesOf(own.map((o) => o.flow))
      known.set(key, rules)
      return [name, rules]
    }),
  )
}

/** The firewall of a node with our rules in place of the ones that it had from us. Rules of others stay, and let in as well. */
export const withOurs = (before: FirewallConfig, wanted: readonly FirewallRule[]): FirewallConfig => ({
  ingress: 'block',
  rules: [...before.rules.filter((r) => !isOurs(r)), ...wanted].toSorted(byName),
})
