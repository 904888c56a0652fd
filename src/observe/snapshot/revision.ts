import type { Entry } from './bbolt.ts'
import { Refused } from './refused.ts'

/**
 * One entry of etcd's bucket `key`: a revision as key, a protobuf message as value.
 * https://github.com/etcd-io/etcd/blob/v3.6.0/server/storage/mvcc/revision.go and api/mvccpb/kv.proto
 */

/** A revision of a key; all places are in the buffer of its entry. */
export interface Revision {
  main: number
  isDeleted: boolean
  bytes: Buffer
  /** The key that somebody has set. */
  key: number
  keyEnd: number
  value: number
  /** Where the value ends, or the buffer where it is longer. */
  valueEnd: number
  isWhole: boolean
}

/** An empty one for `readRevision` to fill; one is enough for a whole walk. */
export const newRevision = (): Revision => ({
  main: 0,
  isDeleted: false,
  bytes: Buffer.alloc(0),
  key: 0,
  keyEnd: 0,
  value: 0,
  valueEnd: 0,
  isWhole: true,
})

const REVISION_BYTES = 17
const UNDERSCORE = 0x5f
const TOMBSTONE = 0x74
const KEY_FIELD = 1
const VALUE_FIELD = 5

/** Reads an entry into `revision`. @throws Refused for one that etcd would not read either */
export function readRevision(entry: Entry, revision: Revision): void {
  const { bytes, key, keyEnd } = entry
  const size = keyEnd - key
  const isMarked = size === REVISION_BYTES + 1
  if (entry.isBucket || (size !== REVISION_BYTES && !isMarked) || bytes[key + 8] !== UNDERSCORE) throw new Refused('entry-broken')
  revision.main = bytes.readUInt32BE(key) * 2 ** 32 + bytes.readUInt32BE(key + 4)
  if (!Number.isSafeInteger(revision.main)) throw new Refused('entry-broken')
  revision.isDeleted = isMarked && bytes[keyEnd - 1] === TOMBSTONE
  revision.bytes = bytes
  revision.key = revision.keyEnd = revision.value = revision.valueEnd = keyEnd
  revision.isWhole = true
  const end = keyEnd + entry.valueSize
  const isSound = eachField(bytes, keyEnd, end, entry.valueEnd, (field, from, to) => {
    if (field === KEY_FIELD) {
      revision.key = from
      revision.keyEnd = to
    } else if (field === VALUE_FIELD) {
      revision.value = from
      revision.valueEnd = Math.min(to, entry.valueEnd)
      revision.isWhole = to <= entry.valueEnd
    }
  })
  if (!isSound || revision.keyEnd > entry.valueEnd) throw new Refused('entry-broken')
}

/**
 * Shows the fields of a protobuf message that hold bytes. The message ends at `end`; only what lies before `held` can be read.
 * Returns false for something that is none. https://protobuf.dev/programming-guides/encoding/
 */
export function eachField(
  bytes: Uint8Array,
  start: number,
  end: number,
  held: number,
  take: (field: number, from: number, to: number) => void,
): boolean {
  let at = start
  const varint = (): number => {
    let value = 0
    for (let scale = 1; at < held && scale <= 2 ** 63; scale *= 128) {
      const byte = bytes[at++] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    return Number.NaN
  }
  while (at < end && at < held) {
    const tag = varint()
    const wire = tag % 8
    if (wire === 0) {
      if (Number.isNaN(varint())) return false
    } else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else if (wire === 2) {
      const size = varint()
      if (!(size <= end - at)) return false
      take(Math.floor(tag / 8), at, at + size)
      at += size
    } else return false
  }
  return at <= end
}
