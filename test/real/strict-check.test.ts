import { describe, expect, it } from 'vitest'
import type { Json } from '../../src/contract.ts'
import { parsePodSecurity } from '../../src/domain/admission.ts'
import { parseAuditPolicy } from '../../src/domain/audit-policy.ts'
import { loneApiServers } from './support/lone-api-server.ts'

/** What our strict check refuses, and the API server does not start with: audit policies, and the configuration of PodSecurity. */

const start = loneApiServers()

describe('what the strict check refuses', () => {
  const policy = (...rules: Json[]): Json => ({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules })
  it.each<[string, Json]>([
    ['level', policy({ level: 'metadata' })],
    ['no level', policy({ users: ['a'] })],
    ['stage', policy({ level: 'None', omitStages: ['RequestRecieved'] })],
    ['stage of the policy', { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['Later'], rules: [{ level: 'None' }] }],
    ['path without a slash', policy({ level: 'None', nonResourceURLs: ['healthz'] })],
    ['star in a path', policy({ level: 'None', nonResourceURLs: ['/a*/b'] })],
    ['paths and namespaces', policy({ level: 'None', nonResourceURLs: ['/a'], namespaces: ['b'] })],
    ['group with a version', policy({ level: 'None', resources: [{ group: 'apps/v1' }] })],
    ['names without a resource', policy({ level: 'None', resources: [{ resourceNames: ['a'] }] })],
    ['no rule', policy()],
    ['older version', { apiVersion: 'audit.k8s.io/v1beta1', kind: 'Policy', rules: [{ level: 'None' }] }],
    ['no version', { kind: 'Policy', rules: [{ level: 'None' }] }],
    ['other kind', { apiVersion: 'audit.k8s.io/v1', kind: 'PolicyList', rules: [{ level: 'None' }] }],
  ])('the API server does not start with: %s', async (_, value) => {
    expect(parseAuditPolicy(value).problems.map((p) => p.stops)).toContain('start')
    expect(await (await start(value)).says(/"command failed" err="loading audit policy file: .+/)).toMatch(/^"command failed"/)
  })

  it('the API server takes fields that it does not know, and names them as we do', async () => {
    const value = policy({ level: 'None', resourcez: [], resources: [{ resourcenames: [] }] })
    const names = parseAuditPolicy(value)
      .problems.filter((p) => p.stops === 'render')
      .map((p) => `unknown field "${p.path}"`)
    expect(names).toHaveLength(2)
    const said = await (await start(value)).says(/falling back to lenient decoding: .+/)
    for (const name of names) expect(said).toContain(name)
  })

  it('the API server does not start with texts where lists are', async () => {
    expect(parseAuditPolicy(policy({ level: 'None', users: 'a' })).problems.map((p) => p.stops)).toEqual(['render'])
    expect(await (await start(policy({ level: 'None', users: 'a' }))).says(/"command failed" .+/)).toContain('cannot unmarshal string')
  })

  const podSecurity = (more: { [key: string]: Json }): Json => ({
    apiVersion: 'pod-security.admission.config.k8s.io/v1',
    kind: 'PodSecurityConfiguration',
    ...more,
  })
  it.each<[string, Json]>([
    ['level', podSecurity({ defaults: { enforce: 'strict' } })],
    ['version', podSecurity({ defaults: { 'enforce-version': '1.30' } })],
    ['namespace twice', podSecurity({ exemptions: { namespaces: ['a', 'a'] } })],
    ['user twice', podSecurity({ exemptions: { usernames: ['a', 'b', 'a'] } })],
    ['user without a name', podSecurity({ exemptions: { usernames: [''] } })],
    ['field', podSecurity({ default: { enforce: 'baseline' } })],
    [
      'version of the configuration',
      { ...(podSecurity({}) as { [key: string]: Json }), apiVersion: 'pod-security.admission.config.k8s.io/v2' },
    ],
  ])('the API server does not start with this in the configuration of pod security: %s', async (_, value) => {
    expect(parsePodSecurity(value).problems).not.toEqual([])
    expect(await (await start(policy({ level: 'None' }), value)).says(/"command failed" err="failed to apply admission: .+/)).toContain(
      'PodSecurity',
    )
  })
})
