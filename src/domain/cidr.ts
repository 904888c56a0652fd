/**
 * Addresses and networks of IPv4 and IPv6 as numbers.
 *
 * Talos reads subnets with Go's net/netip: an IPv4 network matches no IPv6 address and the other way round, and host bits are
 * dropped without a word. https://pkg.go.dev/net/netip, https://www.rfc-editor.org/rfc/rfc5952
 */

export interface Address {
  family: 4 | 6
  value: bigint
}

/** A network; `value` is its first address. */
export interface Cidr extends Address {
  bits: number
}

export const widthOf = (family: 4 | 6): number => (family === 4 ? 32 : 128)

const hostMask = (family: 4 | 6, bits: number): bigint => (1n << BigInt(widthOf(family) - bits)) - 1n

function parseFour(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0
  for (const part of parts) {
    // a leading zero is octal to some programs and decimal to others
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    value = value * 256 + Number(part)
  }
  return BigInt(value)
}

/** The groups on one side of `::`; the last may be an IPv4 address. */
function groupsOf(text: string): number[] | undefined {
  if (text === '') return []
  const words = text.split(':')
  const last = words.at(-1) ?? ''
  const groups: number[] = []
  for (const word of last.includes('.') ? words.slice(0, -1) : words) {
    if (!/^[0-9a-f]{1,4}$/i.test(word)) return undefined
    groups.push(Number.parseInt(word, 16))
  }
  if (!last.includes('.')) return groups
  const four = parseFour(last)
  return four === undefined ? undefined : [...groups, Number(four >> 16n), Number(four & 0xffffn)]
}

function parseSix(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = [groupsOf(halves[0] ?? ''), groupsOf(halves[1] ?? '')]
  if (!head || !tail || (halves.length === 2 && (halves[0] ?? '').includes('.'))) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  return [...head, ...Array<number>(missing).fill(0), ...tail].reduce((value, group) => (value << 16n) | BigInt(group), 0n)
}

const MAPPED = 0xffffn << 32n
const isMapped = (value: bigint): boolean => value >> 32n === 0xffffn

/** An address as people and tools write it. A zone is dropped, and `::ffff:10.0.0.1`, as sockets of both families show it, is IPv4. */
export function parseAddress(text: string): Address | undefined {
  const word = text.replace(/%[\w.-]+$/, '')
  if (!word.includes(':')) {
    const value = parseFour(word)
    return value === undefined ? undefined : { family: 4, value }
  }
  const value = parseSix(word)
  if (value === undefined) return undefined
  return isMapped(value) ? { family: 4, value: value - MAPPED } : { family: 6, value }
}

const formatFour = (value: bigint): string => [24n, 16n, 8n, 0n].map((by) => String((value >> by) & 0xffn)).join('.')

/** The first of the longest runs of two zeros or more. */
function longestZeros(groups: readonly number[]): { at: number; length: number } {
  let best = { at: 0, length: 1 }
  for (let at = 0; at < groups.length; at++) {
    let length = 0
    while (groups[at + length] === 0) length++
    if (length > best.length) best = { at, length }
  }
  return best
}

export function formatAddress({ family, value }: Address): string {
  if (family === 4) return formatFour(value)
  if (isMapped(value)) return `::ffff:${formatFour(value - MAPPED)}`
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn))
  const zeros = longestZeros(groups)
  const hex = (part: number[]): string => part.map((g) => g.toString(16)).join(':')
  return zeros.length < 2 ? hex(groups) : `${hex(groups.slice(0, zeros.at))}::${hex(groups.slice(zeros.at + zeros.length))}`
}

export const formatCidr = (cidr: Cidr): string => `${formatAddress(cidr)}/${cidr.bits}`

const LENGTH = /^(0|[1-9]\d{0,2})$/

/** A subnet as a machine configuration may hold it: host bits are dropped, as Talos does. A bare address is none. */
export function parseSubnet(text: string): Cidr | undefined {
  const at = text.indexOf('/')
  const [word, length] = [text.slice(0, at), text.slice(at + 1)]
  if (at < 0 || word.includes('%') || !LENGTH.test(length)) return undefined
  // an IPv4 address inside IPv6 keeps its 128 bits here, and so matches no packet of IPv4
  const value = word.includes(':') ? parseSix(word) : parseFour(word)
  const family = word.includes(':') ? 6 : 4
  const bits = Number(length)
  if (value === undefined || bits > widthOf(family)) return undefined
  return { family, value: value & ~hostMask(family, bits), bits }
}

/** A network or an address as an operator types it, or a sentence that says what is wrong with it. */
export function parseNetwork(text: string): { value: Cidr } | { error: string } {
  const [word = '', length, ...rest] = text.split('/')
  const address = word.includes('%') ? undefined : parseAddress(word)
  if (!address || rest.length > 0) return { error: `"${text}" is neither an address nor a network such as 10.0.7.0/24 or 2001:db8::/64` }
  const most = widthOf(address.family)
  if (length === undefined) return { value: { ...address, bits: most } }
  if (word.includes(':') && address.family === 4)
    return {
      error: `"${text}" is IPv4 written as IPv6: write it as IPv4, ${formatAddress(address)}/${Math.max(0, Number(length) - 96) || 0}`,
    }
  if (!LENGTH.test(length) || Number(length) > most) return { error: `"${text}" has no length from 0 to ${most} behind the slash` }
  const bits = Number(length)
  const value = address.value & ~hostMask(address.family, bits)
  if (value !== address.value)
    return {
      error: `"${text}" has host bits: write the network as ${formatCidr({ ...address, value, bits })}, or the address as ${formatAddress(address)}`,
    }
  return { value: { ...address, bits } }
}

export const lastOf = ({ family, value, bits }: Cidr): bigint => value | hostMask(family, bits)

export const contains = (cidr: Cidr, address: Address): boolean =>
  cidr.family === address.family && address.value >= cidr.value && address.value <= lastOf(cidr)

/** Whether all of the second network lies in the first. */
export const covers = (outer: Cidr, inner: Cidr): boolean => outer.bits <= inner.bits && contains(outer, inner)

/** Whether they have an address in common: then one lies in the other. */
export const overlaps = (a: Cidr, b: Cidr): boolean => covers(a, b) || covers(b, a)

const within = (...texts: string[]) => {
  const networks = texts.flatMap((text) => parseSubnet(text) ?? [])
  return (address: Address): boolean => networks.some((network) => contains(network, address))
}

/** `0.0.0.0` and `::`, where a socket listens on every address. */
export const isWildcard = (address: Address): boolean => address.value === 0n

export const isLoopback = within('127.0.0.0/8', '::1/128')

export const isLinkLocal = within('169.254.0.0/16', 'fe80::/10')

/** First by family, then by address, then the wider network. */
const compareCidrs = (a: Cidr, b: Cidr): number => a.family - b.family || (a.value < b.value ? -1 : a.value > b.value ? 1 : a.bits - b.bits)

/** The networks without those that lie in others, in order. Nothing is joined: an address stays an address. */
export function mergeCidrs(cidrs: readonly Cidr[]): Cidr[] {
  const kept: Cidr[] = []
  for (const cidr of cidrs.toSorted(compareCidrs)) {
    const last = kept.at(-1)
    if (!last || !covers(last, cidr)) kept.push(cidr)
  }
  return kept
}
