import { type AuditedResource, type AuditRequest, levelFor, OTHER, requestsOf } from './audit-evaluate.ts'
import { type AuditPolicy, type AuditRule, LEVELS, type Level } from './audit-policy.ts'

/** What an auditor asks about, and every way in which a policy decides about it. */

export interface Watched {
  words: string
  resources: AuditedResource[]
}

const inNamespace = (group: string, resource: string, subresource?: string): AuditedResource => ({
  group,
  resource,
  ...(subresource ? { subresource } : {}),
  namespace: OTHER,
})
const ofCluster = (group: string, resource: string, subresource?: string): AuditedResource => {
  const { namespace: _, ...rest } = inNamespace(group, resource, subresource)
  return rest
}

/** Their bodies are secrets, and what stands in the log leaves the node. */
export const SENSITIVE: Watched[] = [
  { words: 'secrets', resources: [inNamespace('', 'secrets')] },
  { words: 'configmaps', resources: [inNamespace('', 'configmaps')] },
  { words: 'tokens of service accounts', resources: [inNamespace('', 'serviceaccounts', 'token')] },
  { words: 'token reviews', resources: [ofCluster('authentication.k8s.io', 'tokenreviews')] },
]

const RBAC = 'rbac.authorization.k8s.io'
const ADMISSION = 'admissionregistration.k8s.io'
const CERTIFICATES = 'certificates.k8s.io'
export const RIGHTS: Watched[] = [
  {
    words: 'roles and their bindings',
    resources: [
      inNamespace(RBAC, 'roles'),
      inNamespace(RBAC, 'rolebindings'),
      ofCluster(RBAC, 'clusterroles'),
      ofCluster(RBAC, 'clusterrolebindings'),
    ],
  },
  {
    words: 'admission webhooks and policies',
    resources: [
      'validatingwebhookconfigurations',
      'mutatingwebhookconfigurations',
      'validatingadmissionpolicies',
      'validatingadmissionpolicybindings',
    ].map((name) => ofCluster(ADMISSION, name)),
  },
  { words: 'network policies', resources: [inNamespace('networking.k8s.io', 'networkpolicies')] },
  {
    words: 'certificate requests',
    resources: [ofCluster(CERTIFICATES, 'certificatesigningrequests'), ofCluster(CERTIFICATES, 'certificatesigningrequests', 'approval')],
  },
]

/** An exec over a websocket is a `get`, over the older protocol a `create`. */
export const SHELL: Watched[] = [
  { words: 'kubectl exec', resources: [inNamespace('', 'pods', 'exec')] },
  { words: 'kubectl attach', resources: [inNamespace('', 'pods', 'attach')] },
  { words: 'kubectl port-forward', resources: [inNamespace('', 'pods', 'portforward')] },
]
export const OPENS = ['get', 'create']
export const CHANGES = ['create', 'update', 'patch']
export const READS = ['get', 'list', 'watch']

export const rank = (level: Level): number => LEVELS.indexOf(level)

/** What really comes into the log: bodies are only there when a request is over. */
export function loggedBy(policy: AuditPolicy, rule: AuditRule): Level {
  const omitted = [...policy.omitStages, ...rule.omitStages]
  if (!omitted.includes('ResponseComplete') || rule.level === 'None') return rule.level
  return omitted.includes('RequestReceived') ? 'None' : 'Metadata'
}

/** Who an auditor looks for first: everybody, or the traces of whoever breaks in. */
export const LOOKED_FOR = ['system:anonymous', 'system:admin', 'kubernetes-admin', 'admin']
export const lookedForIn = (rule: AuditRule | undefined): string[] => rule?.users.filter((u) => LOOKED_FOR.includes(u)) ?? []

/** Groups that everybody is in, or so many that they are no limit. */
const EVERYBODY = ['system:authenticated', 'system:unauthenticated', 'system:serviceaccounts', 'system:masters']
/** Whether a rule is only for some, and for none of those that are looked for first. */
export const isLimited = (rule: AuditRule | undefined): boolean =>
  rule !== undefined &&
  lookedForIn(rule).length === 0 &&
  (rule.users.length > 0 || (rule.userGroups.length > 0 && !rule.userGroups.some((g) => EVERYBODY.includes(g))))

/** What is done, and which rule decides about it, from 0 on; none where no rule does. */
export interface Decided {
  verb: string
  rule?: number
}

/** Every way in which the policy decides about these requests. Where they are too many to try each, a rule counts as if it decided. */
export function decisionsAbout(policy: AuditPolicy, resource: AuditedResource, verbs: readonly string[]): Decided[] {
  const byRules = policy.rules.flatMap((rule, at): Decided[] => {
    const requests = requestsOf(rule, { resource, verbs })
    const decided = requests
      ? requests.filter((r) => levelFor(policy, r).rule === at).map((r) => r.verb)
      : verbs.filter((v) => rule.verbs.length === 0 || rule.verbs.includes(v))
    return [...new Set(decided)].map((verb) => ({ verb, rule: at }))
  })
  const anybody = (verb: string): AuditRequest => ({ user: OTHER, verb, resource: { ...resource, name: OTHER } })
  const byNone = verbs.filter((verb) => levelFor(policy, anybody(verb)).rule === undefined)
  return [...byRules, ...byNone.map((verb) => ({ verb }))]
}
