import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Json } from '../../src/contract.ts'
import {
  type AlsoLog,
  alsoLogQuestion,
  auditPatches,
  auditPatchYaml,
  auditPolicyYaml,
  auditUndo,
  type DropAnswer,
  dropQuestion,
  idleAdditions,
  lackingAdditions,
} from '../../src/domain/audit-additions.ts'
import { judgeAuditPolicy } from '../../src/domain/audit-judge.ts'
import { parseAuditPolicy } from '../../src/domain/audit-policy.ts'

const TEMPLATE = readFileSync(new URL('../../templates/MON-01/policy.yaml', import.meta.url), 'utf8')
const NOTHING: DropAnswer = { users: [], paths: [] }
const also = alsoLogQuestion('Also log')
const drop = dropQuestion('Do not log')
const policyOf = (answers: { bodies?: boolean; alsoLog?: AlsoLog[]; drop?: DropAnswer }): Json =>
  parse(auditPolicyYaml(TEMPLATE, { bodies: true, alsoLog: [], drop: NOTHING, ...answers })) as Json
const rulesOf = (policy: Json): Json[] => (policy as { rules: Json[] }).rules

describe('what is logged with bodies beside our own', () => {
  test('is typed as kubectl names it', () => {
    expect(also.parse('deployments.apps=Request, persistentvolumes=requestresponse\n*.batch deployments.apps/scale')).toEqual({
      value: [
        { group: 'apps', resource: 'deployments', level: 'Request' },
        { group: '', resource: 'persistentvolumes', level: 'RequestResponse' },
        { group: 'batch', resource: '*', level: 'Request' },
        { group: 'apps', resource: 'deployments/scale', level: 'Request' },
      ],
    })
    expect(also.parse('')).toEqual({ value: [] })
  })

  test.each([
    ['secrets=Request', '"secrets" is never logged with bodies: the log would hold secrets'],
    ['configmaps', '"configmaps" is never logged with bodies: the log would hold configmaps, which hold passwords often enough'],
    ['serviceaccounts/token', '"serviceaccounts/token" is never logged with bodies: the log would hold tokens of service accounts'],
    [
      'tokenreviews.authentication.k8s.io',
      '"tokenreviews.authentication.k8s.io" is never logged with bodies: the log would hold tokens that are reviewed',
    ],
    [
      'pods=Metadata',
      '"Metadata" is no level to add: Request or RequestResponse (Metadata is logged anyway, and what is not to be logged goes into the other question)',
    ],
    ['apps/deployments=Request', undefined],
    ['Deployments', '"Deployments" is not RESOURCE.GROUP=LEVEL, as in deployments.apps=Request'],
    ['pods=Request=Request', '"pods=Request=Request" is not RESOURCE.GROUP=LEVEL, as in deployments.apps=Request'],
    ['=Request', '"=Request" is not RESOURCE.GROUP=LEVEL, as in deployments.apps=Request'],
    ['pods pods=RequestResponse', '"pods" is given twice'],
  ])('%s', (text, error) => {
    if (error) expect(also.parse(text)).toEqual({ error })
    else expect(also.parse(text)).toHaveProperty('value')
  })

  test('comes in front of the last rule, for changes alone', () => {
    const rules = rulesOf(policyOf({ alsoLog: [{ group: 'apps', resource: 'deployments', level: 'Request' }] }))
    expect(rules.slice(-2)).toEqual([
      {
        level: 'Request',
        verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
        resources: [{ group: 'apps', resources: ['deployments'] }],
      },
      { level: 'Metadata' },
    ])
  })

  test('is left out, and said so, where our policy has it already', () => {
    const alsoLog: AlsoLog[] = [
      { group: 'rbac.authorization.k8s.io', resource: 'roles', level: 'Request' },
      { group: '', resource: 'events', level: 'Request' },
      { group: '', resource: 'pods/exec', level: 'RequestResponse' },
      { group: 'batch', resource: 'jobs', level: 'Request' },
    ]
    expect(idleAdditions(TEMPLATE, { bodies: true, alsoLog, drop: NOTHING }).map((i) => i.sentence)).toEqual([
      'roles.rbac.authorization.k8s.io is left out: our policy has it at RequestResponse already',
      'events is left out: our policy has it at None already',
      'pods/exec is left out: our policy has it at Request already',
    ])
    expect(rulesOf(policyOf({ alsoLog })).at(-2)).toMatchObject({ resources: [{ group: 'batch', resources: ['jobs'] }] })
    expect(idleAdditions(TEMPLATE, { bodies: false, alsoLog, drop: NOTHING })).toHaveLength(2)
  })
})

describe('what is not logged', () => {
  test('is users and paths', () => {
    expect(drop.parse('system:serviceaccount:monitoring:prometheus, /metrics /logs/* /metrics')).toEqual({
      value: { users: ['system:serviceaccount:monitoring:prometheus'], paths: ['/metrics', '/logs/*'] },
    })
  })

  test.each([
    ['/*', '"/*" is every path'],
    ['/', '"/" is every path'],
    ['/a*b', '"/a*b" is no path such as /metrics or /metrics/*'],
    ['system:serviceaccount:*', '"system:serviceaccount:*" is no user: name each, a star stands for itself in a policy'],
    ['system:anonymous', '"system:anonymous" is who an auditor looks for first'],
    ['a"b', '"a"b" is neither a user nor a path'],
  ])('%s is refused', (text, error) => {
    expect(drop.parse(text)).toEqual({ error })
  })

  test('of users is what they read, behind the rules for secrets and shells', () => {
    const rules = rulesOf(policyOf({ drop: { users: ['prom'], paths: ['/metrics'] } }))
    expect(rules.slice(-3)).toEqual([
      { level: 'None', users: ['prom'], verbs: ['get', 'list', 'watch'] },
      { level: 'None', nonResourceURLs: ['/metrics'] },
      { level: 'Metadata' },
    ])
  })
})

const words = fc.constantFrom('deployments', 'pods', 'jobs', 'secrets', 'configmaps', 'events', 'roles', '*')
const groups = fc.constantFrom('', '.apps', '.batch', '.rbac.authorization.k8s.io', '.events.k8s.io')
const subs = fc.constantFrom('', '/scale', '/exec', '/token')
const typed = fc.array(
  fc.tuple(words, groups, subs, fc.constantFrom('Request', 'RequestResponse')).map(([w, g, s, l]) => `${w}${g}${s}=${l}`),
  { maxLength: 4 },
)
const dropped = fc.array(fc.constantFrom('prom', 'system:serviceaccount:a:b', '/metrics', '/logs/*', 'system:kube-proxy'), { maxLength: 4 })

describe('whatever is answered', () => {
  test('comes back from its own text', () => {
    fc.assert(
      fc.property(typed, dropped, (alsoText, dropText) => {
        for (const [question, text] of [
          [also, alsoText.join(' ')],
          [drop, dropText.join(',')],
        ] as const) {
          const parsed = question.parse(text)
          if ('value' in parsed) expect(question.parse(question.format(parsed.value as never))).toEqual(parsed)
        }
      }),
    )
  })

  test('the policy is one that the API server takes, and nothing fails in it', () => {
    fc.assert(
      fc.property(typed, dropped, fc.boolean(), (alsoText, dropText, bodies) => {
        const a = also.parse(alsoText.join(' '))
        const d = drop.parse(dropText.join(' '))
        if (!('value' in a) || !('value' in d)) return
        const policy = policyOf({ bodies, alsoLog: a.value, drop: d.value })
        expect(parseAuditPolicy(policy).problems).toEqual([])
        expect(judgeAuditPolicy(policy, { bodies, drop: d.value }).filter((r) => r.weight === 'fail')).toEqual([])
        expect(lackingAdditions(policy, TEMPLATE, { bodies, alsoLog: a.value, drop: d.value })).toEqual([])
      }),
      { numRuns: 200 },
    )
  })
})

describe('additions that a policy lacks', () => {
  const asks = (text: string) => {
    const read = also.parse(text)
    if (!('value' in read)) throw new Error(read.error)
    return { bodies: true, alsoLog: read.value, drop: NOTHING }
  }
  const said = (live: Json | undefined, text: string) =>
    lackingAdditions(live, TEMPLATE, asks(text)).map((r) => `${r.weight}: ${r.sentence}`)

  test('are named, and those that it has at that level or above are not', () => {
    expect(said(policyOf({}), 'deployments.apps persistentvolumes=RequestResponse')).toEqual([
      'fail: changes of deployments.apps and persistentvolumes are logged without the bodies that the answers want',
    ])
    const policy = policyOf(asks('deployments.apps=RequestResponse'))
    expect(said(policy, 'deployments.apps=Request')).toEqual([])
    expect(said(policyOf(asks('deployments.apps=Request')), 'deployments.apps=RequestResponse')).toHaveLength(1)
  })

  test('are none where ours would not bring them either, or nobody can read the policy', () => {
    expect(said(policyOf({}), 'events clusterroles.rbac.authorization.k8s.io')).toEqual([])
    expect(said({ kind: 'ConfigMap' }, 'deployments.apps')).toEqual([])
    expect(said(undefined, 'deployments.apps')).toEqual([])
  })
})

describe('the patch', () => {
  const policy = policyOf({})
  test('is one document or one field', () => {
    expect(auditPatches('documents', policy)).toEqual([{ apiVersion: 'v1alpha1', kind: 'KubeAuditPolicyConfig', configuration: policy }])
    expect(auditPatches('cluster.apiServer', policy)).toEqual([{ cluster: { apiServer: { auditPolicy: policy } } }])
  })

  test('as a file holds the same, with the comments of the policy', () => {
    for (const form of ['documents', 'cluster.apiServer'] as const) {
      const yaml = auditPatchYaml(form, auditPolicyYaml(TEMPLATE, { bodies: true, alsoLog: [], drop: NOTHING }))
      expect([parse(yaml)]).toEqual(auditPatches(form, policy))
      expect(yaml).toContain('# The first rule that matches decides, so the order is the policy')
      expect(yaml).toContain('# Never with bodies: a secret in the log')
    }
  })

  test('is taken back to what was there, or out where nothing was', () => {
    const before = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] }
    expect(auditUndo({ form: 'documents', before, set: policy })).toEqual(auditPatches('documents', before))
    expect(auditUndo({ form: 'documents', before: null, set: policy })).toEqual([
      { apiVersion: 'v1alpha1', kind: 'KubeAuditPolicyConfig', $patch: 'delete' },
    ])
    expect(auditUndo({ form: 'cluster.apiServer', before: null, set: policy })).toEqual([
      { cluster: { apiServer: { auditPolicy: { $patch: 'delete' } } } },
    ])
  })

  test('without changes of rights has no rule for them, and its comment is gone', () => {
    const yaml = auditPolicyYaml(TEMPLATE, { bodies: false, alsoLog: [], drop: NOTHING })
    expect(yaml).not.toContain('Changes of rights')
    expect(rulesOf(parse(yaml) as Json)).toHaveLength(rulesOf(policy).length - 1)
  })

  test('of a template without rules is none', () => {
    expect(() => auditPolicyYaml('rules: 1', { bodies: true, alsoLog: [], drop: NOTHING })).toThrow('no list of rules')
  })
})
