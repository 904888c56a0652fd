import { fnv1a } from '../../domain/checksums.ts'
import type { RandomAccess } from '../../system/ports.ts'
import { type Database, u64 } from './bbolt.ts'

/**
 * The two meta pages of a bbolt database, of which the newer valid one counts.
 * https://github.com/etcd-io/bbolt/blob/v1.4.0/internal/common/meta.go
 */

const MAGIC = 0xed0cdaed
const VERSION = 2
/** The header of the page, then the meta with its checksum. */
const META_AT = 16
const META_BYTES = 64
const CHECKSUM_AT = 56
/** Systems have pages of 4 to 64 KiB; bbolt looks from 1 KiB on. */
const PAGE_SIZES = [1, 2, 4, 8, 16, 32, 64].map((kib) => kib << 10)

interface Meta {
  database: Database
  transaction: number
}

/** What the first pages of a file say: whether it is a bbolt database at all, and which one where they are whole. */
export function readMeta(file: RandomAccess): { isDatabase: boolean; database: Database | undefined } {
  const first = metaAt(file, 0)
  const places = first.meta ? [first.meta.database.pageSize] : PAGE_SIZES
  const seconds = places.map((at) => metaAt(file, at, at))
  const all = [first, ...seconds]
  const best = all.flatMap(({ meta }) => meta ?? []).toSorted((a, b) => b.transaction - a.transaction)[0]
  return { isDatabase: all.some((page) => page.isMagic), database: best?.database }
}

function metaAt(file: RandomAccess, position: number, pageSize?: number): { isMagic: boolean; meta?: Meta } {
  if (position + META_AT + META_BYTES > file.size) return { isMagic: false }
  const bytes = Buffer.alloc(META_BYTES)
  file.read(bytes, position + META_AT)
  const isMagic = bytes.readUInt32LE(0) === MAGIC
  if (!isMagic || bytes.readUInt32LE(4) !== VERSION) return { isMagic }
  const size = bytes.readUInt32LE(8)
  const isSound = PAGE_SIZES.includes(size) && (pageSize === undefined || size === pageSize)
  if (!isSound || bytes.readBigUInt64LE(CHECKSUM_AT) !== fnv1a(bytes.subarray(0, CHECKSUM_AT))) return { isMagic }
  const database = { file, pageSize: size, root: u64(bytes, 16), pages: u64(bytes, 40) }
  return { isMagic, meta: { database, transaction: u64(bytes, 48) } }
}
