import { describe, expect, test } from 'vitest'
import type { Json } from '../../src/contract.ts'
import { type AuditProblem, parseAuditPolicy, problemSentence } from '../../src/domain/audit-policy.ts'

const policy = (...rules: Json[]): Json => ({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules })
const problemsOf = (value: Json | undefined, kubernetes?: string): string[] =>
  parseAuditPolicy(value, kubernetes).problems.map((p) => `${p.stops} ${p.path}: ${p.message}`)

describe('a policy that is right', () => {
  test('is read with every field that there is, and what is left out is empty', () => {
    const value: Json = {
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      metadata: { name: 'ours', creationTimestamp: null, labels: { a: 'b' } },
      omitStages: ['RequestReceived'],
      omitManagedFields: true,
      rules: [
        {
          level: 'RequestResponse',
          users: ['system:apiserver'],
          userGroups: ['system:nodes'],
          verbs: ['get', 'deletecollection'],
          resources: [{ group: 'apps', resources: ['deployments/scale', 'pods/*', '*/status', '*'], resourceNames: ['a'] }, {}],
          namespaces: ['kube-system', ''],
          omitStages: ['Panic'],
          omitManagedFields: false,
        },
        { level: 'None', nonResourceURLs: ['/healthz*', '*', '/'], verbs: ['head'] },
        { level: 'Metadata' },
      ],
    }
    const { policy: read, problems } = parseAuditPolicy(value)
    expect(problems).toEqual([])
    expect(read).toEqual({
      omitStages: ['RequestReceived'],
      omitManagedFields: true,
      rules: [
        {
          level: 'RequestResponse',
          users: ['system:apiserver'],
          userGroups: ['system:nodes'],
          verbs: ['get', 'deletecollection'],
          resources: [
            { group: 'apps', resources: ['deployments/scale', 'pods/*', '*/status', '*'], resourceNames: ['a'] },
            { group: '', resources: [], resourceNames: [] },
          ],
          namespaces: ['kube-system', ''],
          nonResourceURLs: [],
          omitStages: ['Panic'],
          omitManagedFields: false,
        },
        {
          level: 'None',
          users: [],
          userGroups: [],
          verbs: ['head'],
          resources: [],
          namespaces: [],
          nonResourceURLs: ['/healthz*', '*', '/'],
          omitStages: [],
        },
        { level: 'Metadata', users: [], userGroups: [], verbs: [], resources: [], namespaces: [], nonResourceURLs: [], omitStages: [] },
      ],
    })
  })

  test('may have nothing where a list could be', () => {
    expect(problemsOf(policy({ level: 'Metadata', users: null, verbs: null, omitManagedFields: null }))).toEqual([])
  })
})

describe('a field that Kubernetes does not have stops Talos, and is named with its path and what is meant', () => {
  test.each<[string, Json, string]>([
    [
      'in the policy',
      { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitstages: ['Panic'], rules: [{ level: 'None' }] },
      'render omitstages: unknown field "omitstages", did you mean "omitStages"',
    ],
    [
      'in a rule',
      policy({ level: 'None', resourcez: [] }),
      'render rules[0].resourcez: unknown field "resourcez", did you mean "resources"',
    ],
    [
      'in a group',
      policy({ level: 'None', resources: [{}, { resourcenames: ['a'] }] }),
      'render rules[0].resources[1].resourcenames: unknown field "resourcenames", did you mean "resourceNames"',
    ],
    [
      'in the metadata',
      { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', metadata: { nam: 'x' }, rules: [{ level: 'None' }] },
      'render metadata.nam: unknown field "nam", did you mean "name"',
    ],
    [
      'that is like none',
      policy({ level: 'None', whatever: 1 }),
      'render rules[0].whatever: unknown field "whatever", known here: level, users, userGroups, verbs, resources, namespaces, nonResourceURLs, omitStages, omitManagedFields',
    ],
  ])('%s', (_, value, problem) => {
    expect(problemsOf(value)).toEqual([problem])
    expect(parseAuditPolicy(value).policy).toBeUndefined()
  })
})

describe('a value of another type stops Talos', () => {
  test.each<[Json, string]>([
    [policy({ level: 'None', users: 'me' }), 'render rules[0].users: expected a list of texts, found a string'],
    [policy({ level: 'None', users: [1] }), 'render rules[0].users[0]: expected a text, found a number'],
    [policy({ level: 3 }), 'render rules[0].level: expected a text, found a number'],
    [policy({ level: 'None', omitManagedFields: 'yes' }), 'render rules[0].omitManagedFields: expected true or false, found a string'],
    [policy({ level: 'None', resources: { group: '' } }), 'render rules[0].resources: expected a list, found a map'],
    [policy({ level: 'None', resources: ['pods'] }), 'render rules[0].resources[0]: expected a map, found a string'],
    [policy({ level: 'None', resources: [{ group: 1 }] }), 'render rules[0].resources[0].group: expected a text, found a number'],
    [
      { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', metadata: [], rules: [{ level: 'None' }] },
      'render metadata: expected a map, found a list',
    ],
  ])('%j', (value, problem) => {
    expect(problemsOf(value)).toEqual([problem])
  })

  test('of the whole', () => {
    expect(problemsOf('rules')).toContain('render : expected a map, found a string')
    expect(problemsOf([])).toContain('render : expected a map, found a list')
  })
})

describe('a value that the API server does not know keeps it from starting', () => {
  test.each<[Json, string]>([
    [policy({ level: 'metadata' }), 'start rules[0].level: "metadata" is no level, did you mean "Metadata"'],
    [policy({ level: 'Everything' }), 'start rules[0].level: "Everything" is no level, known are None, Metadata, Request, RequestResponse'],
    [policy({ level: '' }), 'start rules[0].level: a level is missing, one of None, Metadata, Request, RequestResponse'],
    [policy({ users: ['a'] }), 'start rules[0].level: a level is missing, one of None, Metadata, Request, RequestResponse'],
    [
      policy({ level: 'None', omitStages: ['RequestRecieved'] }),
      'start rules[0].omitStages[0]: "RequestRecieved" is no stage, did you mean "RequestReceived"',
    ],
    [policy({ level: 'None', nonResourceURLs: ['healthz'] }), 'start rules[0].nonResourceURLs[0]: "healthz" does not begin with a slash'],
    [policy({ level: 'None', nonResourceURLs: [''] }), 'start rules[0].nonResourceURLs[0]: "" does not begin with a slash'],
    [policy({ level: 'None', nonResourceURLs: ['/a*/b'] }), 'start rules[0].nonResourceURLs[0]: "/a*/b" has a star that is not at its end'],
    [
      policy({ level: 'None', nonResourceURLs: ['/a'], namespaces: ['b'] }),
      'start rules[0].nonResourceURLs: a rule is about resources or about paths, not about both',
    ],
    [
      policy({ level: 'None', resources: [{ group: 'apps/v1' }] }),
      'start rules[0].resources[0].group: "apps/v1" is no group: write it without a version, as in apps',
    ],
    [
      policy({ level: 'None', resources: [{ resourceNames: ['a'] }] }),
      'start rules[0].resources[0].resourceNames: names need a resource that they are of',
    ],
    [policy(), 'start rules: there is no rule'],
    [{ apiVersion: 'audit.k8s.io/v1', kind: 'Policy' }, 'start rules: there is no rule'],
    [{ kind: 'Policy', rules: [{ level: 'None' }] }, 'start apiVersion: it is missing, expected "audit.k8s.io/v1"'],
    [
      { apiVersion: 'audit.k8s.io/v1beta1', kind: 'Policy', rules: [{ level: 'None' }] },
      'start apiVersion: "audit.k8s.io/v1beta1" is not "audit.k8s.io/v1"',
    ],
    [{ apiVersion: 'audit.k8s.io/v1', kind: 'PolicyList', rules: [{ level: 'None' }] }, 'start kind: "PolicyList" is not "Policy"'],
    [
      { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['Later'], rules: [{ level: 'None' }] },
      'start omitStages[0]: "Later" is no stage, known are RequestReceived, ResponseStarted, ResponseComplete, Panic',
    ],
  ])('%j', (value, problem) => {
    expect(problemsOf(value)).toEqual([problem])
    expect(parseAuditPolicy(value).policy).toBeUndefined()
  })

  test('an empty rule is called so', () => {
    expect(problemsOf(policy({}))[0]).toBe('start rules[0]: the rule is empty')
  })

  test('nothing at all', () => {
    expect(parseAuditPolicy(undefined).policy).toBeUndefined()
  })

  test('a star for all groups, before Kubernetes 1.36', () => {
    const stars = policy({ level: 'None', resources: [{ group: '*', resources: ['*/status'] }] })
    expect(problemsOf(stars, 'v1.35.4')).toEqual(['start rules[0].resources[0].group: Kubernetes v1.35.4 knows no "*" for all groups'])
    expect(problemsOf(stars, 'v1.36.3')).toEqual([])
    expect(problemsOf(stars)).toEqual([])
  })
})

describe('what is taken and does something else is said, and the policy is there', () => {
  test.each<[Json, string]>([
    [policy({ level: 'None', users: [null] }), 'nothing rules[0].users[0]: expected a text, found nothing, which is read as an empty one'],
    [
      policy({ level: 'None', verbs: ['*'] }),
      'nothing rules[0].verbs[0]: "*" stands for itself here and matches nothing: leave the field out for all',
    ],
    [
      policy({ level: 'None', users: ['system:serviceaccount:*'] }),
      'nothing rules[0].users[0]: "system:serviceaccount:*" stands for itself here and matches nothing: leave the field out for all',
    ],
    [
      policy({ level: 'None', namespaces: ['*'] }),
      'nothing rules[0].namespaces[0]: "*" stands for itself here and matches nothing: leave the field out for all',
    ],
    [policy({ level: 'None', verbs: ['lst'] }), 'nothing rules[0].verbs[0]: no request has the verb "lst", did you mean "list"'],
    [policy({ level: 'None', users: [] }), 'nothing rules[0].users: an empty list holds for everything: leave it out, or name something'],
    [
      policy({ level: 'None', resources: [{ group: 'core' }] }),
      'nothing rules[0].resources[0].group: no group is called "core": the core group is written ""',
    ],
    [
      policy({ level: 'None', resources: [{ group: 'v1' }] }),
      'nothing rules[0].resources[0].group: no group is called "v1": the core group is written ""',
    ],
    [
      policy({ level: 'None', resources: [{ resources: ['Secrets'] }] }),
      'nothing rules[0].resources[0].resources[0]: nothing is called "Secrets": write it as in pods, pods/exec, pods/* or */status',
    ],
    [
      policy({ level: 'None', resources: [{ resources: ['*/*'] }] }),
      'nothing rules[0].resources[0].resources[0]: nothing is called "*/*": write it as in pods, pods/exec, pods/* or */status',
    ],
  ])('%j', (value, problem) => {
    expect(problemsOf(value)).toEqual([problem])
    expect(parseAuditPolicy(value).policy).toBeDefined()
  })
})

test('a sentence says where, what, and what comes of it', () => {
  const problem: AuditProblem = { path: 'rules[0].level', message: 'a level is missing', stops: 'start' }
  expect(problemSentence(problem)).toBe('rules[0].level: a level is missing (the API server would not start)')
  expect(problemSentence({ ...problem, path: '', stops: 'render' })).toBe(
    'a level is missing (Talos would keep the policy from before and take no other change of the API server)',
  )
  expect(problemSentence({ ...problem, stops: 'nothing' })).toMatch(/taken, and not do what it seems to say/)
})
