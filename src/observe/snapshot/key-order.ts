import { Refused } from './refused.ts'

/**
 * Holds the keys of a bucket to their order: they rise, and one on a branch is not above those below it. A database without it
 * cannot be searched. https://github.com/etcd-io/bbolt/blob/v1.4.0/tx_check.go
 */

/** https://github.com/etcd-io/bbolt/blob/v1.4.0/bucket.go, MaxKeySize. */
export const MOST_KEY_BYTES = 32_768

/** The key that came last. */
export interface Order {
  last: Buffer
  length: number
  /** It stood on a branch, so that the next one may be the same. */
  repeats: boolean
}

/** The order of a bucket before its first key. */
export const newOrder = (): Order => ({ last: Buffer.allocUnsafe(MOST_KEY_BYTES), length: 0, repeats: true })

/** Takes the next key, of at most `MOST_KEY_BYTES`. @throws Refused where it does not belong behind the last one */
export function follow(order: Order, bytes: Uint8Array, start: number, end: number, onBranch: boolean): void {
  const { last, length } = order
  const size = end - start
  let i = 0
  while (i < size && i < length && bytes[start + i] === last[i]) i++
  const isAbove = i < size && (i === length || (bytes[start + i] as number) > (last[i] as number))
  const isSame = i === size && i === length
  if (!isAbove && !(isSame && order.repeats)) throw new Refused('page-broken')
  for (; i < size; i++) last[i] = bytes[start + i] as number
  order.length = size
  order.repeats = onBranch
}
