import {
  type AuditPolicy,
  type AuditRule,
  type GroupResources,
  type Level,
  PATH_VERBS,
  RESOURCE_VERBS,
  type Stage,
} from './audit-policy.ts'

/**
 * What an audit policy makes of a request: the first rule that matches decides, and where none does nothing is logged.
 *
 * Kubernetes 1.36.3, apiserver/pkg/audit/policy/checker.go. https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
 */

export interface AuditedResource {
  /** Empty: the core group. */
  group: string
  resource: string
  subresource?: string
  /** Absent where the address of the request has none, as for a list and for what is created. */
  name?: string
  /** Absent for what lies in none, and for a list over all of them. A request about a namespace has its own name here. */
  namespace?: string
}

export interface AuditRequest {
  /** Absent where nobody signed in; a rule for users or groups then does not match. */
  user?: string
  groups?: string[]
  verb: string
  /** Absent where it is about a path. */
  resource?: AuditedResource
  nonResourceURL?: string
}

export interface AuditDecision {
  level: Level
  /** Which rule decided, from 0 on; absent where none matches. */
  rule?: number
  omitStages: Stage[]
  omitManagedFields: boolean
}

export function levelFor(policy: AuditPolicy, request: AuditRequest): AuditDecision {
  const at = policy.rules.findIndex((rule) => matches(rule, request))
  const rule = policy.rules[at]
  if (!rule) return { level: 'None', omitStages: policy.omitStages, omitManagedFields: policy.omitManagedFields }
  return {
    level: rule.level,
    rule: at,
    omitStages: [...new Set([...policy.omitStages, ...rule.omitStages])],
    omitManagedFields: rule.omitManagedFields ?? policy.omitManagedFields,
  }
}

function matches(rule: AuditRule, { user, groups = [], verb, resource, nonResourceURL = '' }: AuditRequest): boolean {
  if (rule.users.length > 0 && (user === undefined || !rule.users.includes(user))) return false
  if (rule.userGroups.length > 0 && (user === undefined || !groups.some((g) => rule.userGroups.includes(g)))) return false
  if (rule.verbs.length > 0 && !rule.verbs.includes(verb)) return false
  if (rule.namespaces.length > 0 || rule.resources.length > 0) return resource !== undefined && matchesResource(rule, resource)
  if (rule.nonResourceURLs.length > 0)
    return resource === undefined && rule.nonResourceURLs.some((spec) => matchesPath(nonResourceURL, spec))
  return true
}

/** Every star at the end is taken off, and what is left has to be how the path begins. */
export const matchesPath = (path: string, spec: string): boolean =>
  spec === '*' || spec === path || (spec.endsWith('*') && path.startsWith(spec.replace(/\*+$/, '')))

function matchesResource(rule: AuditRule, { namespace = '', ...resource }: AuditedResource): boolean {
  if (rule.namespaces.length > 0 && !rule.namespaces.includes(namespace)) return false
  return rule.resources.length === 0 || rule.resources.some((g) => matchesGroup(g, resource))
}

function matchesGroup(of: GroupResources, { group, resource, subresource = '', name = '' }: AuditedResource): boolean {
  if (of.group !== group && of.group !== '*') return false
  // names without a resource are looked at by nobody
  if (of.resources.length === 0) return true
  if (of.resourceNames.length > 0 && !of.resourceNames.includes(name)) return false
  const whole = subresource ? `${resource}/${subresource}` : resource
  return of.resources.some(
    (spec) => spec === whole || spec === '*' || (subresource !== '' && spec === `*/${subresource}`) || spec === `${resource}/*`,
  )
}

/* ---- requests that stand for all ---------------------------------------------------------------------------- */

/** What no rule names: whatever holds for it holds for everything that no rule names. */
export const OTHER = 'something-else'
/** Beyond so many requests a rule is not looked at any more; what is then said of it is said as if it counted. */
const MOST = 20_000

const orOther = (words: readonly string[]): readonly string[] => (words.length > 0 ? words : [OTHER])

/**
 * Requests that a rule matches, such that the rule decides about one of them if it ever decides about any: where a rule leaves a field
 * open, a value that no rule names is the one that earlier rules are least likely to take. Undefined where they are too many.
 *
 * @param about only requests about this, with these verbs
 */
export function requestsOf(rule: AuditRule, about?: { resource: AuditedResource; verbs: readonly string[] }): AuditRequest[] | undefined {
  const who = orOther(rule.users).flatMap((user) =>
    rule.userGroups.length > 0 ? rule.userGroups.map((group) => ({ user, groups: [group] })) : [{ user, groups: [] }],
  )
  const things = about ? thingsAbout(rule, about.resource) : [...thingsOf(rule), ...pathsOf(rule)]
  const requests = things.flatMap((thing) => {
    const known = about?.verbs ?? ('resource' in thing ? RESOURCE_VERBS : PATH_VERBS)
    const verbs = rule.verbs.length === 0 ? known : about ? rule.verbs.filter((v) => about.verbs.includes(v)) : rule.verbs
    return verbs.map((verb) => ({ verb, ...thing }))
  })
  if (who.length * requests.length > MOST) return undefined
  return who.flatMap((one) => requests.map((request) => ({ ...one, ...request })))
}

type Thing = { resource: AuditedResource } | { nonResourceURL: string }

function thingsOf(rule: AuditRule): Thing[] {
  if (rule.nonResourceURLs.length > 0) return []
  const groups = rule.resources.length > 0 ? rule.resources : [{ group: OTHER, resources: [], resourceNames: [] }]
  return orOther(rule.namespaces).flatMap((namespace) =>
    groups.flatMap((g) =>
      orOther(g.resources).flatMap((spec) =>
        orOther(g.resources.length > 0 ? g.resourceNames : []).map((name) => ({
          resource: { ...namedBy(g.group, spec), name, namespace },
        })),
      ),
    ),
  )
}

function namedBy(group: string, spec: string): AuditedResource {
  const [resource = '', subresource] = spec.split('/').map((word) => (word === '*' ? OTHER : word))
  return { group: group === '*' ? OTHER : group, resource, ...(subresource ? { subresource } : {}) }
}

function pathsOf(rule: AuditRule): Thing[] {
  if (rule.namespaces.length + rule.resources.length > 0) return []
  const specs = rule.nonResourceURLs.length > 0 ? rule.nonResourceURLs : ['/*']
  return specs.map((spec) => ({ nonResourceURL: spec === '*' ? `/${OTHER}` : spec.replace(/\*+$/, OTHER) }))
}

/** The same for one resource. `namespace` is OTHER where it lies in one. */
function thingsAbout(rule: AuditRule, about: AuditedResource): Thing[] {
  if (rule.nonResourceURLs.length > 0) return []
  const namespaces =
    rule.namespaces.length === 0 ? [about.namespace ?? ''] : about.namespace ? rule.namespaces : rule.namespaces.filter((n) => n === '')
  const names =
    rule.resources.length === 0 ? [OTHER] : rule.resources.flatMap((g) => orOther(g.resources.length > 0 ? g.resourceNames : []))
  return namespaces.flatMap((namespace) =>
    [...new Set(names)]
      .map((name) => ({ resource: { ...about, name, namespace } }))
      .filter((thing) => matchesResource(rule, thing.resource)),
  )
}
