import { Refused } from './refused.ts'

/**
 * Sixteen bits of state for each of millions of keys, in ten bytes a key. Keys are told apart by a keyed hash of 64 bits, so that no
 * file can be made in which two of them are taken for one. HalfSipHash-1-3, https://www.aumasson.jp/siphash/
 */

export interface KeyTable {
  /** The state of a key; 0 for one that was never given another. */
  find: (bytes: Uint8Array, start: number, end: number) => number
  /** Gives the key that was found last a state, which is not 0. */
  set: (state: number) => void
}

/** Parts grow one at a time, so that no growing takes long. */
const PARTS = 256
const FIRST_SIZE = 32
/** Kubernetes is built for some hundred thousand objects; this many take up to 240 MiB. */
const MOST_KEYS = 12_000_000

interface Part {
  low: Uint32Array
  high: Uint32Array
  states: Uint16Array
  used: number
}

const newPart = (size: number): Part => ({
  low: new Uint32Array(size),
  high: new Uint32Array(size),
  states: new Uint16Array(size),
  used: 0,
})

/** An empty table. @param secret 8 random bytes. @throws Refused from `set` where there are too many keys */
export function keyTable(secret: Buffer): KeyTable {
  const [k0, k1] = [secret.readInt32LE(0), secret.readInt32LE(4)]
  const hash = new Uint32Array(2)
  const parts = Array.from({ length: PARTS }, () => newPart(FIRST_SIZE))
  let part = parts[0] as Part
  let place = 0
  let used = 0
  return {
    find: (bytes, start, end) => {
      halfSip(k0, k1, bytes, start, end, hash)
      const [low, high] = [hash[0] as number, hash[1] as number]
      part = parts[high % PARTS] as Part
      if (part.used > part.states.length * 0.75) part = parts[high % PARTS] = twice(part)
      place = placeOf(part, low, high)
      part.low[place] = low
      part.high[place] = high
      return part.states[place] as number
    },
    set: (state) => {
      if (part.states[place] === 0) {
        part.used++
        if (++used > MOST_KEYS) throw new Refused('too-many-keys')
      }
      part.states[place] = state
    },
  }
}

function placeOf({ low, high, states }: Part, l: number, h: number): number {
  const mask = states.length - 1
  let place = l & mask
  while (states[place] !== 0 && (low[place] !== l || high[place] !== h)) place = (place + 1) & mask
  return place
}

function twice(old: Part): Part {
  const part = newPart(old.states.length * 2)
  part.used = old.used
  for (let i = 0; i < old.states.length; i++) {
    if (old.states[i] === 0) continue
    const [low, high] = [old.low[i] as number, old.high[i] as number]
    const place = placeOf(part, low, high)
    part.low[place] = low
    part.high[place] = high
    part.states[place] = old.states[i] as number
  }
  return part
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))

/** Puts the hash of the bytes from `start` to `end` into `out`, low word first. */
function halfSip(k0: number, k1: number, bytes: Uint8Array, start: number, end: number, out: Uint32Array): void {
  let [v0, v1, v2, v3] = [k0, k1 ^ 0xee, k0 ^ 0x6c796765, k1 ^ 0x74656462]
  const round = () => {
    v0 = (v0 + v1) | 0
    v1 = rotate(v1, 5) ^ v0
    v0 = rotate(v0, 16)
    v2 = (v2 + v3) | 0
    v3 = rotate(v3, 8) ^ v2
    v0 = (v0 + v3) | 0
    v3 = rotate(v3, 7) ^ v0
    v2 = (v2 + v1) | 0
    v1 = rotate(v1, 13) ^ v2
    v2 = rotate(v2, 16)
  }
  const take = (word: number) => {
    v3 ^= word
    round()
    v0 ^= word
  }
  const at = (i: number) => bytes[i] as number
  let i = start
  for (; i + 4 <= end; i += 4) take(at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24))
  let rest = (end - start) << 24
  for (let shift = 0; i < end; i++, shift += 8) rest |= at(i) << shift
  take(rest)
  v2 ^= 0xee
  for (let n = 0; n < 3; n++) round()
  out[0] = v1 ^ v3
  v1 ^= 0xdd
  for (let n = 0; n < 3; n++) round()
  out[1] = v1 ^ v3
}
