import { admitted, type CompiledRule, compileRule } from './firewall.ts'
import type { FirewallConfig, FirewallRule } from './firewall-config.ts'
import type { Flow } from './firewall-input.ts'
import { flowSet } from './firewall-seen.ts'
import { type AddressSet, EVERYBODY, isEmpty, minus, NOBODY, portRanges, share, union } from './firewall-sets.ts'
import type { Member } from './observations.ts'

/**
 * Every flow on every node, as the firewall is and as it is to be. `open` says that the firewall lets it in, not that something
 * listens there.
 */

export interface TableNode extends Pick<Member, 'name' | 'type'> {
  before: FirewallConfig
  after: FirewallConfig
}

type State = 'open' | 'closed' | 'partly'

export interface Row {
  from: string
  to: string[]
  at?: string
  ports: string[]
  today: State
  after: State
  wanted: Flow['wanted']
  /** Nobody said anything of it, and it would be cut. */
  asks: boolean
}

/** A flow that must not be changed like this; `sentence` says why, and what to say to it. */
interface FlowProblem {
  flow: Flow
  nodes: string[]
  sentence: string
}

export interface TruthTable {
  rows: Row[]
  problems: FlowProblem[]
}

/** A rule that many nodes share, read once. */
interface SharedRule extends CompiledRule {
  id: number
}

interface SharedFirewall {
  blocks: boolean
  rules: SharedRule[]
}

/** Tells most rules apart without looking at all of their subnets. */
function roughly({ protocol, ports, ingress }: FirewallRule): string {
  const step = Math.max(1, Math.ceil(ingress.length / 16))
  return `${protocol} ${ports.join()} ${ingress.length} ${ingress
    .filter((_, i) => i % step === 0)
    .map((i) => i.subnet)
    .join()}`
}

const sameTexts = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((text, i) => text === b[i])

/** Whether they let in the same, whatever they are called. */
const alike = (a: FirewallRule, b: FirewallRule): boolean =>
  a === b ||
  (a.protocol === b.protocol &&
    sameTexts(a.ports, b.ports) &&
    a.ingress.length === b.ingress.length &&
    a.ingress.every((from, i) => from.subnet === b.ingress[i]?.subnet && from.except === b.ingress[i]?.except))

/** Each rule is read once, however many nodes have it. */
function sharing(): (config: FirewallConfig) => SharedFirewall {
  const known = new Map<FirewallRule, SharedRule>()
  const candidates = new Map<string, [FirewallRule, SharedRule][]>()
  let id = 0
  const share = (rule: FirewallRule): SharedRule => {
    const found = known.get(rule)
    if (found) return found
    const key = roughly(rule)
    const others = candidates.get(key) ?? []
    candidates.set(key, others)
    const same = others.find(([other]) => alike(other, rule))?.[1]
    const shared = same ?? { ...compileRule(rule), id: id++ }
    if (!same) others.push([rule, shared])
    known.set(rule, shared)
    return shared
  }
  return (config) => ({ blocks: config.ingress === 'block', rules: config.rules.map(share) })
}

type Place = Pick<Flow, 'protocol' | 'ports'>

/** How much of a flow a firewall lets in. Tried are the first ports of all stretches in which the same rules apply. */
function stateOf(firewall: SharedFirewall, { protocol, ports }: Place, sources: AddressSet): State {
  // nobody is let in where it is not known who it would be
  if (isEmpty(sources)) return 'closed'
  const edges = firewall.rules.flatMap((r) => r.ports.flatMap(([from, to]) => [from, to + 1]))
  const tried = portRanges(ports).flatMap(([from, to]) => [...new Set([from, ...edges.filter((edge) => edge > from && edge <= to)])])
  const parts = tried.map((port) => share(sources, admitted(firewall, protocol, port)))
  if (parts.every((p) => p === 'all')) return 'open'
  return parts.every((p) => p === 'none') ? 'closed' : 'partly'
}

/** The answer of any node to a flow: it is the same where the same rules name the ports of it. */
function judge(flow: Place, sources: AddressSet): (firewall: SharedFirewall) => State {
  const ranges = portRanges(flow.ports)
  const counts = new Map<number, boolean>()
  const matters = (rule: SharedRule): boolean => {
    const found = counts.get(rule.id)
    if (found !== undefined) return found
    const touches = rule.protocol === flow.protocol && rule.ports.some((p) => ranges.some((q) => p[0] <= q[1] && q[0] <= p[1]))
    counts.set(rule.id, touches)
    return touches
  }
  const known = new Map<string, State>()
  return ({ blocks, rules }) => {
    const own = rules.filter(matters)
    const key = `${blocks} ${own.map((r) => r.id).join()}`
    const state = known.get(key) ?? stateOf({ blocks, rules: own }, flow, sources)
    known.set(key, state)
    return state
  }
}

const shownPorts = ({ protocol, ports, called }: Flow): string[] =>
  called ? [called] : protocol === 'udp' ? ports.map((p) => `${p}/udp`) : [...ports]

/** Whether this is an unwanted answer. What was closed before is not cut by the change. */
function isWrong(flow: Flow, today: State, after: State): boolean {
  if (flow.wanted === 'open') return after !== 'open'
  if (flow.wanted === 'closed' || today === 'closed') return false
  return flow.seen === 'peer' ? after !== 'open' : after === 'closed'
}

const someNames = (names: readonly string[], most = 3): string =>
  names.length <= most ? names.join(', ') : `${names.slice(0, most - 1).join(', ')} and ${names.length - most + 1} more`

const IS_THERE = { listener: 'listens on', 'host port': 'has the host port', service: 'is published at' } as const

function sentenceFor(flow: Flow, nodes: readonly string[], today: State): string {
  const port = flow.called ?? `${flow.ports.join(' ')}/${flow.protocol}`
  const on = someNames(nodes)
  if (flow.wanted === 'open') return `${port} ${today === 'closed' ? 'would stay' : 'would be'} closed for ${flow.from} on ${on}`
  const program = flow.program ?? 'a program'
  if (flow.seen && flow.seen !== 'peer')
    return `${program} ${IS_THERE[flow.seen]} ${port} of ${on}: say who may reach it with ${port}=WHO in "allow", or name ${port} in "cut"`
  const [first] = flow.sources
  const who =
    flow.sources.length > 1 && flow.from !== 'pods' ? `${port}=${first} and so on` : `${port}=${flow.from === 'pods' ? 'pods' : first}`
  return `${flow.from} ${/ addresses$|^pods$/.test(flow.from) ? 'talk' : 'talks'} to ${port} of ${on} now (${program}): name ${who} in "allow" or in "cut"`
}

interface Answer {
  flow: Flow
  today: State
  after: State
  nodes: string[]
}

type Both = ReadonlyMap<string, { before: SharedFirewall; after: SharedFirewall }>

/** The answers to one flow, with the nodes that give each. */
function answersOf(flow: Flow, nodes: Both, sources: AddressSet): Answer[] {
  const answers = new Map<string, Answer>()
  const state = judge(flow, sources)
  for (const name of flow.to) {
    const node = nodes.get(name)
    // a node whose config is not known gets no rules
    if (!node) continue
    const [today, after] = [state(node.before), state(node.after)]
    const answer = answers.get(today + after) ?? { flow, today, after, nodes: [] }
    answers.set(today + after, answer)
    answer.nodes.push(name)
  }
  return [...answers.values()]
}

/** Whether a flow opens all the ports of another on all its nodes. */
function opensAll(flow: Flow, to: ReadonlySet<string>, other: Flow): boolean {
  const ranges = portRanges(flow.ports)
  return (
    flow.protocol === other.protocol &&
    (flow.to === other.to || other.to.every((name) => to.has(name))) &&
    portRanges(other.ports).every(([from, last]) => ranges.some((r) => r[0] <= from && last <= r[1]))
  )
}

/** Everybody whom nothing is opened for, by port: what the change closes. */
function others(flows: readonly Flow[], setFor: (flow: Flow) => AddressSet): { flow: Flow; sources: AddressSet }[] {
  const names = new Map<readonly string[], ReadonlySet<string>>()
  for (const { to } of flows) if (!names.has(to)) names.set(to, new Set(to))
  const opening = flows.filter((f) => f.wanted === 'open').map((flow) => ({ flow, to: names.get(flow.to) ?? new Set<string>() }))
  const places = new Map<string, Flow>()
  for (const { flow } of opening) places.set(`${flow.protocol} ${flow.ports.join(' ')} ${flow.to[0]} ${flow.to.length}`, flow)
  return [...places.values()].flatMap((place) => {
    const openers = opening.filter(({ flow, to }) => opensAll(flow, to, place))
    const sources = minus(EVERYBODY, openers.map(({ flow }) => setFor(flow)).reduce(union, NOBODY))
    const { at: _, ...flow } = place
    return isEmpty(sources) ? [] : [{ flow: { ...flow, from: 'anyone else', wanted: 'closed' as const, sources: [] }, sources }]
  })
}

const rowOf = ({ flow, today, after, nodes }: Answer): Row => ({
  from: flow.from,
  to: nodes,
  ...(flow.at ? { at: flow.at } : {}),
  ports: shownPorts(flow),
  today,
  after,
  wanted: flow.wanted,
  asks: flow.wanted === 'ask' && isWrong(flow, today, after),
})

/** One row for what differs in its ports only. */
function joined(rows: readonly Row[]): Row[] {
  const found = new Map<string, Row>()
  for (const row of rows) {
    const key = [row.from, row.to.join(), row.at, row.today, row.after, row.asks].join('|')
    const same = found.get(key)
    if (same) same.ports.push(...row.ports.filter((p) => !same.ports.includes(p)))
    else found.set(key, { ...row, ports: [...row.ports] })
  }
  return [...found.values()]
}

export function truthTable(nodes: readonly TableNode[], flows: readonly Flow[]): TruthTable {
  const read = sharing()
  const both: Both = new Map(nodes.map((n) => [n.name, { before: read(n.before), after: read(n.after) }]))
  const sets = new Map<readonly string[], AddressSet>()
  const setFor = (flow: Flow): AddressSet => {
    const found = sets.get(flow.sources) ?? flowSet(flow)
    sets.set(flow.sources, found)
    return found
  }
  const answers = flows.flatMap((flow) => answersOf(flow, both, setFor(flow)))
  const closing = others(flows, setFor).flatMap(({ flow, sources }) => answersOf(flow, both, sources))
  const problems = answers
    .filter((a) => isWrong(a.flow, a.today, a.after))
    .map(({ flow, nodes: on, today }) => ({ flow, nodes: on, sentence: sentenceFor(flow, on, today) }))
  return { rows: joined([...answers, ...closing.filter((a) => a.today !== 'closed')].map(rowOf)), problems }
}
