import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { Json } from '../../src/contract.ts'
import { mixedForms, patchDocuments, unlike } from '../../src/domain/api-server-forms.ts'
import { concludeFrom, counted, failing, listed, noting } from '../../src/domain/remarks.ts'

test('patches as a file leave out what is set only to be taken out again', () => {
  const [set, other] = [{ a: { name: 'x', list: [1] } }, { a: { name: 'x', list: [2] } }]
  const gone = { a: { name: 'x', $patch: 'delete' } }
  const file = (...patches: Json[]) => parseAllDocuments(patchDocuments(patches, ' why')).map((d) => d.toJS())
  expect(file(set, gone)).toEqual([gone])
  expect(file(set, gone, other)).toEqual([gone, other])
  expect(file(gone, other)).toEqual([gone, other])
  expect(file(set)).toEqual([set])
  expect(patchDocuments([set], ' why')).toMatch(/^# why\n/)
})

describe('control planes that are not alike', () => {
  const nodes = [
    { name: 'cp1', version: 'v1.13.9', form: 'cluster.apiServer' as const },
    { name: 'cp2', version: 'v1.14.1', form: 'cluster.apiServer' as const },
    { name: 'cp3', version: 'v1.14.1', form: 'documents' as const },
  ]
  test('in versions and forms have their sentence', () => {
    expect(mixedForms(nodes)).toBe(
      'the nodes keep it in two forms, cp1 (v1.13.9) and cp2 (v1.14.1) in cluster.apiServer, cp3 (v1.14.1) in documents: each is changed in its own',
    )
    expect(mixedForms(nodes.slice(0, 2))).toBeUndefined()
    expect(mixedForms([])).toBeUndefined()
    expect(mixedForms([{ ...nodes[0], version: '' } as (typeof nodes)[0], nodes[2] as (typeof nodes)[0]])).toMatch(/forms, cp1 in cluster/)
  })

  test('in what they hold have theirs, whatever the order of keys', () => {
    const value = (name: string, level: string) => ({ name, value: { kind: 'Policy', level } })
    expect(unlike([value('cp1', 'a'), value('cp2', 'b'), { name: 'cp3', value: { level: 'a', kind: 'Policy' } }], 'audit policy')).toBe(
      'cp2 has another audit policy than cp1 and cp3',
    )
    expect(unlike([value('cp1', 'a'), { name: 'cp2', value: undefined }, { name: 'cp3', value: null }], 'policy')).toBe(
      'cp1 has another policy than cp2 and cp3',
    )
    expect(unlike([value('cp1', 'a'), value('cp2', 'b'), value('cp3', 'c')], 'policy')).toBe('cp2 and cp3 have another policy than cp1')
    expect(unlike([value('cp1', 'a')], 'policy')).toBeUndefined()
    expect(unlike([], 'policy')).toBeUndefined()
  })
})

describe('remarks', () => {
  test('come to one conclusion', () => {
    expect(concludeFrom([], 'all is well')).toEqual({ verdict: 'pass', reason: 'all is well' })
    expect(concludeFrom([noting('b')], 'all is well', 'mend it')).toEqual({ verdict: 'pass', reason: 'all is well; b' })
    expect(concludeFrom([noting('b'), failing('a')], 'all is well', 'mend it')).toEqual({
      verdict: 'fail',
      reason: 'a; b',
      remedy: 'mend it',
    })
  })

  test('that no plan mends are to be mended by hand, and before the plan', () => {
    const hand = failing('c', 'take it out')
    expect(concludeFrom([hand, noting('b')], 'all is well', 'mend it')).toEqual({ verdict: 'fail', reason: 'c; b', remedy: 'take it out' })
    expect(concludeFrom([failing('a'), hand, failing('d', 'take it out')], 'all is well', 'mend it')).toEqual({
      verdict: 'fail',
      reason: 'a; c; d',
      remedy: 'take it out; then: mend it',
    })
    expect(concludeFrom([failing('a')], 'all is well')).toEqual({ verdict: 'fail', reason: 'a' })
  })

  test('count and list as people do', () => {
    expect([listed([]), listed(['a']), listed(['a', 'b']), listed(['a', 'b', 'c']), listed(['a', 'b', 'c', 'd', 'e'])]).toEqual([
      '',
      'a',
      'a and b',
      'a, b and c',
      'a, b, c and 2 more',
    ])
    expect([counted(1, 'pod'), counted(2, 'pod'), counted(0, 'policy', 'policies')]).toEqual(['1 pod', '2 pods', '0 policies'])
  })
})
