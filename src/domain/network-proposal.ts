import { type Block, canonical } from '../contract.ts'
import { parseAddress } from './cidr.ts'
import { API_SERVICE, apiServersOf, flowsOf, targetOf } from './network-flows.ts'
import { type End, type Flow, podKey, selects } from './network-match.ts'
import type { Labels, PodSeen, ServiceSeen } from './network-policy.ts'
import { type AllowRule, formatRule, peerText, portText, type RulePeer, type RulePort } from './network-rules.ts'
import type { Member } from './observations.ts'
import { counted, listed } from './remarks.ts'
import type { Socket } from './sockets.ts'

/** Rules to allow, out of what flows now and of what Services offer. They are a beginning: what is quiet now is not in them. */

export interface Proposal {
  rules: { rule: AllowRule; why: string }[]
  /** Everything that was seen, of all namespaces. */
  flows: Flow[]
  notes: string[]
}

export interface SeenForProposal {
  pods: readonly PodSeen[]
  services: readonly ServiceSeen[]
  /** Of all nodes. */
  sockets: readonly Socket[]
  members: readonly Pick<Member, 'name' | 'address' | 'addresses' | 'type' | 'apiPort'>[]
}

/** More addresses than these on one port are the world. */
const MOST_ADDRESSES = 20

/** Labels that are another one for each pod, or for each version of it. */
const PASSING =
  /^(?:pod-template-hash|controller-revision-hash|pod-template-generation|controller-uid|job-name|statefulset\.kubernetes\.io\/pod-name|apps\.kubernetes\.io\/pod-index|batch\.kubernetes\.io\/.+)$/
const NAMES = ['app.kubernetes.io/name', 'app', 'k8s-app']
const BESIDE = ['app.kubernetes.io/instance', 'app.kubernetes.io/component']

/** The labels that say which application a pod is of; undefined where it has none that stay. */
export function appLabels(labels: Labels): Labels | undefined {
  const staying = Object.entries(labels).filter(([k]) => !PASSING.test(k))
  const name = NAMES.find((n) => labels[n])
  if (!name) return staying.length > 0 ? Object.fromEntries(staying) : undefined
  return Object.fromEntries(staying.filter(([k]) => k === name || (name === NAMES[0] && BESIDE.includes(k))))
}

/** What is collected before it is put together: one port of one application in one direction. */
type Line = { direction: 'in' | 'out'; pods: Labels; port: RulePort; peer: RulePeer; why: string }

interface Look extends SeenForProposal {
  namespace: string
  byKey: Map<string, PodSeen>
}

const rulePort = (port: number, protocol: RulePort['protocol']): RulePort => ({ port, endPort: 0, protocol })
const hostOf = (address: string): string => `${address}/${parseAddress(address)?.family === 6 ? 128 : 32}`
const nodeAt = (address: string, members: SeenForProposal['members']): string | undefined =>
  members.find((m) => m.addresses.includes(address) || m.address === address)?.name

function peerOf(end: End, { namespace, byKey }: Look): RulePeer {
  if ('address' in end) return { kind: 'ip', cidr: hostOf(end.address), except: [] }
  const pod = byKey.get(end.pod)
  return { kind: 'pods', namespace: pod?.namespace === namespace ? '' : (pod?.namespace ?? ''), labels: appLabels(pod?.labels ?? {}) ?? {} }
}

/** Through a Service whose endpoints somebody else makes: where it really goes is not to be seen. */
const isElsewhere = ({ through, to }: Flow): boolean => through !== undefined && through !== API_SERVICE && 'address' in to

function linesOut(flow: Flow, pods: Labels, look: Look): Line[] {
  const { to } = flow
  if (isElsewhere(flow)) return []
  const apiServers = apiServersOf(look.members)
  const isApi =
    flow.through === API_SERVICE || ('address' in to && apiServers.some((s) => s.address === to.address && s.port === flow.port))
  const line = { direction: 'out' as const, pods }
  if (!isApi) return [{ ...line, port: rulePort(flow.port, flow.protocol), peer: peerOf(to, look), why: 'seen' }]
  return apiServers.map(({ address, port }) => ({
    ...line,
    port: rulePort(port, flow.protocol),
    peer: { kind: 'ip', cidr: hostOf(address), except: [] },
    why: 'the API server',
  }))
}

function linesOf(flow: Flow, look: Look): Line[] {
  const { namespace, byKey, members } = look
  const labelsAt = (end: End): Labels | undefined => {
    const pod = 'pod' in end ? byKey.get(end.pod) : undefined
    return pod?.namespace === namespace ? appLabels(pod.labels) : undefined
  }
  const [from, to] = [labelsAt(flow.from), labelsAt(flow.to)]
  // its own node is always let in: that is who asks for its health
  const target = 'pod' in flow.to ? byKey.get(flow.to.pod) : undefined
  const ownNode = 'address' in flow.from && target !== undefined && nodeAt(flow.from.address, members) === target.node
  return [
    ...(from ? linesOut(flow, from, look) : []),
    ...(to && !ownNode
      ? [{ direction: 'in' as const, pods: to, port: rulePort(flow.port, flow.protocol), peer: peerOf(flow.from, look), why: 'seen' }]
      : []),
  ]
}

/** Ports that Services of the namespace offer: to everybody where they reach outside, to the cluster where nobody is seen. */
function offered(look: Look, seen: readonly Line[]): Line[] {
  const { namespace, pods, services } = look
  return services
    .filter((s) => s.namespace === namespace && s.type !== 'ExternalName' && Object.keys(s.selector).length > 0)
    .flatMap((service) =>
      pods
        .filter(
          (p) => p.namespace === namespace && !p.hostNetwork && selects({ matchLabels: service.selector, matchExpressions: [] }, p.labels),
        )
        .flatMap((pod) =>
          service.ports.flatMap(({ targetPort, protocol }): Line[] => {
            const [app, port] = [appLabels(pod.labels), targetOf(targetPort, pod, protocol)]
            if (!app || port === undefined) return []
            const line = { direction: 'in' as const, pods: app, port: rulePort(port, protocol), why: `Service ${service.name}` }
            if (service.type !== 'ClusterIP') return [{ ...line, peer: { kind: 'any' }, why: `${line.why} reaches outside` }]
            const isSeen = seen.some((l) => l.direction === 'in' && canonical([l.pods, l.port]) === canonical([line.pods, line.port]))
            return isSeen ? [] : [{ ...line, peer: { kind: 'pods', namespace: '*', labels: {} } }]
          }),
        ),
    )
}

const EVERYBODY = 'any'
const CLUSTER = 'cluster'

/** What says the same as all of them together. */
function fewest(peers: readonly RulePeer[]): RulePeer[] {
  const once = [...new Map(peers.map((p) => [peerText(p), p])).entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, p]) => p)
  if (once.some((p) => peerText(p) === EVERYBODY) || once.filter((p) => p.kind === 'ip').length > MOST_ADDRESSES) return [{ kind: 'any' }]
  return once.some((p) => peerText(p) === CLUSTER) ? once.filter((p) => p.kind === 'ip' || peerText(p) === CLUSTER) : once
}

function grouped<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item])
  return [...groups.values()]
}

/** One rule for everything that has the same pods and the same peers. */
function together(lines: readonly Line[]): Proposal['rules'] {
  const ports = grouped(lines, (l) => canonical([l.direction, l.pods, l.port])).map((same) => ({
    ...(same[0] as Line),
    peers: fewest(same.map((l) => l.peer)),
    why: [...new Set(same.map((l) => l.why))].toSorted().join(', '),
  }))
  return grouped(ports, (p) => canonical([p.direction, p.pods, p.peers]))
    .map((same) => {
      const { direction, pods, peers } = same[0] as (typeof ports)[number]
      const rule: AllowRule = {
        direction,
        pods,
        ports: same.map((s) => s.port).toSorted((a, b) => (portText(a) < portText(b) ? -1 : 1)),
        peers,
      }
      return { rule, why: [...new Set(same.map((s) => s.why))].toSorted().join(', ') }
    })
    .toSorted((a, b) => (formatRule(a.rule) < formatRule(b.rule) ? -1 : 1))
}

const one = (names: readonly string[], single: string, several: string): string => (names.length === 1 ? single : several)

function podNotes({ namespace, pods }: Look): string[] {
  const own = pods.filter((p) => p.namespace === namespace)
  const bare = own.filter((p) => !p.hostNetwork && !appLabels(p.labels)).map((p) => p.name)
  const host = own.filter((p) => p.hostNetwork).map((p) => p.name)
  const [has, it] = [one(bare, 'has', 'have'), one(bare, 'it', 'them')]
  return [
    ...(own.length === 0 ? [`${namespace} has no pods: whatever comes later is shut in`] : []),
    ...(bare.length > 0
      ? [`${listed(bare)} ${has} no labels that a rule could name: nothing but DNS is left to ${it}; label ${it}, or write a rule for *`]
      : []),
    ...(host.length > 0 ? [`${listed(host)} ${one(host, 'is', 'are')} in the network of the node: no policy holds there`] : []),
  ]
}

function trafficNotes(look: Look, lines: readonly Line[], flows: readonly Flow[]): string[] {
  const { namespace, byKey } = look
  const isOwn = (end: End) => 'pod' in end && byKey.get(end.pod)?.namespace === namespace
  const isBare = (end: End) => 'pod' in end && !isOwn(end) && !appLabels(byKey.get(end.pod)?.labels ?? {})
  const mine = flows.filter((f) => isOwn(f.from) || isOwn(f.to))
  const far = [...new Set(mine.flatMap((f) => [f.from, f.to].filter(isBare).map((end) => ('pod' in end ? end.pod : ''))))]
  const elsewhere = [...new Set(mine.filter((f) => isOwn(f.from) && isElsewhere(f)).map((f) => f.through ?? ''))]
  const addressed = lines.filter((l) => l.peer.kind === 'ip')
  const worlds = grouped(addressed, (l) => canonical([l.direction, l.pods, l.port])).filter((g) => g.length > MOST_ADDRESSES)
  const quiet = mine.length === 0 && look.pods.some((p) => p.namespace === namespace)
  return [
    ...(far.length > 0
      ? [`${listed(far)} ${one(far, 'has', 'have')} no labels: all of the namespace is proposed in place of ${one(far, 'it', 'them')}`]
      : []),
    ...(elsewhere.length > 0
      ? [`where ${listed(elsewhere)} ${one(elsewhere, 'leads', 'lead')} is not to be seen: write a rule for it`]
      : []),
    ...(quiet ? [`no pod of ${namespace} is seen to talk: what it needs has to be known, or seen when it works`] : []),
    ...worlds.map(
      (g) => `${portText((g[0] as Line).port)} has connections with ${counted(g.length, 'address', 'addresses')}: anybody is proposed`,
    ),
    ...(look.members.some((m) => m.type === 'controlplane')
      ? []
      : ['no control plane node is known, so that nothing is proposed for the API server']),
  ]
}

export function proposeRules(namespace: string, seen: SeenForProposal): Proposal {
  const { flows, doubts } = flowsOf(seen.sockets, seen.pods, seen.services, seen.members)
  const look: Look = { ...seen, namespace, byKey: new Map(seen.pods.map((p) => [podKey(p), p])) }
  const lines = flows.flatMap((flow) => linesOf(flow, look))
  return {
    rules: together([...lines, ...offered(look, lines)]),
    flows,
    notes: [...doubts, ...podNotes(look), ...trafficNotes(look, lines, flows)],
  }
}

/** The proposal as a table; `text` is what to copy into the answer and edit. */
export function proposalBlocks({ rules, notes }: Pick<Proposal, 'rules' | 'notes'>): Block[] {
  const rows = rules.map(({ rule: { direction, pods, ports, peers }, why }) => [
    direction,
    Object.entries(pods)
      .map(([k, v]) => `${k}=${v}`)
      .join(' ') || 'every pod',
    ports.map(portText).join(' ') || 'any',
    peers.map(peerText).join(' '),
    why,
  ])
  return [
    ...(rows.length > 0 ? [{ type: 'table' as const, head: ['', 'pods', 'ports', 'with', 'why'], rows }] : []),
    ...(rows.length > 0 ? [{ type: 'list' as const, items: rules.map((r) => formatRule(r.rule)) }] : []),
    ...notes.map((text) => ({ type: 'text' as const, text: `${text}.` })),
  ]
}
