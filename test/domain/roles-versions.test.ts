import { describe, expect, test } from 'vitest'
import { knownRoles, mayDo, strength } from '../../src/domain/roles.ts'
import { factsFor, TRIED_VERSIONS } from '../../src/domain/versions.ts'

describe('roles', () => {
  test('are the organizations that the API knows, strongest first', () => {
    expect(knownRoles(['os:reader', 'system:masters', 'os:etcd:backup', 'os:admin'])).toEqual(['os:admin', 'os:reader', 'os:etcd:backup'])
    expect(knownRoles(['reader', 'OS:READER', ''])).toEqual([])
  })

  test.each([
    [['os:admin'], { 'os:admin': true, 'os:operator': true, 'os:reader': true, 'os:etcd:backup': true }],
    [['os:operator'], { 'os:admin': false, 'os:operator': true, 'os:reader': true, 'os:etcd:backup': true }],
    [['os:reader'], { 'os:admin': false, 'os:operator': false, 'os:reader': true, 'os:etcd:backup': false }],
    [['os:etcd:backup'], { 'os:admin': false, 'os:operator': false, 'os:reader': false, 'os:etcd:backup': true }],
    [['os:meta:writer'], { 'os:admin': false, 'os:operator': false, 'os:reader': false, 'os:etcd:backup': false }],
    [['os:reader', 'os:etcd:backup'], { 'os:admin': false, 'os:operator': false, 'os:reader': true, 'os:etcd:backup': true }],
    [[], { 'os:admin': false, 'os:operator': false, 'os:reader': false, 'os:etcd:backup': false }],
  ])('%j may do what it may and no more', (roles, expected) => {
    expect(
      Object.fromEntries(
        (['os:admin', 'os:operator', 'os:reader', 'os:etcd:backup'] as const).map((needed) => [needed, mayDo(roles, [needed])]),
      ),
    ).toEqual(expected)
  })

  test('a weaker certificate is always told from a stronger one', () => {
    const weakestFirst = [[], ['os:etcd:backup'], ['os:reader'], ['os:operator'], ['os:impersonator'], ['os:admin']]
    expect(weakestFirst.map(strength)).toEqual(weakestFirst.map(strength).toSorted((a, b) => a - b))
    expect(new Set(weakestFirst.map(strength)).size).toBe(weakestFirst.length)
    expect(strength(['os:reader', 'os:admin'])).toBe(strength(['os:admin']))
  })
})

describe('versions', () => {
  test.each([
    ['v1.12.4', '1.12', false],
    ['v1.13.9', '1.13', false],
    ['1.14.1', '1.14', true],
    ['v1.14.0-beta.1', '1.14', true],
    ['v1.99.0', '1.14', true],
  ])('%s is treated as %s', (version, minor, documents) => {
    expect(factsFor(version)).toMatchObject({ minor, documents })
  })

  test.each(['v1.11.5', 'v2.0.0', '', 'latest', 'v1'])('"%s" is not known', (version) => {
    expect(factsFor(version)).toBeUndefined()
  })

  test('that are tried are in the table', () => {
    for (const minor of TRIED_VERSIONS) expect(factsFor(`v${minor}.0`)?.minor).toBe(minor)
  })
})
