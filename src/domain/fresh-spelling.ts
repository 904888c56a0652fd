import { parseAddress } from './cidr.ts'

/**
 * An address in a spelling that a control plane has most likely never been given. Its Talos API keeps the connection to a node by the
 * name that it was asked for, and a connection that was open before a firewall survives it, so that an answer over it proves nothing.
 * An IPv4 address is written as IPv4-mapped (RFC 4291 2.5.5.2); leading zeros and capitals change no address. Seen on 1.13.9 and 1.14.1.
 *
 * @param salt a whole number that is not used twice within hours, such as milliseconds
 */
export function freshSpelling(address: string, salt: number): string {
  const parsed = parseAddress(address)
  if (!parsed) return address
  const bits = digits(salt)
  const vary = (group: bigint): string => {
    const shortest = group.toString(16)
    const padded = shortest.padStart(shortest.length + Number(bits() % BigInt(5 - shortest.length)), '0')
    return [...padded].map((c) => (bits() % 2n === 0n ? c : c.toUpperCase())).join('')
  }
  const groups = (value: bigint, count: number) =>
    Array.from({ length: count }, (_, i) => (value >> BigInt(16 * (count - 1 - i))) & 0xffffn)
  if (parsed.family === 6) return groups(parsed.value, 8).map(vary).join(':')
  return [...groups(0xffffn, 6).map(vary), address].join(':')
}

/** Numbers that follow from the salt. */
function digits(salt: number): () => bigint {
  let state = BigInt(Math.trunc(salt)) * 6364136223846793005n + 1442695040888963407n
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn
    return state >> 33n
  }
}
