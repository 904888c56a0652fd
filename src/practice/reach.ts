import { parseAddress } from '../domain/cidr.ts'
import { admitted, compileRule } from '../domain/firewall.ts'
import type { FirewallConfig } from '../domain/firewall-config.ts'
import { holds } from '../domain/firewall-sets.ts'
import type { PracticeNode, PracticeState } from './state.ts'

/** Who gets through to whom, past the firewalls of the simulated nodes. */

/** The machine that practice is run from, as the nodes see it. */
export const OPERATOR = '10.20.0.1'

interface Document {
  kind: string
  name?: string
  ingress?: unknown
  portSelector?: { ports: (string | number)[]; protocol: 'tcp' | 'udp' }
}

export function firewallOf({ firewall }: Pick<PracticeNode, 'firewall'>): FirewallConfig {
  const documents = firewall as unknown as Document[]
  const action = documents.find((d) => d.kind === 'NetworkDefaultActionConfig')?.ingress
  const rules = documents.flatMap(({ kind, name = '', portSelector, ingress }) =>
    kind === 'NetworkRuleConfig' && portSelector
      ? [
          {
            name,
            ports: portSelector.ports.map(String),
            protocol: portSelector.protocol,
            ingress: ingress as FirewallConfig['rules'][number]['ingress'],
          },
        ]
      : [],
  )
  return { ...(action === 'block' || action === 'accept' ? { ingress: action } : {}), rules }
}

export function lets(node: PracticeNode, from: string, port: number): boolean {
  const { ingress, rules } = firewallOf(node)
  const address = parseAddress(from)
  return (
    from === node.address ||
    (address !== undefined && holds(admitted({ blocks: ingress === 'block', rules: rules.map(compileRule) }, 'tcp', port), address))
  )
}

/** Through any control plane that lets the operator in, and that the node lets in. */
export const reachable = (state: PracticeState, node: PracticeNode): boolean =>
  state.nodes.some((via) => via.type === 'controlplane' && lets(via, OPERATOR, 50000) && lets(node, via.address, 50000))
