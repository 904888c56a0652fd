import fc from 'fast-check'
import type { AuditRequest } from '../../src/domain/audit-evaluate.ts'
import { type AuditPolicy, type AuditRule, LEVELS, type Stage } from '../../src/domain/audit-policy.ts'

/** Small policies and requests that often meet. */

const few = <T>(...of: T[]) => fc.subarray(of, { maxLength: 2 })
const stages = few<Stage>('RequestReceived', 'ResponseComplete', 'Panic')

const shared = {
  level: fc.constantFrom(...LEVELS),
  users: few('ann', 'bob'),
  userGroups: few('ops', 'dev'),
  verbs: few('get', 'create', 'list', 'delete'),
  omitStages: stages,
}
const managed = fc.option(fc.boolean(), { nil: undefined })
const onResources = fc.record({
  ...shared,
  resources: fc.array(
    fc
      .record({
        group: fc.constantFrom('', 'apps', '*'),
        resources: few('pods', 'pods/log', 'pods/*', '*/log', '*', 'secrets'),
        resourceNames: few('one', 'two'),
      })
      .map((g) => (g.resources.length > 0 ? g : { ...g, resourceNames: [] })),
    { maxLength: 2 },
  ),
  namespaces: few('red', 'blue', ''),
  nonResourceURLs: fc.constant<string[]>([]),
})
const onPaths = fc.record({
  ...shared,
  resources: fc.constant<AuditRule['resources']>([]),
  namespaces: fc.constant<string[]>([]),
  nonResourceURLs: few('/healthz', '/healthz*', '/api/*', '*'),
})
const rule: fc.Arbitrary<AuditRule> = fc
  .tuple(fc.oneof(onResources, onPaths), managed)
  .map(([r, omitManagedFields]) => (omitManagedFields === undefined ? r : { ...r, omitManagedFields }))

export const policies: fc.Arbitrary<AuditPolicy> = fc.record({
  rules: fc.array(rule, { minLength: 1, maxLength: 5 }),
  omitStages: stages,
  omitManagedFields: fc.boolean(),
})

const who = fc.oneof(
  { weight: 1, arbitrary: fc.constant({}) },
  { weight: 5, arbitrary: fc.record({ user: fc.constantFrom('ann', 'bob', 'cleo'), groups: few('ops', 'dev', 'all') }) },
)
export const requests: fc.Arbitrary<AuditRequest> = fc.oneof(
  fc
    .tuple(
      who,
      fc.constantFrom('get', 'create', 'list', 'delete', 'watch'),
      fc.record({
        group: fc.constantFrom('', 'apps', 'batch'),
        resource: fc.constantFrom('pods', 'secrets', 'jobs'),
        subresource: fc.constantFrom('', 'log', 'exec'),
        name: fc.constantFrom('', 'one', 'two', 'three'),
        namespace: fc.constantFrom('', 'red', 'blue', 'green'),
      }),
    )
    .map(([user, verb, resource]) => ({ ...user, verb, resource })),
  fc
    .tuple(who, fc.constantFrom('get', 'create', 'post'), fc.constantFrom('/healthz', '/healthz/etcd', '/api/v1', '/api/', '/other', ''))
    .map(([user, verb, nonResourceURL]) => ({ ...user, verb, nonResourceURL })),
)
