import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../src/contract.ts'
import { type AuditDecision, type AuditRequest, levelFor, OTHER, requestsOf } from '../../src/domain/audit-evaluate.ts'
import { type AuditPolicy, type AuditRule, parseAuditPolicy } from '../../src/domain/audit-policy.ts'
import { policies, requests } from './audit-arbitrary.ts'

const read = (...rules: Json[]): AuditPolicy => {
  const { policy } = parseAuditPolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules })
  if (!policy) throw new Error('no policy')
  return policy
}
const pods = { group: '', resource: 'pods', name: 'web', namespace: 'red' }
const decided = (policy: AuditPolicy, request: AuditRequest): string => {
  const { rule, level } = levelFor(policy, request)
  return `${rule === undefined ? 'none' : rule + 1} ${level}`
}

describe('the first rule that matches decides', () => {
  test('and where none does nothing is logged', () => {
    const policy = read({ level: 'Request', verbs: ['create'] }, { level: 'Metadata', verbs: ['create', 'get'] })
    expect(decided(policy, { verb: 'create', resource: pods })).toBe('1 Request')
    expect(decided(policy, { verb: 'get', resource: pods })).toBe('2 Metadata')
    expect(decided(policy, { verb: 'list', resource: pods })).toBe('none None')
    expect(decided(policy, { verb: 'get', nonResourceURL: '/healthz' })).toBe('2 Metadata')
  })

  test('users by name, groups by any of them, and nobody who did not sign in', () => {
    const policy = read({ level: 'None', users: ['ann'] }, { level: 'Request', userGroups: ['ops', 'dev'] }, { level: 'Metadata' })
    expect(decided(policy, { user: 'ann', verb: 'get', resource: pods })).toBe('1 None')
    expect(decided(policy, { user: 'bob', groups: ['all', 'dev'], verb: 'get', resource: pods })).toBe('2 Request')
    expect(decided(policy, { user: 'bob', groups: ['all'], verb: 'get', resource: pods })).toBe('3 Metadata')
    expect(decided(policy, { groups: ['ops'], verb: 'get', resource: pods })).toBe('3 Metadata')
  })

  test.each<[string, { group?: string; resource: string; subresource?: string; name?: string }, boolean]>([
    ['pods', { resource: 'pods' }, true],
    ['pods', { resource: 'pods', subresource: 'log' }, false],
    ['pods/log', { resource: 'pods', subresource: 'log' }, true],
    ['pods/log', { resource: 'pods' }, false],
    ['pods/*', { resource: 'pods', subresource: 'log' }, true],
    ['pods/*', { resource: 'pods' }, true],
    ['*/log', { resource: 'pods', subresource: 'log' }, true],
    ['*/log', { resource: 'log' }, false],
    ['*', { resource: 'pods', subresource: 'log' }, true],
    ['*', { resource: 'pods', group: 'apps' }, false],
  ])('resources: %s for %j is %s', (spec, about, matches) => {
    const policy = read({ level: 'Request', resources: [{ group: '', resources: [spec] }] })
    expect(levelFor(policy, { verb: 'get', resource: { group: '', ...about } }).rule).toBe(matches ? 0 : undefined)
  })

  test('names hold for one group of resources, and not for what has none in its address', () => {
    const policy = read({ level: 'Request', resources: [{ resources: ['pods'], resourceNames: ['web'] }, { group: 'apps' }] })
    expect(decided(policy, { verb: 'get', resource: pods })).toBe('1 Request')
    expect(decided(policy, { verb: 'get', resource: { ...pods, name: 'db' } })).toBe('none None')
    expect(decided(policy, { verb: 'create', resource: { group: '', resource: 'pods', namespace: 'red' } })).toBe('none None')
    expect(decided(policy, { verb: 'get', resource: { group: 'apps', resource: 'deployments', name: 'db' } })).toBe('1 Request')
  })

  test('namespaces, where the empty one is what lies in none, and a rule with them is not about paths', () => {
    const policy = read({ level: 'Request', namespaces: ['', 'red'] })
    expect(decided(policy, { verb: 'get', resource: { group: '', resource: 'nodes', name: 'cp1' } })).toBe('1 Request')
    expect(decided(policy, { verb: 'get', resource: pods })).toBe('1 Request')
    expect(decided(policy, { verb: 'get', resource: { ...pods, namespace: 'blue' } })).toBe('none None')
    expect(decided(policy, { verb: 'get', nonResourceURL: '/version' })).toBe('none None')
  })

  test('paths: as they are, by their beginning, or all', () => {
    const policy = read({ level: 'None', nonResourceURLs: ['/version', '/healthz*'] }, { level: 'Request', nonResourceURLs: ['*'] })
    expect(decided(policy, { verb: 'get', nonResourceURL: '/version' })).toBe('1 None')
    expect(decided(policy, { verb: 'get', nonResourceURL: '/version/x' })).toBe('2 Request')
    expect(decided(policy, { verb: 'get', nonResourceURL: '/healthz/etcd' })).toBe('1 None')
    expect(decided(policy, { verb: 'get', resource: pods })).toBe('none None')
  })

  test('stages of rule and policy are left out both, and managed fields as the rule says where it says so', () => {
    const policy: AuditPolicy = {
      ...read({ level: 'Request', verbs: ['get'], omitStages: ['Panic'], omitManagedFields: false }, { level: 'Request', verbs: ['list'] }),
      omitStages: ['RequestReceived', 'Panic'],
      omitManagedFields: true,
    }
    const of = (verb: string) => levelFor(policy, { verb, resource: pods })
    expect(of('get')).toEqual({ level: 'Request', rule: 0, omitStages: ['RequestReceived', 'Panic'], omitManagedFields: false })
    expect(of('list')).toEqual({ level: 'Request', rule: 1, omitStages: ['RequestReceived', 'Panic'], omitManagedFields: true })
    expect(of('watch')).toEqual({ level: 'None', omitStages: ['RequestReceived', 'Panic'], omitManagedFields: true })
  })
})

/** The same, written another way: every rule becomes a list of tests, and names of resources become patterns. */
function naive(policy: AuditPolicy, request: AuditRequest): AuditDecision {
  const pattern = (spec: string): RegExp => {
    if (spec === '*') return /^/
    const [, any] = /^\*\/(.+)$/.exec(spec) ?? []
    if (any) return new RegExp(`^[^/]+/${any === '*' ? '(?!)' : any}$`)
    const [, of] = /^(.+)\/\*$/.exec(spec) ?? []
    return of ? new RegExp(`^${of}(/.*)?$`) : new RegExp(`^${spec}$`)
  }
  const aboutResource = (rule: AuditRule): boolean => {
    const r = request.resource
    if (!r) return false
    const word = [r.resource, r.subresource].filter(Boolean).join('/')
    const inNamespace = rule.namespaces.length === 0 || rule.namespaces.some((n) => n === (r.namespace ?? ''))
    const ofGroup = rule.resources.filter((g) => ['*', r.group].includes(g.group))
    const named = (names: string[]) => names.length === 0 || names.some((n) => n === (r.name ?? ''))
    const fits = ofGroup.some((g) => g.resources.length === 0 || (named(g.resourceNames) && g.resources.some((s) => pattern(s).test(word))))
    return inNamespace && (rule.resources.length === 0 || fits)
  }
  const aboutPath = (rule: AuditRule): boolean =>
    !request.resource &&
    rule.nonResourceURLs.some((s) =>
      s.endsWith('*') ? (request.nonResourceURL ?? '').indexOf(s.slice(0, -1)) === 0 : s === request.nonResourceURL,
    )
  const tests = (rule: AuditRule): boolean[] => [
    !rule.users.length || rule.users.some((u) => u === request.user),
    !rule.userGroups.length || (request.user !== undefined && rule.userGroups.some((g) => request.groups?.some((h) => h === g))),
    !rule.verbs.length || rule.verbs.some((v) => v === request.verb),
    rule.namespaces.length + rule.resources.length > 0 ? aboutResource(rule) : !rule.nonResourceURLs.length || aboutPath(rule),
  ]
  for (const [i, rule] of policy.rules.entries())
    if (tests(rule).every(Boolean))
      return {
        level: rule.level,
        rule: i,
        omitStages: [...new Set(policy.omitStages.concat(rule.omitStages))],
        omitManagedFields: rule.omitManagedFields === undefined ? policy.omitManagedFields : rule.omitManagedFields,
      }
  return { level: 'None', omitStages: policy.omitStages, omitManagedFields: policy.omitManagedFields }
}

describe('any policy and any request', () => {
  test('decide as a naive reading does', () => {
    fc.assert(
      fc.property(policies, requests, (policy, request) => {
        expect(levelFor(policy, request)).toEqual(naive(policy, request))
      }),
      { numRuns: 5000 },
    )
  })

  test('decide the same with a catch-all behind, unless nothing decided', () => {
    const last: AuditRule = { ...(read({ level: 'Metadata' }).rules[0] as AuditRule) }
    fc.assert(
      fc.property(policies, requests, (policy, request) => {
        const before = levelFor(policy, request)
        const after = levelFor({ ...policy, rules: [...policy.rules, last] }, request)
        if (before.rule === undefined) expect(after).toMatchObject({ level: 'Metadata', rule: policy.rules.length })
        else expect(after).toEqual(before)
      }),
      { numRuns: 2000 },
    )
  })

  test('are told by the requests that stand for a rule: each is matched by it, and one of them comes to it if any does', () => {
    fc.assert(
      fc.property(policies, fc.array(requests, { minLength: 20, maxLength: 20 }), (policy, some) => {
        for (const [at, rule] of policy.rules.entries()) {
          const own = requestsOf(rule) ?? []
          for (const request of own) expect(levelFor({ ...policy, rules: [rule] }, request).rule).toBe(0)
          const reached = own.some((request) => levelFor(policy, request).rule === at)
          if (!reached) for (const request of some) expect(levelFor(policy, request).rule).not.toBe(at)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the requests that stand for a rule', () => {
  test('about one resource are about nothing else', () => {
    const [rule] = read({
      level: 'Request',
      users: ['ann'],
      resources: [{ resources: ['secrets'], resourceNames: ['a', 'b'] }, { group: 'apps' }],
    }).rules
    const about = { resource: { group: '', resource: 'secrets', namespace: OTHER }, verbs: ['get', 'list'] }
    expect(requestsOf(rule as AuditRule, about)?.map((r) => `${r.user} ${r.verb} ${r.resource?.resource}/${r.resource?.name}`)).toEqual([
      'ann get secrets/a',
      'ann list secrets/a',
      'ann get secrets/b',
      'ann list secrets/b',
    ])
    expect(requestsOf(rule as AuditRule, { ...about, resource: { group: '', resource: 'pods' } })).toEqual([])
  })

  test('are not made where they are too many to try', () => {
    const many = (n: number, of: string) => Array.from({ length: n }, (_, i) => `${of}${i}`)
    const [rule] = read({ level: 'None', users: many(100, 'u'), namespaces: many(100, 'n'), verbs: ['get', 'list', 'watch'] }).rules
    expect(requestsOf(rule as AuditRule)).toBeUndefined()
  })
})
