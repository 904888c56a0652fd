import type { Json } from '../contract.ts'
import { type AuditRequest, levelFor, matchesPath, OTHER, requestsOf } from './audit-evaluate.ts'
import {
  type AuditPolicy,
  type AuditRule,
  type Level,
  PATH_VERBS,
  parseAuditPolicy,
  problemSentence,
  RESOURCE_VERBS,
} from './audit-policy.ts'
import {
  CHANGES,
  type Decided,
  decisionsAbout,
  isLimited,
  loggedBy,
  lookedForIn,
  OPENS,
  READS,
  RIGHTS,
  rank,
  SENSITIVE,
  SHELL,
  type Watched,
} from './audit-watched.ts'
import { failing, listed, noting, type Remark } from './remarks.ts'

/**
 * What a policy comes to, in sentences. Rules are counted from 1 on.
 * https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
 */

/** What Talos has where nobody says anything (1.13.9 and 1.14.1, `APIServerDefaultAuditPolicy`). */
const DEFAULT_POLICY: Json = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] }

/** What the operator agreed not to log. */
interface Dropped {
  users: readonly string[]
  paths: readonly string[]
}

export interface AuditWishes {
  /** Changes of rights are wanted with their bodies. */
  bodies: boolean
  drop: Dropped
}

/** @param kubernetes version of the API server, where it is known */
export function judgeAuditPolicy(live: Json | undefined, wishes: AuditWishes, kubernetes = ''): Remark[] {
  const { policy, problems } = parseAuditPolicy(live ?? DEFAULT_POLICY, kubernetes)
  const strict = problems.map((p) => (p.stops === 'nothing' ? noting : failing)(problemSentence(p)))
  if (!policy) return strict
  return [
    ...sensitiveRemarks(policy),
    ...rightsRemarks(policy, wishes.bodies),
    ...shellRemarks(policy),
    ...silentRemarks(policy),
    ...droppedRemarks(policy, wishes.drop),
    ...deadRemarks(policy),
    ...twiceRemarks(policy),
    ...strict,
  ]
}

const name = (rule: number | undefined): string => (rule === undefined ? 'no rule' : `rule ${rule + 1}`)

/** One sentence for each rule, with everything that it is said about. */
function byRule(
  found: { rule: number | undefined; words: string }[],
  say: (rule: number | undefined, words: string[]) => Remark,
): Remark[] {
  return [...new Set(found.map((f) => f.rule))]
    .toSorted((a, b) => (a ?? 1e9) - (b ?? 1e9))
    .map((rule) => say(rule, [...new Set(found.filter((f) => f.rule === rule).map((f) => f.words))]))
}

type Found = { rule: number | undefined; words: string }

/** Things about which some decision is as it must not be. */
function foundIn(
  policy: AuditPolicy,
  watched: readonly Watched[],
  verbs: readonly string[],
  wrong: (level: Level, decided: Decided) => boolean,
): Found[] {
  return watched.flatMap(({ words, resources }) =>
    resources
      .flatMap((resource) => decisionsAbout(policy, resource, verbs))
      .filter((d) => wrong(levelOf(policy, d.rule), d))
      .map((d) => ({ rule: d.rule, words })),
  )
}

function levelOf(policy: AuditPolicy, rule: number | undefined): Level {
  const found = rule === undefined ? undefined : policy.rules[rule]
  return found ? loggedBy(policy, found) : 'None'
}

/** What is not logged: a note where it is only for some, and for none whom an auditor looks for first. */
function notLogged(policy: AuditPolicy, rule: number | undefined, sentence: string): Remark {
  const found = rule === undefined ? undefined : policy.rules[rule]
  const first = lookedForIn(found)
  const why = first.length > 0 ? `: an auditor looks for ${listed(first)} first` : ''
  return { weight: isLimited(found) ? 'note' : 'fail', sentence: `${sentence} (${name(rule)})${whom(policy, rule)}${why}` }
}

/** `, only for ann in red`, where a rule is not for all. */
function whom(policy: AuditPolicy, rule: number | undefined): string {
  const found = rule === undefined ? undefined : policy.rules[rule]
  const who = found && (isLimited(found) || lookedForIn(found).length > 0) ? ` for ${listed([...found.users, ...found.userGroups])}` : ''
  const where = found && found.namespaces.length > 0 ? ` in ${listed(found.namespaces.map((n) => n || 'no namespace'))}` : ''
  return who + where ? `, only${who}${where}` : ''
}

function sensitiveRemarks(policy: AuditPolicy): Remark[] {
  const above = foundIn(
    policy,
    SENSITIVE,
    RESOURCE_VERBS,
    (_, { rule }) => rank(rule === undefined ? 'None' : (policy.rules[rule]?.level ?? 'None')) > 1,
  )
  const never = foundIn(policy, SENSITIVE, RESOURCE_VERBS, (level) => level === 'None')
  return [
    ...byRule(above, (rule, words) =>
      failing(
        `${name(rule)} logs ${listed(words, 4)} at ${policy.rules[rule ?? 0]?.level}: what is in them would stand in the log${whom(policy, rule)}`,
      ),
    ),
    ...byRule(never, (rule, words) => notLogged(policy, rule, `not every request about ${listed(words, 4)} is logged`)),
  ]
}

function rightsRemarks(policy: AuditPolicy, bodies: boolean): Remark[] {
  const thin = bodies ? foundIn(policy, RIGHTS, CHANGES, (level) => level === 'Metadata') : []
  const never = foundIn(policy, RIGHTS, [...CHANGES, 'delete', 'deletecollection'], (level) => level === 'None')
  return [
    ...byRule(never, (rule, words) => notLogged(policy, rule, `not every change of ${listed(words, 4)} is logged`)),
    ...byRule(thin, (rule, words) => notLogged(policy, rule, `changes of ${listed(words, 4)} are logged without their bodies`)),
  ]
}

function shellRemarks(policy: AuditPolicy): Remark[] {
  return byRule(
    foundIn(policy, SHELL, OPENS, (level) => level === 'None'),
    (rule, words) => notLogged(policy, rule, `${listed(words)} ${words.length === 1 ? 'is' : 'are'} not logged`),
  )
}

/** Where no rule matches nothing is logged. */
function silentRemarks(policy: AuditPolicy): Remark[] {
  const resource = { group: OTHER, resource: OTHER, name: OTHER, namespace: OTHER }
  const silent = (verb: string, about: Partial<AuditRequest>) => levelFor(policy, { user: OTHER, verb, ...about }).rule === undefined
  const verbs = RESOURCE_VERBS.filter((verb) => silent(verb, { resource }))
  const methods = PATH_VERBS.filter((verb) => silent(verb, { nonResourceURL: `/${OTHER}` }))
  const last = 'a last rule with nothing but a level is missing'
  return [
    ...(verbs.length > 0
      ? [failing(`what no rule names is not logged (${verbs.length === RESOURCE_VERBS.length ? 'any verb' : verbs.join(', ')}): ${last}`)]
      : []),
    ...(methods.length > 0
      ? [noting(`paths that no rule names are not logged (${methods.length === PATH_VERBS.length ? 'any method' : methods.join(', ')})`)]
      : []),
  ]
}

/** Health, versions and what can be asked for; they say nothing of anybody. */
const ACCEPTED_PATHS = ['/healthz', '/livez', '/readyz', '/version', '/openapi', '/api', '/metrics']
const ACCEPTED_RESOURCES = ['events.', 'events.events.k8s.io', 'leases.coordination.k8s.io']
/** kube-proxy of Talos asks with its service account, not as `system:kube-proxy` (1.13.9, k8stemplates/kube-proxy.go). */
const COMPONENTS = [
  'system:serviceaccount:kube-system:kube-proxy',
  'system:kube-proxy',
  'system:apiserver',
  'system:kube-controller-manager',
  'system:kube-scheduler',
]

const isOf = (watched: readonly Watched[], { resource }: AuditRequest): boolean =>
  watched.some((w) =>
    w.resources.some((r) => r.group === resource?.group && r.resource === resource.resource && r.subresource === resource.subresource),
  )

/** What need not be logged: it happens all the time and shows nothing, or the operator said so. */
function isNoise(request: AuditRequest, drop: Dropped): boolean {
  const { user = '', groups = [], verb, resource, nonResourceURL = '' } = request
  const known = COMPONENTS.includes(user) || groups.includes('system:nodes') || drop.users.includes(user)
  if (READS.includes(verb) && known && !isOf(SENSITIVE, request) && !isOf(SHELL, request)) return true
  if (resource) return ACCEPTED_RESOURCES.includes(`${resource.resource}.${resource.group}`) && !verb.startsWith('delete')
  return ACCEPTED_PATHS.some((p) => nonResourceURL.startsWith(p)) || drop.paths.some((spec) => matchesPath(nonResourceURL, spec))
}

function droppedRemarks(policy: AuditPolicy, drop: Dropped): Remark[] {
  return policy.rules.flatMap((rule, at) => {
    if (loggedBy(policy, rule) !== 'None') return []
    const requests = requestsOf(rule)?.filter((r) => levelFor(policy, r).rule === at && !isNoise(r, drop))
    if (requests?.length === 0) return []
    const verbs = [...new Set(requests?.map((r) => r.verb) ?? rule.verbs)]
    const resources = requests?.some((r) => r.resource) ?? true
    const changes = verbs.some((v) => !READS.includes(v)) && resources
    const sentence = `rule ${at + 1} never logs ${scopeOf(rule, verbs)}`
    return [changes && !isLimited(rule) ? failing(sentence) : noting(sentence)]
  })
}

/** `get and list of pods and pods/log in kube-system by system:apiserver`. */
function scopeOf(rule: AuditRule, verbs: readonly string[]): string {
  const things = rule.resources.flatMap((g) =>
    g.resources.length > 0 ? g.resources.map((r) => (g.group ? `${r} of ${g.group}` : r)) : [`all of ${g.group || 'the core group'}`],
  )
  const what = [...things, ...rule.nonResourceURLs]
  const all = verbs.length === 0 || verbs.length >= (rule.nonResourceURLs.length > 0 ? PATH_VERBS : RESOURCE_VERBS).length
  const who = [...rule.users, ...rule.userGroups]
  return [
    `${all ? 'any request' : listed(verbs, 8)} ${rule.nonResourceURLs.length > 0 ? 'to' : 'of'} ${what.length > 0 ? listed(what) : 'anything'}`,
    ...(rule.namespaces.length > 0 ? [`in ${listed(rule.namespaces.map((n) => n || 'no namespace'))}`] : []),
    ...(who.length > 0 ? [`by ${listed(who)}`] : []),
  ].join(' ')
}

/** Rules that no request gets to. It matters where what was meant is not what is done. */
function deadRemarks(policy: AuditPolicy): Remark[] {
  return policy.rules.flatMap((rule, at) => {
    const requests = requestsOf(rule)
    const takers = new Set(requests?.map((r) => levelFor(policy, r).rule ?? at))
    if (!requests || requests.length === 0 || takers.has(at)) return []
    const earlier = [...takers].toSorted((a, b) => a - b)
    const same = earlier.every((t) => policy.rules[t]?.level === rule.level)
    const sentence = `rule ${at + 1} (${rule.level}) never decides: ${listed(earlier.map((t) => `rule ${t + 1}`))} ${earlier.length === 1 ? 'takes' : 'take'} all that it names`
    return [same ? noting(sentence) : failing(sentence)]
  })
}

function twiceRemarks(policy: AuditPolicy): Remark[] {
  const omitted = (rule: AuditRule) => [...policy.omitStages, ...rule.omitStages]
  const logging = policy.rules.filter((r) => r.level !== 'None')
  const twice = logging.some((r) => !omitted(r).some((s) => s === 'RequestReceived' || s === 'ResponseComplete'))
  // whoever does not get in is written down when the answer begins, and at no other time (apiserver/pkg/endpoints/filters/authn_audit.go)
  const blind = logging.some((r) => omitted(r).includes('ResponseStarted'))
  return [
    ...(twice
      ? [noting('requests are logged twice, when they come and when they are over: omitStages: [RequestReceived] leaves the second')]
      : []),
    ...(blind ? [noting('whoever fails to sign in is not logged where the stage ResponseStarted is left out')] : []),
  ]
}
