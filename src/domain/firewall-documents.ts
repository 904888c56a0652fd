import { type Document, isMap, parseDocument, type Scalar, type YAMLMap } from 'yaml'
import { type Json, plainLine } from '../contract.ts'
import type { FirewallConfig, FirewallRule } from './firewall-config.ts'
import { sameRule } from './firewall-config.ts'
import { isOurs, withOurs } from './firewall-rules.ts'
import { parsePorts } from './firewall-sets.ts'
import { asPatch } from './templates.ts'

/**
 * The firewall as documents of a machine configuration. Both have one form in all versions. A rule is merged by its name, with
 * ports and subnets replaced as a whole, so the same patch twice changes nothing.
 * https://docs.siderolabs.com/talos/v1.14/reference/configuration/network/networkruleconfig
 */

/** What taking back needs to know. */
interface FirewallRecord {
  /** Rules as we left them. */
  set: FirewallRule[]
  /** Names of our rules that we took out. */
  removed: string[]
  /** What stood there under these names. */
  before: FirewallRule[]
  /** The default action that we found, where we changed it. */
  ingress: { before: 'accept' | 'block' | null } | null
}

export interface FirewallChange {
  /** One document each, to be merged in one call. Empty where there is nothing to do. */
  patches: Json[]
  /** The same with comments. */
  yaml: string
  record: Json
  after: FirewallConfig
}

const API = { apiVersion: 'v1alpha1' }
const ACTION = { ...API, kind: 'NetworkDefaultActionConfig' }
const ruleDocument = (name: string) => ({ ...API, kind: 'NetworkRuleConfig', name })

/**
 * Takes a document out, in a way that can be sent again: kept is what was tried, with the same patches. What is not there cannot be taken
 * out (talosctl 1.13.9 panics at a rule, and leaves an empty document behind for the default action), so it is set first.
 */
const takenOut = (document: { [key: string]: Json }): Json[] => [
  document,
  { ...API, kind: document.kind ?? null, ...(document.name ? { name: document.name } : {}), $patch: 'delete' },
]

/** A single port is a number there, a range is text. */
const portValue = (text: string): string | number => {
  const range = parsePorts(text)
  return range && range[0] === range[1] ? range[0] : text
}

const plainRule = (rule: FirewallRule): { [key: string]: Json } => ({
  ...ruleDocument(rule.name),
  portSelector: { ports: rule.ports.map(portValue), protocol: rule.protocol },
  ingress: rule.ingress.map(({ subnet, except }) => ({ subnet, ...(except ? { except } : {}) })),
})

/** Templates by how the name of the rule begins; the rest was named by the operator or belongs to the network plugin. */
const TEMPLATES: [begin: string, template: string][] = [
  ['preflight-apid', 'apid'],
  ['preflight-trustd', 'trustd'],
  ['preflight-kubernetes-api', 'kubernetes-api'],
  ['preflight-etcd', 'etcd'],
  ['preflight-kubelet', 'kubelet'],
  ['preflight-kubespan', 'kubespan'],
  ['preflight-dhcpv6', 'dhcpv6'],
  ['preflight-nodeports', 'nodeports'],
  ['preflight-allow', 'allow'],
]

export const templateOf = (rule: Pick<FirewallRule, 'name'>): string =>
  `INF-02/${TEMPLATES.find(([begin]) => rule.name.startsWith(begin))?.[1] ?? 'cni'}.yaml`

function listOf(doc: Document, values: readonly unknown[], flow: boolean) {
  const list = doc.createNode(values)
  list.flow = flow
  return list
}

/** A template with the name, the ports and the subnets of a rule. `who` names the owner of a subnet in a comment. */
export function fillRule(template: string, rule: FirewallRule, who: (subnet: string) => string | undefined = () => undefined): string {
  const doc = parseDocument(template)
  if (doc.errors.length > 0 || !isMap(doc.contents) || doc.get('kind') !== 'NetworkRuleConfig') throw new Error('the template is no rule')
  doc.set('name', rule.name)
  doc.setIn(['portSelector', 'ports'], listOf(doc, rule.ports.map(portValue), true))
  doc.setIn(['portSelector', 'protocol'], rule.protocol)
  const ingress = listOf(
    doc,
    rule.ingress.map(({ subnet, except }) => ({ subnet, ...(except ? { except } : {}) })),
    false,
  )
  rule.ingress.forEach(({ subnet, except }, i) => {
    const owner = who(subnet)
    const item = ingress.get(i, true) as unknown as YAMLMap
    // behind the last value of the entry: a comment of the entry itself would stand below it, as if it were of the next one
    const last = item.get(except ? 'except' : 'subnet', true) as Scalar
    if (owner) last.comment = ` ${plainLine(owner, 100)}`
  })
  doc.set('ingress', ingress)
  return doc.toString({ lineWidth: 0 })
}

type Who = (subnet: string) => string | undefined
const NOBODY: Who = () => undefined

/** Nodes of one kind share their rules, and a rule of a big cluster is long: each is written once. */
const written = new WeakMap<FirewallRule, { template: string; who: Who; yaml: string; patch: Json }>()

function writeRule(template: string, rule: FirewallRule, who: Who): { yaml: string; patch: Json } {
  const known = written.get(rule)
  if (known && known.template === template && known.who === who) return known
  const yaml = fillRule(template, rule, who)
  const made = { template, who, yaml, patch: asPatch(yaml) }
  written.set(rule, made)
  return made
}

/** What of our rules has to be set, and which of them are not wanted any more. */
function differences(before: FirewallConfig, wanted: readonly FirewallRule[]): { set: FirewallRule[]; gone: FirewallRule[] } {
  const now = new Map(before.rules.map((r) => [r.name, r]))
  const names = new Set(wanted.map((r) => r.name))
  return {
    set: wanted.filter((r) => !sameRule(r, now.get(r.name))),
    gone: before.rules.filter((r) => isOurs(r) && !names.has(r.name)),
  }
}

/** The change from what a node has to the wanted rules, with everything else dropped. */
export function firewallPatches(
  before: FirewallConfig,
  wanted: readonly FirewallRule[],
  template: (path: string) => string,
  who: Who = NOBODY,
): FirewallChange {
  const { set, gone } = differences(before, wanted)
  const blocks = before.ingress === 'block'
  const rules = set.map((rule) => writeRule(template(templateOf(rule)), rule, who))
  const action = blocks ? [] : [template('INF-02/default-action.yaml')]
  const deletes = gone.flatMap((rule) => takenOut(plainRule(rule)))
  const changed = new Set([...set, ...gone].map((r) => r.name))
  const record: FirewallRecord = {
    set,
    removed: gone.map((r) => r.name),
    before: before.rules.filter((r) => changed.has(r.name)),
    ingress: blocks ? null : { before: before.ingress ?? null },
  }
  return {
    patches: [...deletes, ...rules.map((r) => r.patch), ...action.map(asPatch)],
    yaml: [...deletes.map((d) => `${JSON.stringify(d)}\n`), ...rules.map((r) => r.yaml), ...action].join('---\n'),
    record: record as unknown as Json,
    after: withOurs(before, wanted),
  }
}

export interface FirewallUndo {
  patches: Json[]
  yaml: string
  after: FirewallConfig
  /** Rules that are taken back, by name. */
  ours: string[]
  /** Of what we set, what somebody else changed since; it stays. */
  theirs: string[]
  /** The default action goes back to what it was. */
  action: boolean
}

/** What we left, and what was there before us, by name; the first record knows what was there. */
function left(records: readonly FirewallRecord[]): {
  set: Map<string, FirewallRule | undefined>
  first: Map<string, FirewallRule | undefined>
} {
  const set = new Map<string, FirewallRule | undefined>()
  const first = new Map<string, FirewallRule | undefined>()
  for (const record of records) {
    const changes = [...record.set.map((r) => [r.name, r] as const), ...record.removed.map((name) => [name, undefined] as const)]
    for (const [name, rule] of changes) {
      if (!first.has(name))
        first.set(
          name,
          record.before.find((r) => r.name === name),
        )
      set.set(name, rule)
    }
  }
  return { set, first }
}

/** What takes our changes back, oldest first in `records`: only what is still as we left it. */
export function firewallUndo(records: readonly Json[], now: FirewallConfig): FirewallUndo {
  const own = records as unknown as FirewallRecord[]
  const { set, first } = left(own)
  const have = new Map(now.rules.map((r) => [r.name, r]))
  const asLeft = [...set].filter(([name, rule]) => (rule ? sameRule(rule, have.get(name)) : !have.has(name))).map(([name]) => name)
  const ours = asLeft.filter((name) => !(sameRule(first.get(name), have.get(name)) || (!first.get(name) && !have.has(name))))
  const theirs = [...set].filter(([name, rule]) => rule && have.has(name) && !asLeft.includes(name)).map(([name]) => name)
  const earlier = own.find((r) => r.ingress)?.ingress
  const action = earlier !== undefined && earlier !== null && now.ingress === 'block' && earlier.before !== 'block'
  const back = ours.flatMap((name) => first.get(name) ?? [])
  const patches: Json[] = [
    ...now.rules.filter((rule) => ours.includes(rule.name) && !first.get(rule.name)).flatMap((rule) => takenOut(plainRule(rule))),
    ...back.map(plainRule),
    // `accept` is the value that stands for nothing, which a merge passes over: it counts where the document is new
    ...(action ? [...takenOut({ ...ACTION, ingress: 'block' }), ...(earlier.before ? [{ ...ACTION, ingress: earlier.before }] : [])] : []),
  ]
  const kept = action ? (earlier.before ? { ingress: earlier.before } : {}) : now.ingress ? { ingress: now.ingress } : {}
  const rules = [...now.rules.filter((r) => !ours.includes(r.name)), ...back].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return {
    patches,
    yaml: patches.map((p) => `${JSON.stringify(p, null, 2)}\n`).join('---\n'),
    after: { ...kept, rules },
    ours,
    theirs,
    action,
  }
}
