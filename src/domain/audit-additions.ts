import { type Document, isSeq, parseDocument } from 'yaml'
import type { Json, Question } from '../contract.ts'
import { type ApiServerRecord, patchFile } from './api-server-forms.ts'
import { levelFor, OTHER } from './audit-evaluate.ts'
import { parseAuditPolicy } from './audit-policy.ts'
import { LOOKED_FOR } from './audit-watched.ts'
import type { ApiServerForm } from './hardening-config.ts'
import { failing, listed, type Remark } from './remarks.ts'

/**
 * Our audit policy with the additions of the operator, and the patches that bring it. `auditPolicy` and `configuration` are replaced as
 * a whole on merge, so that the same patch twice changes nothing (talosctl 1.13.9 and 1.14.1, `machineconfig patch`).
 */

/** One kind of resource whose changes are also logged with their bodies. */
export type AlsoLog = {
  /** Empty: the core group. */
  group: string
  /** `deployments`, `deployments/scale` or `*`. */
  resource: string
  level: 'Request' | 'RequestResponse'
}

export type DropAnswer = { users: string[]; paths: string[] }

const LEVELS = ['Request', 'RequestResponse'] as const
const ALSO = /^(\*|[a-z][a-z0-9-]*)(?:\.([a-z0-9][a-z0-9.-]*[a-z0-9]))?(?:\/([a-z][a-z0-9-]*))?$/
const NEVER_BODIES: Record<string, string> = {
  secrets: 'secrets',
  configmaps: 'configmaps, which hold passwords often enough',
  'serviceaccounts/token': 'tokens of service accounts',
  'tokenreviews.authentication.k8s.io': 'tokens that are reviewed',
}

const words = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean)
const asTyped = ({ group, resource }: AlsoLog): string => {
  const [name, sub] = resource.split('/')
  return `${name}${group ? `.${group}` : ''}${sub ? `/${sub}` : ''}`
}

function parseOne(word: string): AlsoLog | string {
  const [what = '', level, ...rest] = word.split('=')
  const [, name = '', group = '', sub] = ALSO.exec(what) ?? []
  const wanted = LEVELS.find((l) => l.toLowerCase() === (level ?? 'Request').toLowerCase())
  if (!name || rest.length > 0) return `"${word}" is not RESOURCE.GROUP=LEVEL, as in deployments.apps=Request`
  if (!wanted)
    return `"${level}" is no level to add: Request or RequestResponse (Metadata is logged anyway, and what is not to be logged goes into the other question)`
  const found: AlsoLog = { group, resource: sub ? `${name}/${sub}` : name, level: wanted }
  const secret = NEVER_BODIES[asTyped(found)]
  return secret ? `"${what}" is never logged with bodies: the log would hold ${secret}` : found
}

/** `deployments.apps=Request jobs.batch`: changes of these are logged with their bodies. */
export function alsoLogQuestion(label: string): Question<AlsoLog[]> {
  return {
    label,
    hint: 'RESOURCE.GROUP=LEVEL, as in deployments.apps=Request persistentvolumes=RequestResponse; changes only, never reads',
    default: [],
    parse: (text) => {
      const value: AlsoLog[] = []
      for (const word of words(text)) {
        const one = parseOne(word)
        if (typeof one === 'string') return { error: one }
        if (value.some((v) => asTyped(v) === asTyped(one))) return { error: `"${asTyped(one)}" is given twice` }
        value.push(one)
      }
      return { value }
    },
    format: (value) => value.map((v) => `${asTyped(v)}=${v.level}`).join(' '),
  }
}

function refuseDrop(word: string): string | undefined {
  if (word.startsWith('/')) {
    if (/^\/\*?$/.test(word)) return `"${word}" is every path`
    return /^\/[\w.~/-]*\*?$/.test(word) ? undefined : `"${word}" is no path such as /metrics or /metrics/*`
  }
  if (word.includes('*')) return `"${word}" is no user: name each, a star stands for itself in a policy`
  if (LOOKED_FOR.includes(word)) return `"${word}" is who an auditor looks for first`
  return /^[\w.:@/+-]{1,253}$/.test(word) ? undefined : `"${word}" is neither a user nor a path`
}

/** `system:serviceaccount:monitoring:prometheus /metrics`: reads of these users, and requests to these paths, are not logged. */
export function dropQuestion(label: string): Question<DropAnswer> {
  return {
    label,
    hint: 'users and paths, as in system:serviceaccount:monitoring:prometheus /metrics; of users only what they read, and no secret',
    default: { users: [], paths: [] },
    parse: (text) => {
      const all = [...new Set(words(text))]
      const wrong = all.map(refuseDrop).find((w) => w !== undefined)
      if (wrong) return { error: wrong }
      return { value: { users: all.filter((w) => !w.startsWith('/')), paths: all.filter((w) => w.startsWith('/')) } }
    },
    format: ({ users, paths }) => [...users, ...paths].join(' '),
  }
}

export interface AuditAnswers {
  bodies: boolean
  alsoLog: readonly AlsoLog[]
  drop: DropAnswer
}

const CHANGES = ['create', 'update', 'patch', 'delete', 'deletecollection']

/** Names first, then one subresource of all, then all: so that each decides about something. */
const WIDTHS: RegExp[] = [/^[^*]+$/, /^\*\/.+$/, /^\*$/]

/** What goes in front of the last rule: what is dropped, then what is logged with bodies. They never match the same request. */
function addedRules(alsoLog: readonly AlsoLog[], drop: DropAnswer): { rule: Record<string, Json>; comment: string }[] {
  const also = WIDTHS.flatMap((width) =>
    LEVELS.map((level) => ({ level, these: alsoLog.filter((a) => a.level === level && width.test(a.resource)) })),
  )
    .filter(({ these }) => these.length > 0)
    .map(({ level, these }) => ({
      rule: { level, verbs: CHANGES, resources: these.map(({ group, resource }) => ({ group, resources: [resource] })) },
      comment: ' By the answers: changes of these, with their bodies.',
    }))
  return [
    ...(drop.users.length > 0
      ? [{ rule: { level: 'None', users: drop.users, verbs: ['get', 'list', 'watch'] }, comment: ' By the answers: what these read.' }]
      : []),
    ...(drop.paths.length > 0 ? [{ rule: { level: 'None', nonResourceURLs: drop.paths }, comment: ' By the answers: these paths.' }] : []),
    ...also,
  ]
}

/** The template without what the answers do not want: the last rule has changes of rights too, without their bodies. */
function templateFor(template: string, bodies: boolean): { doc: Document; rules: { items: unknown[] } } {
  const doc = parseDocument(template)
  const rules = doc.get('rules')
  if (doc.errors.length > 0 || !isSeq(rules)) throw new Error('the template has no list of rules')
  rules.items = rules.items.filter((_, i) => bodies || doc.getIn(['rules', i, 'level']) !== 'RequestResponse')
  return { doc, rules }
}

const RANKS = ['None', 'Metadata', ...LEVELS]
/** Some change of it by somebody whom no rule names. */
const changeOf = ({ group, resource }: AlsoLog) => {
  const [name = '', subresource] = resource.replace('*', OTHER).split('/')
  return { user: OTHER, verb: 'patch', resource: { group, resource: name, ...(subresource ? { subresource } : {}), namespace: OTHER } }
}

/** Additions that a policy does not have, of those that ours would bring. */
export function lackingAdditions(live: Json | undefined, template: string, answers: AuditAnswers): Remark[] {
  const { policy } = parseAuditPolicy(live ?? null)
  const idle = idleAdditions(template, answers).map((i) => i.addition)
  if (!policy) return []
  const lacking = answers.alsoLog.filter(
    (a) => !idle.includes(a) && RANKS.indexOf(levelFor(policy, changeOf(a)).level) < RANKS.indexOf(a.level),
  )
  return lacking.length === 0
    ? []
    : [failing(`changes of ${listed(lacking.map(asTyped))} are logged without the bodies that the answers want`)]
}

/** Additions that would never decide, because a rule of the template has them already; they are left out. */
export function idleAdditions(template: string, { bodies, alsoLog }: AuditAnswers): { addition: AlsoLog; sentence: string }[] {
  const { policy } = parseAuditPolicy(templateFor(template, bodies).doc.toJS() as Json)
  if (!policy) return []
  return alsoLog.flatMap((addition) => {
    const { rule, level } = levelFor(policy, changeOf(addition))
    if (rule === policy.rules.length - 1) return []
    return [{ addition, sentence: `${asTyped(addition)} is left out: our policy has it at ${level} already` }]
  })
}

/**
 * The template with the answers in it, comments and all.
 *
 * @throws where the template has no list of rules.
 */
export function auditPolicyYaml(template: string, answers: AuditAnswers): string {
  const { doc, rules } = templateFor(template, answers.bodies)
  const idle = idleAdditions(template, answers).map((i) => i.addition)
  const added = addedRules(
    answers.alsoLog.filter((a) => !idle.includes(a)),
    answers.drop,
  ).map(({ rule, comment }) => {
    const node = doc.createNode(rule)
    node.commentBefore = comment
    return node
  })
  rules.items = [...rules.items.slice(0, -1), ...added, ...rules.items.slice(-1)]
  return doc.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/* ---- patches ------------------------------------------------------------------------------------------------ */

const auditPatch = (form: ApiServerForm, policy: Json): Json =>
  form === 'documents'
    ? { apiVersion: 'v1alpha1', kind: 'KubeAuditPolicyConfig', configuration: policy }
    : { cluster: { apiServer: { auditPolicy: policy } } }

export const auditPatches = (form: ApiServerForm, policy: Json): Json[] => [auditPatch(form, policy)]

/** The patch as a file, with the comments of the policy. */
export function auditPatchYaml(form: ApiServerForm, policyYaml: string): string {
  return patchFile(auditPatch(form, null), form, ['cluster', 'apiServer', 'auditPolicy'], parseDocument(policyYaml))
}

/** Puts back what was there. A policy that is taken out leaves the one of Talos, in both forms and however often. */
export function auditUndo({ form, before }: ApiServerRecord): Json[] {
  if (before !== null) return auditPatches(form, before)
  return form === 'documents'
    ? [{ apiVersion: 'v1alpha1', kind: 'KubeAuditPolicyConfig', $patch: 'delete' }]
    : [{ cluster: { apiServer: { auditPolicy: { $patch: 'delete' } } } }]
}
