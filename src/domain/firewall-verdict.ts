import { type Conclusion, fail, pass, unknown } from '../contract.ts'
import { parseAddress } from './cidr.ts'
import { admitted, type CompiledFirewall, compileRule } from './firewall.ts'
import { breadthOf, holds } from './firewall-sets.ts'
import type { FirewallChain } from './hardening-config.ts'
import { API_PORT, type Member } from './observations.ts'
import { counted, listed } from './remarks.ts'

/** What a firewall in effect is worth: whom it lets in that has no business there, and whom it shuts out that the cluster needs. */

const PLAN = 'talos-preflight plan INF-02'

type Port = readonly [port: number, what: string]

const APID: Port = [50000, 'the Talos API']
const KUBELET: Port = [10250, 'the kubelet']
const TRUSTD: Port = [50001, 'trustd']
const ETCD: Port[] = [
  [2379, 'etcd'],
  [2380, 'etcd'],
]

/** Ports that nobody but the cluster and its admins has any business at. 6443 is left to the operator: some offer it to the world. */
const GUARDED = { worker: [APID, KUBELET], controlplane: [APID, KUBELET, TRUSTD, ...ETCD, [2383, 'etcd'] as Port] }

const named = (ports: readonly Port[]): string => listed(ports.map(([port, what]) => `${port} of ${what}`))

const LETS_IN = { everybody: 'everybody is', 'too many': 'more addresses than any organisation has are' } as const

/** Whom the cluster itself needs at a node, without the node: what it sends to itself passes. */
function shutOut(firewall: CompiledFirewall, node: string, type: Member['type'], known: readonly Member[]): string | undefined {
  const others = known.filter((m) => m.name !== node)
  const planes = others.filter((m) => m.type === 'controlplane')
  const apiServer: Port = [known.find((m) => m.name === node)?.apiPort ?? API_PORT, 'the API server']
  const isShut =
    (from: readonly Member[]) =>
    ([port]: Port): boolean =>
      from.some((m) => !lets(firewall, port, m))
  const forAll = type === 'controlplane' ? [TRUSTD, apiServer].filter(isShut(others)) : []
  const forPlanes = [APID, KUBELET, ...(type === 'controlplane' ? ETCD : [])].filter(isShut(planes))
  const told = [
    ...(forAll.length > 0 ? [`its own nodes are shut out from ${named(forAll)}`] : []),
    ...(forPlanes.length > 0 ? [`the ${type === 'controlplane' ? 'other ' : ''}control planes are shut out from ${named(forPlanes)}`] : []),
  ]
  return told.length > 0 ? told.join(', ') : undefined
}

function lets(firewall: CompiledFirewall, port: number, { address }: Member): boolean {
  const parsed = parseAddress(address)
  return !parsed || holds(admitted(firewall, 'tcp', port), parsed)
}

/** A node that is no member is judged as a control plane, which needs more. */
export function judgeFirewall(chain: FirewallChain, node: string, known: readonly Member[]): Conclusion {
  const member = known.find((m) => m.name === node)
  const type = member?.type ?? 'controlplane'
  if (!chain.blocks) {
    const ports =
      type === 'controlplane' ? '2379 of etcd and 50000 of the Talos API are' : '10250 of the kubelet and 50000 of the Talos API are'
    return fail(`nothing is blocked: ${ports} open to whoever has a route to it`, PLAN)
  }
  const firewall = { blocks: true, rules: chain.rules.map(compileRule) }
  const open = Map.groupBy(GUARDED[type], ([port]) => breadthOf(admitted(firewall, 'tcp', port)))
  const wide = [...open].flatMap(([who, ports]) => (who ? [`${LETS_IN[who]} let in to ${named(ports)}`] : []))
  if (wide.length > 0) return fail(`blocked by default, and ${wide.join(', ')}`, PLAN)
  const shut = shutOut(firewall, node, type, known)
  if (shut && !member)
    return unknown(
      'blocked by default; who has to be let in is not known, because it is no member of the cluster under this name',
      'name it by its address, or by the name that Kubernetes has for it',
    )
  return shut ? fail(shut, PLAN) : pass(`blocked by default, ${counted(chain.rules.length, 'rule')}`)
}
