import type { Json } from '../contract.ts'
import { nearest } from './nearest.ts'

/**
 * An audit policy, read as strictly as both who read it: Talos decodes it into the type of Kubernetes and refuses fields that the
 * type does not have, kube-apiserver then checks the values and does not start with a wrong one. Neither looks at verbs and names.
 *
 * Talos 1.13.9 and 1.14.1, `auditPolicyConfig` in controllers/k8s/render_config_static_pods.go; Kubernetes 1.36.3,
 * apiserver/pkg/apis/audit/v1/types.go, pkg/apis/audit/validation/validation.go and pkg/audit/policy/reader.go.
 * https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
 */

/** Least first. */
export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const
export type Level = (typeof LEVELS)[number]
const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const
export type Stage = (typeof STAGES)[number]

/** What a request about a resource is, as kube-apiserver names it. */
export const RESOURCE_VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const
/** What a request about anything else is: its method, in lower case. */
export const PATH_VERBS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'] as const
const VERBS: readonly string[] = [...new Set([...RESOURCE_VERBS, ...PATH_VERBS])]

export interface GroupResources {
  /** Empty: the core group. */
  group: string
  /** Empty: all of the group. */
  resources: string[]
  resourceNames: string[]
}

/** An empty list stands for everything. */
export interface AuditRule {
  level: Level
  users: string[]
  userGroups: string[]
  verbs: string[]
  resources: GroupResources[]
  namespaces: string[]
  nonResourceURLs: string[]
  omitStages: Stage[]
  /** Absent: as the policy says. */
  omitManagedFields?: boolean
}

export interface AuditPolicy {
  rules: AuditRule[]
  omitStages: Stage[]
  omitManagedFields: boolean
}

export interface AuditProblem {
  /** `rules[0].resources[1].group`; empty for the whole. */
  path: string
  /** Without a final period. */
  message: string
  /**
   * `render`: Talos keeps the policy from before, and takes no other change of the API server either. `start`: the API server does not
   * start. `nothing`: it is taken, and does not do what it seems to say.
   */
  stops: 'render' | 'start' | 'nothing'
}

type Raw = Record<string, unknown>
type Say = (path: string, message: string, stops: AuditProblem['stops']) => void

const POLICY_FIELDS = ['apiVersion', 'kind', 'metadata', 'rules', 'omitStages', 'omitManagedFields']
const RULE_FIELDS = [
  'level',
  'users',
  'userGroups',
  'verbs',
  'resources',
  'namespaces',
  'nonResourceURLs',
  'omitStages',
  'omitManagedFields',
]
const GROUP_FIELDS = ['group', 'resources', 'resourceNames']
const META_FIELDS = (
  'name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp ' +
  'deletionGracePeriodSeconds labels annotations ownerReferences finalizers managedFields'
).split(' ')

const kindOf = (value: unknown): string => (Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'a map' : `a ${typeof value}`)
const isThere = (value: unknown): boolean => value !== undefined && value !== null

/** The fields of a map. Names are compared letter by letter, as both readers do. */
function fieldsOf(value: unknown, path: string, known: readonly string[], say: Say): Raw {
  if (!isThere(value)) return {}
  if (typeof value !== 'object' || Array.isArray(value)) {
    say(path, `expected a map, found ${kindOf(value)}`, 'render')
    return {}
  }
  for (const name of Object.keys(value as Raw).filter((n) => !known.includes(n))) {
    const near = nearest(name, known)
    say(join(path, name), `unknown field "${name}", ${near ? `did you mean "${near}"` : `known here: ${known.join(', ')}`}`, 'render')
  }
  return value as Raw
}

const join = (path: string, name: string): string => (path ? `${path}.${name}` : name)

function textsOf(value: unknown, path: string, say: Say): string[] {
  if (!isThere(value)) return []
  if (!Array.isArray(value)) {
    say(path, `expected a list of texts, found ${kindOf(value)}`, 'render')
    return []
  }
  if (value.length === 0) say(path, 'an empty list holds for everything: leave it out, or name something', 'nothing')
  return value.flatMap((item, i) => {
    if (typeof item === 'string') return [item]
    if (isThere(item)) say(`${path}[${i}]`, `expected a text, found ${kindOf(item)}`, 'render')
    else say(`${path}[${i}]`, 'expected a text, found nothing, which is read as an empty one', 'nothing')
    return isThere(item) ? [] : ['']
  })
}

function flagOf(value: unknown, path: string, say: Say): boolean | undefined {
  if (!isThere(value) || typeof value === 'boolean') return value as boolean | undefined
  say(path, `expected true or false, found ${kindOf(value)}`, 'render')
  return undefined
}

function stagesOf(value: unknown, path: string, say: Say): Stage[] {
  return textsOf(value, path, say).flatMap((text, i) => {
    const stage = STAGES.find((s) => s === text)
    if (!stage) say(`${path}[${i}]`, `"${text}" is no stage, ${suggest(text, STAGES)}`, 'start')
    return stage ? [stage] : []
  })
}

function suggest(text: string, known: readonly string[]): string {
  const near = nearest(text, known)
  return near ? `did you mean "${near}"` : `known are ${known.join(', ')}`
}

function levelOf(value: unknown, path: string, say: Say): Level {
  if (isThere(value) && typeof value !== 'string') say(path, `expected a text, found ${kindOf(value)}`, 'render')
  else if (!value) say(path, `a level is missing, one of ${LEVELS.join(', ')}`, 'start')
  else if (!LEVELS.some((l) => l === value)) say(path, `"${value}" is no level, ${suggest(value as string, LEVELS)}`, 'start')
  return LEVELS.find((l) => l === value) ?? 'None'
}

/** Words that are compared as they are, so that a star in them stands for itself. */
function plainWords(words: string[], path: string, say: Say): string[] {
  for (const [i, word] of words.entries())
    if (word.includes('*'))
      say(`${path}[${i}]`, `"${word}" stands for itself here and matches nothing: leave the field out for all`, 'nothing')
  return words
}

function verbsOf(value: unknown, path: string, say: Say): string[] {
  const verbs = plainWords(textsOf(value, path, say), path, say)
  for (const [i, verb] of verbs.entries())
    if (!verb.includes('*') && !VERBS.includes(verb))
      say(`${path}[${i}]`, `no request has the verb "${verb}", ${suggest(verb, VERBS)}`, 'nothing')
  return verbs
}

function pathsOf(value: unknown, path: string, say: Say): string[] {
  const urls = textsOf(value, path, say)
  for (const [i, url] of urls.entries()) {
    if (url !== '*' && !url.startsWith('/')) say(`${path}[${i}]`, `"${url}" does not begin with a slash`, 'start')
    else if (url.slice(0, -1).includes('*')) say(`${path}[${i}]`, `"${url}" has a star that is not at its end`, 'start')
  }
  return urls
}

/** A star is for all resources, for all subresources of one, or, before the slash, for all resources that have that subresource. */
const RESOURCE = /^(?:\*|[a-z][a-z0-9-]*)(?:\/[a-z][a-z0-9-]*)?$|^[a-z][a-z0-9-]*\/\*$/
const GROUP = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/

function groupOf(value: unknown, path: string, say: Say): GroupResources {
  const raw = fieldsOf(value, path, GROUP_FIELDS, say)
  const group = typeof raw.group === 'string' ? raw.group : ''
  if (isThere(raw.group) && typeof raw.group !== 'string') say(`${path}.group`, `expected a text, found ${kindOf(raw.group)}`, 'render')
  if (group !== '' && group !== '*' && (group.length > 253 || !GROUP.test(group)))
    say(`${path}.group`, `"${group}" is no group: write it without a version, as in apps`, 'start')
  if (group === 'core' || /^v\d/.test(group)) say(`${path}.group`, `no group is called "${group}": the core group is written ""`, 'nothing')
  const resources = textsOf(raw.resources, `${path}.resources`, say)
  for (const [i, name] of resources.entries())
    if (!RESOURCE.test(name))
      say(`${path}.resources[${i}]`, `nothing is called "${name}": write it as in pods, pods/exec, pods/* or */status`, 'nothing')
  const resourceNames = plainWords(textsOf(raw.resourceNames, `${path}.resourceNames`, say), `${path}.resourceNames`, say)
  if (resourceNames.length > 0 && resources.length === 0) say(`${path}.resourceNames`, 'names need a resource that they are of', 'start')
  return { group, resources, resourceNames }
}

function listOf<T>(value: unknown, path: string, say: Say, read: (item: unknown, path: string) => T): T[] {
  if (!isThere(value)) return []
  if (Array.isArray(value)) return value.map((item, i) => read(item, `${path}[${i}]`))
  say(path, `expected a list, found ${kindOf(value)}`, 'render')
  return []
}

function ruleOf(value: unknown, path: string, say: Say): AuditRule {
  const raw = fieldsOf(value, path, RULE_FIELDS, say)
  if (Object.keys(raw).length === 0) say(path, 'the rule is empty', 'start')
  const words = (name: 'users' | 'userGroups' | 'namespaces') =>
    plainWords(textsOf(raw[name], `${path}.${name}`, say), `${path}.${name}`, say)
  const omitManagedFields = flagOf(raw.omitManagedFields, `${path}.omitManagedFields`, say)
  const rule: AuditRule = {
    level: levelOf(raw.level, `${path}.level`, say),
    users: words('users'),
    userGroups: words('userGroups'),
    verbs: verbsOf(raw.verbs, `${path}.verbs`, say),
    resources: listOf(raw.resources, `${path}.resources`, say, (item, at) => groupOf(item, at, say)),
    namespaces: words('namespaces'),
    nonResourceURLs: pathsOf(raw.nonResourceURLs, `${path}.nonResourceURLs`, say),
    omitStages: stagesOf(raw.omitStages, `${path}.omitStages`, say),
    ...(typeof omitManagedFields === 'boolean' ? { omitManagedFields } : {}),
  }
  if (rule.nonResourceURLs.length > 0 && rule.resources.length + rule.namespaces.length > 0)
    say(`${path}.nonResourceURLs`, 'a rule is about resources or about paths, not about both', 'start')
  return rule
}

/** `apiVersion` and `kind` pass Talos whatever they say, and the API server knows one of each. */
function headOf(raw: Raw, say: Say): void {
  const wanted = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy' }
  for (const [name, value] of Object.entries(wanted))
    if (raw[name] !== value)
      say(name, isThere(raw[name]) ? `${JSON.stringify(raw[name])} is not "${value}"` : `it is missing, expected "${value}"`, 'start')
}

/**
 * The policy, or what is wrong with it. It is there as soon as the API server would start with it; what is then still said of it only
 * does not do what it seems to.
 *
 * @param kubernetes version of the API server, such as `v1.36.3`; before 1.36 it knows no group "*"
 */
export function parseAuditPolicy(value: Json | undefined, kubernetes = ''): { policy?: AuditPolicy; problems: AuditProblem[] } {
  const problems: AuditProblem[] = []
  const say: Say = (path, message, stops) => problems.push({ path, message, stops })
  const raw = fieldsOf(value ?? {}, '', POLICY_FIELDS, say)
  headOf(raw, say)
  fieldsOf(raw.metadata, 'metadata', META_FIELDS, say)
  const rules = listOf(raw.rules, 'rules', say, (item, path) => ruleOf(item, path, say))
  if (rules.length === 0) say('rules', 'there is no rule', 'start')
  const minor = Number(/^v?1\.(\d+)/.exec(kubernetes)?.[1] ?? Number.NaN)
  for (const [i, rule] of rules.entries())
    for (const [j, { group }] of rule.resources.entries())
      if (group === '*' && minor < 36)
        say(`rules[${i}].resources[${j}].group`, `Kubernetes ${kubernetes} knows no "*" for all groups`, 'start')
  const policy: AuditPolicy = {
    rules,
    omitStages: stagesOf(raw.omitStages, 'omitStages', say),
    omitManagedFields: flagOf(raw.omitManagedFields, 'omitManagedFields', say) ?? false,
  }
  return problems.some((p) => p.stops !== 'nothing') ? { problems } : { policy, problems }
}

const STOPS: Record<AuditProblem['stops'], string> = {
  render: 'Talos would keep the policy from before and take no other change of the API server',
  start: 'the API server would not start',
  nothing: 'it would be taken, and not do what it seems to say',
}

/** `rules[0].level: "meta" is no level, did you mean "Metadata" (the API server would not start)`. */
export const problemSentence = (p: AuditProblem): string => `${p.path ? `${p.path}: ` : ''}${p.message} (${STOPS[p.stops]})`
