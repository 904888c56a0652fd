import { type Address, type Cidr, lastOf, parseSubnet, widthOf } from './cidr.ts'

/** Sets of addresses as sorted ranges that do not touch, and of ports as text such as `2379-2380`. */

interface Range {
  from: bigint
  to: bigint
}

/** Ranges by family. */
export interface AddressSet {
  4: readonly Range[]
  6: readonly Range[]
}

const FAMILIES = [4, 6] as const
const everything = (family: 4 | 6): Range[] => [{ from: 0n, to: (1n << BigInt(widthOf(family))) - 1n }]

export const NOBODY: AddressSet = { 4: [], 6: [] }
export const EVERYBODY: AddressSet = { 4: everything(4), 6: everything(6) }

function joined(ranges: Range[]): Range[] {
  const out: Range[] = []
  for (const range of ranges.toSorted((a, b) => (a.from < b.from ? -1 : 1))) {
    const last = out.at(-1)
    if (!last || range.from > last.to + 1n) out.push({ ...range })
    else if (range.to > last.to) last.to = range.to
  }
  return out
}

const rangesOf = (cidrs: readonly Cidr[], family: 4 | 6): Range[] =>
  cidrs.filter((c) => c.family === family).map((c) => ({ from: c.value, to: lastOf(c) }))

export const setOf = (cidrs: readonly Cidr[]): AddressSet => ({ 4: joined(rangesOf(cidrs, 4)), 6: joined(rangesOf(cidrs, 6)) })

export const union = (a: AddressSet, b: AddressSet): AddressSet => ({ 4: joined([...a[4], ...b[4]]), 6: joined([...a[6], ...b[6]]) })

/** What is left of one range. */
function without(range: Range, taken: readonly Range[]): Range[] {
  const out: Range[] = []
  let from = range.from
  for (let i = firstReaching(taken, range.from); i < taken.length; i++) {
    const cut = taken[i] as Range
    if (cut.from > range.to) break
    if (cut.from > from) out.push({ from, to: cut.from - 1n })
    from = cut.to + 1n
  }
  return from > range.to ? out : [...out, { from, to: range.to }]
}

export const minus = (a: AddressSet, b: AddressSet): AddressSet => ({
  4: a[4].flatMap((range) => without(range, b[4])),
  6: a[6].flatMap((range) => without(range, b[6])),
})

export const intersection = (a: AddressSet, b: AddressSet): AddressSet => minus(a, minus(EVERYBODY, b))

/** The first range that ends at or behind a value. */
function firstReaching(ranges: readonly Range[], value: bigint): number {
  let [low, high] = [0, ranges.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[middle] as Range).to < value) low = middle + 1
    else high = middle
  }
  return low
}

export function holds(set: AddressSet, { family, value }: Address): boolean {
  const range = set[family][firstReaching(set[family], value)]
  return range !== undefined && range.from <= value
}

export const isEmpty = (set: AddressSet): boolean => set[4].length === 0 && set[6].length === 0

/** How much of a set is in another. An empty set is in every other. */
export function share(set: AddressSet, inside: AddressSet): 'all' | 'some' | 'none' {
  let [all, none] = [true, true]
  for (const family of FAMILIES)
    for (const range of set[family]) {
      const found = inside[family][firstReaching(inside[family], range.from)]
      if (!found || found.from > range.to) all = false
      else {
        none = false
        if (found.from > range.from || found.to < range.to) all = false
      }
      if (!all && !none) return 'some'
    }
  return all ? 'all' : 'none'
}

/** What the internet has for single hosts. */
const INTERNET = setOf(['0.0.0.0/1', '128.0.0.0/2', '192.0.0.0/3', '2000::/3'].flatMap((text) => parseSubnet(text) ?? []))
/** More than any organisation has: the largest holds thirteen times a /8, and a registry for a continent gets a /12 of IPv6. */
const TOO_MANY = { 4: 1n << 28n, 6: 1n << 116n }

/** Whether a set is all of a family, or so much of the internet that it names nobody. */
export function breadthOf(set: AddressSet): 'everybody' | 'too many' | undefined {
  const [rest, onInternet] = [minus(EVERYBODY, set), intersection(INTERNET, set)]
  if (FAMILIES.some((f) => rest[f].length === 0)) return 'everybody'
  const count = (ranges: readonly Range[]): bigint => ranges.reduce((sum, { from, to }) => sum + to - from + 1n, 0n)
  return FAMILIES.some((f) => count(onInternet[f]) >= TOO_MANY[f]) ? 'too many' : undefined
}

export type PortRange = readonly [from: number, to: number]

/** `50000` or `30000-32767`. */
export function parsePorts(text: string): PortRange | undefined {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  if (!found) return undefined
  const [from, to] = [Number(found[1]), Number(found[2] ?? found[1])]
  return from <= to && to <= 65535 ? [from, to] : undefined
}

/** Those of a rule that can be read. */
export const portRanges = (texts: readonly string[]): PortRange[] => texts.map(parsePorts).filter((range) => range !== undefined)

export const formatPorts = ([from, to]: PortRange): string => (from === to ? String(from) : `${from}-${to}`)

/** In order, joined where they overlap or touch. */
export function mergePorts(ports: readonly PortRange[]): PortRange[] {
  const out: [number, number][] = []
  for (const [from, to] of ports.toSorted((a, b) => a[0] - b[0])) {
    const last = out.at(-1)
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else out.push([from, to])
  }
  return out
}
