import { plainLine } from '../contract.ts'
import type { FirewallRule } from '../domain/firewall-config.ts'
import type { AddressOperators, ClusterNetworks, FirewallChain } from '../domain/hardening-config.ts'
import type { Socket } from '../domain/sockets.ts'
import { type CosiObject, rows } from './parse.ts'
import { PROTOCOLS } from './parse-hardening.ts'
import { asList, asMap, asText, type Raw } from './raw.ts'

/** Parsers of what tells who reaches a node: sockets, the firewall in effect, and where pods, services and moving addresses are. */

/** `[fd00::1]:443`, `fd00::1:443` and `10.0.0.1:443`; nothing for `:::*`. */
function endpoint(text: string): { address: string; port: number } | undefined {
  const at = text.lastIndexOf(':')
  const port = text.slice(at + 1)
  return at > 0 && /^\d{1,5}$/.test(port)
    ? { address: plainLine(text.slice(0, at).replace(/^\[|\]$/g, ''), 60), port: Number(port) }
    : undefined
}

/** Sockets by node. Those in `TIME_WAIT` belong to nobody and are left out. */
export function parseSockets(stdout: string): Map<string, Socket[]> {
  const found = new Map<string, Socket[]>()
  for (const row of rows(stdout)) {
    const protocol = /^(tcp|udp)6?$/.exec(row.Proto ?? '')?.[1] as Socket['protocol'] | undefined
    const local = endpoint(row['Local Address'] ?? '')
    if (!row.NODE || !protocol || !local || row.State === 'TIME_WAIT') continue
    const peer = endpoint(row['Foreign Address'] ?? '')
    const program = /^\d+\/(.+)$/.exec(row['PID/Program name'] ?? '')?.[1]
    const pod = row.Pod && row.Pod !== '-' ? plainLine(row.Pod, 300) : undefined
    const socket: Socket = {
      protocol,
      local,
      ...(peer ? { peer } : {}),
      state: plainLine(row.State ?? '', 20),
      ...(program ? { program: plainLine(program, 60) } : {}),
      ...(pod ? { pod } : {}),
    }
    const known = found.get(row.NODE)
    if (known) known.push(socket)
    else found.set(row.NODE, [socket])
  }
  return found
}

/** The chain that decides what comes in; absent where no firewall is set. Rules of Talos itself are left out: they are always the same. */
export function parseFirewallChain(objects: readonly CosiObject[]): FirewallChain {
  const spec = asMap(objects.find((o) => o.id === 'ingress')?.spec)
  if (spec.hook !== 'input') return { blocks: false, rules: [] }
  return { blocks: spec.policy === 'drop', rules: asList(spec.rules).flatMap((rule, i) => ruleInEffect(asMap(rule), i)) }
}

function ruleInEffect(rule: Raw, at: number): FirewallRule[] {
  const layer = asMap(rule.matchLayer4)
  const protocol = PROTOCOLS.find((p) => p === layer.protocol)
  const ranges = asList(asMap(layer.matchDestinationPort).ranges).map(asMap)
  if (rule.verdict !== 'accept' || !protocol || ranges.length === 0 || rule.matchDestinationAddress) return []
  const source = asMap(rule.matchSourceAddress)
  const excluded = asList(source.excludeSubnets).map((s) => asText(s))
  const ingress = asList(source.includeSubnets).flatMap((subnet) =>
    excluded.length > 0 ? excluded.map((except) => ({ subnet: asText(subnet), except })) : [{ subnet: asText(subnet) }],
  )
  const ports = ranges.map(({ lo, hi }) => (lo === hi ? String(lo) : `${lo}-${hi}`))
  return [{ name: `rule ${at + 1} in effect`, ports, protocol, ingress }]
}

/** Where pods and services live, from either form of what the controller manager is started with. */
export function parseNetworks(objects: readonly CosiObject[]): ClusterNetworks | undefined {
  const specs = objects.map((o) => asMap(o.spec))
  const args = specs.flatMap((s) => asList(s.args).map((t) => asText(t)))
  const ofArgument = (name: string) =>
    args.flatMap((a) => (a.startsWith(`--${name}=`) ? a.slice(name.length + 3).split(',') : [])).filter(Boolean)
  const listed = (key: string) => specs.flatMap((s) => asList(s[key]).map((t) => asText(t))).filter(Boolean)
  const pods = [...new Set([...listed('podCIDRs'), ...ofArgument('cluster-cidr')])]
  const services = [...new Set([...listed('serviceCIDRs'), ...ofArgument('service-cluster-ip-range')])]
  return pods.length > 0 || services.length > 0 ? { pods, services } : undefined
}

/** Addresses that move between nodes, and whether the node asks for some by DHCPv6. */
export function parseOperators(objects: readonly CosiObject[]): AddressOperators {
  const specs = objects.map((o) => asMap(o.spec))
  return {
    vips: [...new Set(specs.map((s) => asText(asMap(s.vip).ip, 60)).filter(Boolean))],
    dhcp6: specs.some((s) => s.operator === 'dhcp6'),
  }
}
