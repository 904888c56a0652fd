import { afterAll, expect, test } from 'vitest'
import { proofsLook } from '../../src/observe/sealed-looks.ts'
import { realPlace } from './real-system.ts'

const place = realPlace()
afterAll(place.remove)

const seen = (...proofs: object[]) =>
  proofsLook(
    place.system,
    { identity: '', proofs: async () => proofs.map((p, i) => ({ path: `evidence/proofs/x/${i}.json`, text: JSON.stringify(p) })) },
    'x',
  )

test('a proof that was refused when it was taken says so, in one line', async () => {
  const taken = { takenAt: '2026-11-23T12:00:00.000Z', of: 'ab', value: { on: true } }
  expect(await seen({ ...taken, refused: 'another\n cluster' }, taken)).toMatchObject({
    ok: true,
    value: [
      { path: 'evidence/proofs/x/0.json', ...taken, refused: 'another cluster' },
      { path: 'evidence/proofs/x/1.json', ...taken },
    ],
  })
})
