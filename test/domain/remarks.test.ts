import { expect, test } from 'vitest'
import { lasting } from '../../src/domain/remarks.ts'

const HOUR = 3_600_000

test.each([
  [59 * 60_000, 'less than an hour'],
  [HOUR, '1 hour'],
  [23.9 * HOUR, '23 hours'],
  [47 * HOUR, '47 hours'],
  [48 * HOUR, '2 days'],
  [364.5 * 24 * HOUR, '364 days'],
])('%d ms last %s', (ms, said) => {
  expect(lasting(ms)).toBe(said)
})
