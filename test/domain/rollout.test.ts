import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Part } from '../../src/contract.ts'
import { partsInOrder } from '../../src/domain/rollout.ts'

const part = (name: string): Part => ({ object: { kind: 'node', name }, summary: `of ${name}`, actions: [] })
const members = [
  { name: 'cp1', type: 'controlplane' as const },
  { name: 'cp2', type: 'controlplane' as const },
  { name: 'cp10', type: 'controlplane' as const },
  { name: 'w2', type: 'worker' as const },
  { name: 'w10', type: 'worker' as const },
]
const ordered = (names: string[]) => partsInOrder(names.map(part), members).map((p) => p.object.name)

test('workers come first, then control planes, numbers counted as numbers', () => {
  expect(ordered(['cp10', 'w10', 'cp1', 'w2', 'cp2'])).toEqual(['w2', 'w10', 'cp1', 'cp2', 'cp10'])
})

test('a node that is no member may be a control plane, so it comes with them', () => {
  expect(ordered(['other', 'w2', 'cp1'])).toEqual(['w2', 'cp1', 'other'])
})

test('every part is there once, whatever order they come in', () => {
  const names = members.map((m) => m.name)
  fc.assert(
    fc.property(fc.shuffledSubarray(names), (some) => {
      expect(ordered(some)).toEqual(['w2', 'w10', 'cp1', 'cp2', 'cp10'].filter((name) => some.includes(name)))
    }),
  )
})
