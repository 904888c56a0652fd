import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Json } from '../../src/contract.ts'
import { judgeAuditPolicy } from '../../src/domain/audit-judge.ts'
import { LOOKED_FOR } from '../../src/domain/audit-watched.ts'

const TEMPLATE = parse(readFileSync(new URL('../../templates/MON-01/policy.yaml', import.meta.url), 'utf8')) as Json
const NOTHING = { users: [], paths: [] }
const policy = (...rules: Json[]): Json => ({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules })
const said = (value: Json | undefined, bodies = true, drop: { users: string[]; paths: string[] } = NOTHING): string[] =>
  judgeAuditPolicy(value, { bodies, drop }).map((r) => `${r.weight}: ${r.sentence}`)
/** What guards the rest in the policies below, so that each says one thing only. */
const GUARDS: Json[] = [
  {
    level: 'Metadata',
    resources: [
      { resources: ['secrets', 'configmaps', 'serviceaccounts/token'] },
      { group: 'authentication.k8s.io', resources: ['tokenreviews'] },
    ],
  },
  {
    level: 'Request',
    verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
    resources: [
      { group: 'rbac.authorization.k8s.io' },
      { group: 'admissionregistration.k8s.io' },
      { group: 'certificates.k8s.io' },
      { group: 'networking.k8s.io' },
    ],
  },
]
const LAST: Json = { level: 'Metadata' }

test('our policy is clean, with bodies and without', () => {
  expect(said(TEMPLATE)).toEqual([])
  expect(said(TEMPLATE, false)).toEqual([])
  expect(said(policy(...GUARDS, LAST))).toEqual([])
})

test('the policy of Talos, which is there where nobody says anything, logs changes of rights without bodies and everything twice', () => {
  const sentences = [
    'fail: changes of roles and their bindings, admission webhooks and policies, network policies and certificate requests are logged without their bodies (rule 1)',
    'note: requests are logged twice, when they come and when they are over: omitStages: [RequestReceived] leaves the second',
  ]
  expect(said(undefined)).toEqual(sentences)
  expect(said({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] })).toEqual(sentences)
  expect(said(undefined, false)).toEqual(sentences.slice(1))
})

describe('secrets, tokens and configmaps', () => {
  test('above Metadata are a failure, for whichever verb and user', () => {
    expect(
      said(
        policy({ level: 'Request', verbs: ['update'], users: ['ann'], resources: [{ resources: ['secrets', 'pods'] }] }, ...GUARDS, LAST),
      ),
    ).toEqual(['fail: rule 1 logs secrets at Request: what is in them would stand in the log, only for ann'])
    expect(said(policy({ level: 'RequestResponse', namespaces: ['red'] }, ...GUARDS, LAST))).toEqual([
      'fail: rule 1 logs secrets, configmaps and tokens of service accounts at RequestResponse: what is in them would stand in the log, only in red',
    ])
    expect(said(policy({ level: 'Request', resources: [{ resources: ['*/token'] }] }, ...GUARDS, LAST))).toEqual([
      'fail: rule 1 logs tokens of service accounts at Request: what is in them would stand in the log',
    ])
    expect(said(policy({ level: 'Request', resources: [{ group: '*' }] }, LAST)).slice(0, 1)).toEqual([
      'fail: rule 1 logs secrets, configmaps, tokens of service accounts and token reviews at Request: what is in them would stand in the log',
    ])
  })

  test('above Metadata behind a rule that has them are none', () => {
    expect(said(policy(...GUARDS, { level: 'RequestResponse', verbs: ['get'] }, LAST))).toEqual([])
  })

  test('by name only are found too', () => {
    expect(said(policy({ level: 'Request', resources: [{ resources: ['secrets'], resourceNames: ['one'] }] }, ...GUARDS, LAST))).toEqual([
      'fail: rule 1 logs secrets at Request: what is in them would stand in the log',
    ])
  })

  test('that are not logged are a failure, and a note where it is only for some', () => {
    expect(said(policy({ level: 'None', verbs: ['get'], resources: [{ resources: ['secrets'] }] }, ...GUARDS, LAST))).toEqual([
      'fail: not every request about secrets is logged (rule 1)',
      'note: rule 1 never logs get of secrets',
    ])
    expect(
      said(policy({ level: 'None', verbs: ['get'], users: ['ann'], resources: [{ resources: ['secrets'] }] }, ...GUARDS, LAST)),
    ).toEqual(['note: not every request about secrets is logged (rule 1), only for ann', 'note: rule 1 never logs get of secrets by ann'])
    expect(
      said(
        policy(
          { level: 'None', verbs: ['get'], userGroups: ['system:authenticated'], resources: [{ resources: ['secrets'] }] },
          ...GUARDS,
          LAST,
        ),
      )[0],
    ).toBe('fail: not every request about secrets is logged (rule 1)')
  })
})

describe('whom an auditor looks for first', () => {
  test.each(LOOKED_FOR)('is never left out: %s', (user) => {
    const only = `only for ${user}: an auditor looks for ${user} first`
    expect(said(policy({ level: 'None', users: [user] }, ...GUARDS, LAST))).toEqual([
      `fail: not every request about secrets, configmaps, tokens of service accounts and token reviews is logged (rule 1), ${only}`,
      `fail: not every change of roles and their bindings, admission webhooks and policies, network policies and certificate requests is logged (rule 1), ${only}`,
      `fail: kubectl exec, kubectl attach and kubectl port-forward are not logged (rule 1), ${only}`,
      `fail: rule 1 never logs any request of anything by ${user}`,
    ])
  })

  test('is not left out beside others, nor in one namespace', () => {
    const rule = { level: 'None', users: ['ann', 'admin'], namespaces: ['shop'], resources: [{ resources: ['pods/exec'] }] }
    expect(said(policy(rule, ...GUARDS, LAST))).toEqual([
      'fail: kubectl exec is not logged (rule 1), only for ann and admin in shop: an auditor looks for admin first',
      'fail: rule 1 never logs any request of pods/exec in shop by ann and admin',
    ])
  })
})

describe('changes of rights', () => {
  test('that are never logged are a failure, and for some a note', () => {
    const rule = { level: 'None', verbs: ['delete'], resources: [{ group: 'rbac.authorization.k8s.io', resources: ['clusterroles'] }] }
    expect(said(policy(rule, ...GUARDS, LAST))).toEqual([
      'fail: not every change of roles and their bindings is logged (rule 1)',
      'fail: rule 1 never logs delete of clusterroles of rbac.authorization.k8s.io',
    ])
    expect(said(policy({ ...rule, users: ['ann'] }, ...GUARDS, LAST))).toEqual([
      'note: not every change of roles and their bindings is logged (rule 1), only for ann',
      'note: rule 1 never logs delete of clusterroles of rbac.authorization.k8s.io by ann',
    ])
  })

  test('have no body in the log where the end of requests is left out', () => {
    const value = policy(...GUARDS, LAST) as { [key: string]: Json }
    expect(said({ ...value, omitStages: ['ResponseComplete'] })).toEqual([
      'fail: changes of roles and their bindings, admission webhooks and policies, network policies and certificate requests are logged without their bodies (rule 2)',
    ])
  })

  test('are not logged at all where both ends are', () => {
    const value = policy(...GUARDS, LAST) as { [key: string]: Json }
    expect(said({ ...value, omitStages: ['ResponseComplete', 'RequestReceived'] })).toContain(
      'fail: rule 3 never logs any request of anything',
    )
  })
})

test('an exec that is not logged is a failure, over a websocket too, which is a get', () => {
  expect(said(policy(...GUARDS, { level: 'None', verbs: ['get', 'list', 'watch'] }, LAST))).toEqual([
    'fail: kubectl exec, kubectl attach and kubectl port-forward are not logged (rule 3)',
    'note: rule 3 never logs get, list and watch of anything',
  ])
  expect(said(policy({ level: 'None', resources: [{ resources: ['pods/exec'] }] }, ...GUARDS, LAST))[0]).toBe(
    'fail: kubectl exec is not logged (rule 1)',
  )
})

test('a policy without a last rule for everything is silent about the rest', () => {
  expect(said(policy(...GUARDS))).toEqual([
    'fail: kubectl exec, kubectl attach and kubectl port-forward are not logged (no rule)',
    'fail: what no rule names is not logged (any verb): a last rule with nothing but a level is missing',
    'note: paths that no rule names are not logged (any method)',
  ])
  expect(said(policy(...GUARDS, { level: 'Metadata', verbs: ['get', 'create'] })).slice(0, 1)).toEqual([
    'fail: what no rule names is not logged (list, watch, update, patch, delete, deletecollection): a last rule with nothing but a level is missing',
  ])
})

describe('what is never logged', () => {
  test('is accepted where it is noise', () => {
    const noise: Json[] = [
      { level: 'None', nonResourceURLs: ['/healthz*', '/version', '/api*', '/metrics'] },
      { level: 'None', verbs: ['update', 'get'], resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }] },
      { level: 'None', verbs: ['watch'], users: ['system:kube-proxy'], resources: [{ resources: ['services', 'endpoints'] }] },
      { level: 'None', verbs: ['get'], userGroups: ['system:nodes'], resources: [{ resources: ['nodes', 'nodes/status'] }] },
    ]
    expect(said(policy(...noise, ...GUARDS, LAST))).toEqual([])
  })

  test('is said where it is not: whoever deletes an event covers traces', () => {
    expect(said(policy({ level: 'None', resources: [{ resources: ['events'] }] }, ...GUARDS, LAST))).toEqual([
      'fail: rule 1 never logs delete and deletecollection of events',
    ])
    expect(said(policy({ level: 'None', nonResourceURLs: ['*'] }, ...GUARDS, LAST))).toEqual(['note: rule 1 never logs any request to *'])
    expect(said(policy({ level: 'None', users: ['system:kube-proxy'], verbs: ['watch'] }, ...GUARDS, LAST))).toEqual([
      'note: not every request about secrets, configmaps, tokens of service accounts and token reviews is logged (rule 1), only for system:kube-proxy',
    ])
    expect(
      said(
        policy(...GUARDS, { level: 'None', verbs: ['create', 'delete'], namespaces: ['ci', ''], resources: [{ group: 'batch' }] }, LAST),
      ),
    ).toEqual(['fail: rule 3 never logs create and delete of all of batch in ci and no namespace'])
  })

  test('is accepted where the operator agreed to it', () => {
    const rules = [
      ...GUARDS,
      { level: 'None', users: ['prom'], verbs: ['get', 'list'], resources: [{ resources: ['pods'] }] },
      { level: 'None', nonResourceURLs: ['/logs/*'] },
      LAST,
    ]
    expect(said(policy(...rules))).toEqual([
      'note: rule 3 never logs get and list of pods by prom',
      'note: rule 4 never logs any request to /logs/*',
    ])
    expect(said(policy(...rules), true, { users: ['prom'], paths: ['/logs/*'] })).toEqual([])
  })

  test('and is too much to try is said as if it were so', () => {
    const many = (n: number, of: string) => Array.from({ length: n }, (_, i) => `${of}${i}`)
    expect(
      said(policy(...GUARDS, { level: 'None', users: many(200, 'u'), verbs: ['get', 'list'], namespaces: many(200, 'n') }, LAST)),
    ).toEqual([
      'note: not every request about secrets, configmaps and tokens of service accounts is logged (rule 3), only for u0, u1, u2 and 197 more in n0, n1, n2 and 197 more',
      'note: kubectl exec, kubectl attach and kubectl port-forward are not logged (rule 3), only for u0, u1, u2 and 197 more in n0, n1, n2 and 197 more',
      'note: rule 3 never logs get and list of anything in n0, n1, n2 and 197 more by u0, u1, u2 and 197 more',
    ])
  })
})

describe('a rule that never decides', () => {
  test('is named with those that take its requests, and fails where they do something else', () => {
    expect(said(policy(LAST, { level: 'Request', resources: [{ resources: ['secrets'] }] }), false)).toEqual([
      'fail: rule 2 (Request) never decides: rule 1 takes all that it names',
    ])
    expect(said(policy(...GUARDS, LAST, { level: 'Metadata', verbs: ['get'] }))).toEqual([
      'note: rule 4 (Metadata) never decides: rule 3 takes all that it names',
    ])
  })

  test('is found where two rules share it', () => {
    const value = policy(
      ...GUARDS,
      { level: 'Metadata', verbs: ['get', 'list'] },
      { level: 'Metadata', resources: [{ group: 'apps' }] },
      { level: 'Request', verbs: ['get', 'update'], resources: [{ group: 'apps', resources: ['deployments'] }] },
      LAST,
    )
    expect(said(value)).toEqual(['fail: rule 5 (Request) never decides: rule 3 and rule 4 take all that it names'])
  })
})

test('a stage that is left out takes failed sign-ins with it', () => {
  const value = policy(...GUARDS, LAST) as { [key: string]: Json }
  expect(said({ ...value, omitStages: ['RequestReceived', 'ResponseStarted'] })).toEqual([
    'note: whoever fails to sign in is not logged where the stage ResponseStarted is left out',
  ])
})

test('a policy that the API server would not start with is judged by that alone', () => {
  expect(said(policy({ level: 'all' }))).toEqual([
    'fail: rules[0].level: "all" is no level, known are None, Metadata, Request, RequestResponse (the API server would not start)',
  ])
})

test('a star that is none is a note, and what the rule does not do is judged', () => {
  const sentences = said(policy({ level: 'Metadata', verbs: ['*'], resources: [{ resources: ['secrets'] }] }, { level: 'Request' }), false)
  expect(sentences[0]).toMatch(/^fail: rule 2 logs secrets, configmaps/)
  expect(sentences.at(-1)).toMatch(/^note: rules\[0\]\.verbs\[0\]: "\*" stands for itself/)
})
