import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Json } from '../../src/contract.ts'
import { auditPolicyYaml } from '../../src/domain/audit-additions.ts'
import { type AuditRequest, levelFor } from '../../src/domain/audit-evaluate.ts'
import { type AuditPolicy, parseAuditPolicy } from '../../src/domain/audit-policy.ts'
import { policies, requests } from '../domain/audit-arbitrary.ts'
import { type AuditEvent, type LoneApiServer, loneApiServers, tokenOf } from './support/lone-api-server.ts'

/** Our reading of audit policies against a kube-apiserver that runs alone. */

const start = loneApiServers()

const METHODS: Record<string, string> = { get: 'GET', list: 'GET', watch: 'GET', create: 'POST', delete: 'DELETE', post: 'POST' }

/** The request as it can be made: some verbs need a name in the address, others must have none. */
function possible(request: AuditRequest): AuditRequest | undefined {
  const { verb, resource, nonResourceURL } = request
  if (!resource) return verb === 'create' || !nonResourceURL ? undefined : request
  const { name: _, subresource: __, ...bare } = resource
  if (verb === 'list' || verb === 'watch' || (verb === 'create' && !resource.subresource)) return { ...request, resource: bare }
  return resource.name ? request : undefined
}

function addressOf({ verb, resource, nonResourceURL = '' }: AuditRequest): string {
  if (!resource) return nonResourceURL
  const words = [
    resource.group ? `/apis/${resource.group}/v1` : '/api/v1',
    ...(resource.namespace ? ['namespaces', resource.namespace] : []),
    resource.resource,
    ...(resource.name ? [resource.name] : []),
    ...(resource.subresource ? [resource.subresource] : []),
  ]
  return words.join('/') + (verb === 'watch' ? '?watch=true&timeoutSeconds=1' : '')
}

async function tried(
  server: LoneApiServer,
  policy: AuditPolicy,
  request: AuditRequest,
): Promise<{ what: string; ours: string; theirs: string }> {
  const id = randomUUID()
  const token = request.user === undefined ? undefined : tokenOf(request.user, request.groups ?? [])
  await server.ask(METHODS[request.verb] ?? 'GET', addressOf(request), token, id)
  const { level, omitStages } = levelFor(policy, request)
  // whoever does not sign in is written down when the answer begins; everybody else when it is over, and when the request came
  const stages = request.user === undefined ? ['ResponseStarted'] : ['RequestReceived', 'ResponseComplete']
  const wanted = level === 'None' ? [] : stages.filter((s) => !omitStages.some((o) => o === s)).map((s) => `${s} ${level}`)
  const seen = () =>
    server
      .events(id)
      .filter((e) => stages.includes(e.stage))
      .map((e) => `${e.stage} ${e.level}`)
  for (let i = 0; i < 200 && seen().length < wanted.length; i++) await sleep(100)
  return { what: `${JSON.stringify(request)}`, ours: wanted.join(', '), theirs: seen().join(', ') }
}

/** A policy as it is written down: what is empty is left out. */
const written = ({ rules, ...rest }: AuditPolicy): Json => ({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  ...rest,
  rules: rules.map((r) => Object.fromEntries(Object.entries(r).filter(([, v]) => !Array.isArray(v) || v.length > 0))) as unknown as Json[],
})

const same = (verb: string, user: string, about: Partial<AuditRequest>): AuditRequest => ({ verb, user, groups: [], ...about })
const TEMPLATE = readFileSync(new URL('../../templates/MON-01/policy.yaml', import.meta.url), 'utf8')

describe('the evaluator', () => {
  it.each([1, 2, 3, 4, 5])('decides as the real API server does, random policy %i', async (seed) => {
    const [policy] = fc.sample(policies, { seed, numRuns: 1 }) as [AuditPolicy]
    const some = fc
      .sample(requests, { seed, numRuns: 120 })
      .flatMap((r) => possible(r) ?? [])
      .slice(0, 48)
    const read = parseAuditPolicy(written(policy))
    expect(read.policy).toEqual(policy)
    const server = await start(written(policy))
    await server.ready()
    const results = await Promise.all(some.map((request) => tried(server, policy, request)))
    expect(results.length).toBeGreaterThanOrEqual(24)
    for (const { what, ours, theirs } of results) expect(theirs, `${what} with ${JSON.stringify(written(policy))}`).toBe(ours)
  })

  it('agrees with it about our own policy, whose rights have bodies and whose secrets have none', async () => {
    const answers = {
      bodies: true,
      alsoLog: [{ group: '', resource: 'services', level: 'Request' as const }],
      drop: { users: ['bob'], paths: ['/metrics'] },
    }
    const value = parse(auditPolicyYaml(TEMPLATE, answers)) as Json
    const { policy } = parseAuditPolicy(value)
    if (!policy) throw new Error('our policy does not pass our own check')
    const server = await start(value)
    await server.ready()
    const of = (group: string, resource: string, more = {}) => ({ resource: { group, resource, ...more } })
    const asked = [
      same('get', 'ann', { nonResourceURL: '/healthz' }),
      same('get', 'ann', { nonResourceURL: '/metrics' }),
      same('get', 'ann', { nonResourceURL: '/logs' }),
      same('get', 'ann', of('', 'secrets', { name: 'one', namespace: 'default' })),
      same('list', 'bob', of('', 'secrets')),
      same('list', 'bob', of('', 'pods')),
      same('list', 'ann', of('coordination.k8s.io', 'leases')),
      same('delete', 'ann', of('', 'events', { name: 'one', namespace: 'default' })),
      same('create', 'ann', of('', 'pods', { name: 'one', namespace: 'default', subresource: 'exec' })),
      same('get', 'bob', of('', 'pods', { name: 'one', namespace: 'default', subresource: 'exec' })),
      same('delete', 'ann', of('rbac.authorization.k8s.io', 'clusterroles', { name: 'one' })),
      { verb: 'get', nonResourceURL: '/api' },
    ]
    const results = await Promise.all(asked.map((request) => tried(server, policy, request)))
    for (const { what, ours, theirs } of results) expect(theirs, what).toBe(ours)

    const made = async (path: string, body: Json): Promise<AuditEvent | undefined> => {
      const id = randomUUID()
      expect(await server.ask('POST', path, tokenOf('ann', []), id, body), path).toBe(201)
      for (let i = 0; i < 200 && server.events(id).length === 0; i++) await sleep(100)
      return server.events(id)[0]
    }
    const role = await made('/apis/rbac.authorization.k8s.io/v1/clusterroles', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'made' },
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
    })
    expect([role?.level, role?.requestObject, role?.responseObject?.metadata?.managedFields]).toEqual([
      'RequestResponse',
      expect.anything(),
      undefined,
    ])
    const space = await made('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'made' } })
    expect(space?.responseObject).toBeDefined()
    const secret = await made('/api/v1/namespaces/made/secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'made' },
      stringData: { password: 'not-in-the-log' },
    })
    expect([secret?.level, secret?.requestObject, secret?.responseObject]).toEqual(['Metadata', undefined, undefined])
  })
})
