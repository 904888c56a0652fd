import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Address, contains, parseSubnet } from '../../src/domain/cidr.ts'
import {
  breadthOf,
  EVERYBODY,
  formatPorts,
  holds,
  intersection,
  isEmpty,
  mergePorts,
  minus,
  NOBODY,
  parsePorts,
  portRanges,
  setOf,
  share,
  union,
} from '../../src/domain/firewall-sets.ts'
import { addresses, networks } from '../support/networks.ts'

const lists = fc.array(networks, { maxLength: 6 })
const among = (list: Parameters<typeof setOf>[0], address: Address): boolean => list.some((n) => contains(n, address))

/** The addresses at which something can change: the ends of networks, and their neighbours. */
const edges = (list: Parameters<typeof setOf>[0]): Address[] =>
  list.flatMap(({ family, value, bits }) => {
    const size = 1n << BigInt((family === 4 ? 32 : 128) - bits)
    const last = (1n << (family === 4 ? 32n : 128n)) - 1n
    return [value - 1n, value, value + size - 1n, value + size].filter((v) => v >= 0n && v <= last).map((v) => ({ family, value: v }))
  })

describe('a set of addresses', () => {
  test('holds what one of its networks holds, and goes together as sets do', () => {
    fc.assert(
      fc.property(lists, lists, addresses, (a, b, some) => {
        const [left, right] = [setOf(a), setOf(b)]
        for (const at of [...edges(a), ...edges(b), some]) {
          const [inA, inB] = [among(a, at), among(b, at)]
          expect(holds(left, at)).toBe(inA)
          expect(holds(union(left, right), at)).toBe(inA || inB)
          expect(holds(minus(left, right), at)).toBe(inA && !inB)
          expect(holds(intersection(left, right), at)).toBe(inA && inB)
        }
      }),
    )
  })

  test('has one form, however it came about', () => {
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        const [left, right] = [setOf(a), setOf(b)]
        expect(union(left, right)).toEqual(setOf([...b, ...a]))
        expect(union(minus(left, right), intersection(left, right))).toEqual(left)
        expect(isEmpty(minus(left, left))).toBe(true)
        expect(minus(EVERYBODY, minus(EVERYBODY, left))).toEqual(left)
      }),
    )
  })

  test('tells how much of it is in another', () => {
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        const [left, right] = [setOf(a), setOf(b)]
        const common = intersection(left, right)
        const expected = isEmpty(minus(left, right)) ? 'all' : isEmpty(common) ? 'none' : 'some'
        expect(share(left, right)).toBe(expected)
      }),
    )
    expect([share(NOBODY, NOBODY), share(EVERYBODY, NOBODY), share(EVERYBODY, EVERYBODY)]).toEqual(['all', 'none', 'all'])
  })
})

test.each([
  ['0.0.0.0/0', 'everybody'],
  ['::/0', 'everybody'],
  ['0.0.0.0/1 128.0.0.0/1', 'everybody'],
  ['0.0.0.0/1', 'too many'],
  ['64.0.0.0/4', 'too many'],
  ['64.0.0.0/5 96.0.0.0/5', 'too many'],
  ['64.0.0.0/5', undefined],
  // no sender on the internet has any of these
  ['224.0.0.0/3 fc00::/7', undefined],
  ['2000::/12', 'too many'],
  ['2a00::/13', undefined],
  ['', undefined],
])('%s is %s', (text, breadth) => {
  expect(breadthOf(setOf(text.split(' ').flatMap((t) => parseSubnet(t) ?? [])))).toBe(breadth)
})

describe('ports', () => {
  test.each([
    ['50000', [50000, 50000]],
    ['30000-32767', [30000, 32767]],
    ['0-65535', [0, 65535]],
    ['7-7', [7, 7]],
  ])('%s are read', (text, range) => expect(parsePorts(text)).toEqual(range))

  test.each(['', '65536', '70000-70001', '2380-2379', '-1', '1-', '1-2-3', 'https', '1 ', '0x50'])('"%s" are none', (text) =>
    expect(parsePorts(text)).toBeUndefined(),
  )

  const range = fc.tuple(fc.integer({ min: 0, max: 300 }), fc.nat(40)).map(([from, width]): [number, number] => [from, from + width])

  test('that overlap or touch are joined, and nothing else is', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 10 }), (list) => {
        const merged = mergePorts(list)
        for (let port = 0; port <= 345; port++)
          expect(merged.some(([from, to]) => from <= port && port <= to)).toBe(list.some(([from, to]) => from <= port && port <= to))
        for (const [i, [from]] of merged.entries()) if (i > 0) expect(from).toBeGreaterThan((merged[i - 1]?.[1] ?? 0) + 1)
        expect(mergePorts(merged)).toEqual(merged)
        expect(portRanges(merged.map(formatPorts))).toEqual(merged)
      }),
    )
  })
})
