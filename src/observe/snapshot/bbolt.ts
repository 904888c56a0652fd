import { CRC_START, crc32c } from '../../domain/checksums.ts'
import type { RandomAccess } from '../../system/ports.ts'
import { follow, MOST_KEY_BYTES, newOrder, type Order } from './key-order.ts'
import { Refused, type Turn } from './refused.ts'

/**
 * Reads the pages of a bbolt database, one at a time. No number of the file is trusted: pages lie inside of it and are read once,
 * and data lies one after the other, so that reading ends and what is held stays small whatever the file says.
 * https://github.com/etcd-io/bbolt/tree/v1.4.0/internal/common (page.go, meta.go, bucket.go)
 */

export interface Database {
  file: RandomAccess
  /** Bytes. */
  pageSize: number
  /** How many pages there are; what lies behind them belongs to nobody. */
  pages: number
  /** The page of the root bucket. */
  root: number
}

/** A key with its value, in a buffer that is used again for the next one. */
export interface Entry {
  bytes: Buffer
  key: number
  keyEnd: number
  /** The value begins at `keyEnd`; where it is longer than the buffer, this is where the buffer ends. */
  valueEnd: number
  /** The whole value. Bytes. */
  valueSize: number
  isBucket: boolean
}

/** One look at each page. Its buffers belong to the page that was read last. */
export interface Pass {
  database: Database
  turn: Turn
  /** Checksum of what was walked so far. */
  crc: number
  /** Bytes of pages that were read. */
  done: number
  seen: Uint8Array
  head: Buffer
  headView: DataView
  /** The first page of `head`. */
  first: Buffer
  piece: Buffer
  pieceView: DataView
}

export interface Bucket {
  name: string
  /** The page it begins at; 0 where it is small enough to lie in `inline`. */
  root: number
  inline: Buffer
}

interface Page {
  flags: number
  count: number
  /** Bytes, with the pages that belong to it. */
  span: number
  /** Where it begins in the file. */
  position: number
  bytes: Buffer
  view: DataView
  /** How much of it is in the buffer. Bytes. */
  held: number
}

interface Branch {
  bytes: Buffer
  count: number
  index: number
  /** Where the keys that were read end. */
  floor: number
}

const HEADER = 16
const ELEMENT = 16
const BRANCH_PAGE = 0x01
const LEAF_PAGE = 0x02
const BUCKET_FLAG = 0x01
/** The largest table of elements that a page can have; everything else of a page can be read in pieces. */
const HEAD_BYTES = 1 << 20
/** Holds the largest request that etcd takes unless it is told otherwise (1.5 MiB), and so any key. */
const PIECE_BYTES = 2 << 20
/** Two pages below each are enough for more pages than a file can have. */
const MOST_DEPTH = 48
/** etcd has ten, with names of a word or two. */
const MOST_BUCKETS = 100
const MOST_BUCKET_NAME = 200

/** Begins a look at a database whose pages lie inside of its file. @param turn is asked between two pages */
export function newPass(database: Database, turn: Turn): Pass {
  const head = Buffer.allocUnsafeSlow(HEAD_BYTES)
  const piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
  return {
    database,
    turn,
    crc: CRC_START,
    done: 0,
    seen: new Uint8Array(Math.ceil(database.pages / 8)),
    head,
    headView: new DataView(head.buffer),
    first: head.subarray(0, database.pageSize),
    piece,
    pieceView: new DataView(piece.buffer),
  }
}

/* ---- pages ----------------------------------------------------------------------------------------------- */

/** A number of 64 bits; one that no file can need is not exact, and far out of any range. */
export const u64 = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32

/** Reads a page that nothing has led to before. @throws Refused where it lies outside, is another one, or was read already */
function readPage(pass: Pass, id: number): Page {
  const { file, pageSize, pages } = pass.database
  if (id < 2 || id >= pages) throw new Refused('page-outside')
  const position = id * pageSize
  file.read(pass.first, position)
  const overflow = pass.head.readUInt32LE(12)
  if (u64(pass.head, 0) !== id) throw new Refused('page-broken')
  if (id + overflow >= pages) throw new Refused('page-outside')
  for (let page = id; page <= id + overflow; page++) {
    const bit = 1 << (page & 7)
    const byte = pass.seen[page >>> 3] as number
    if (byte & bit) throw new Refused('page-broken')
    pass.seen[page >>> 3] = byte | bit
  }
  const span = (1 + overflow) * pageSize
  const held = Math.min(span, HEAD_BYTES)
  if (held > pageSize) file.read(pass.head.subarray(pageSize, held), position + pageSize)
  pass.done += span
  return pageOf(pass.head, pass.headView, { span, held, position })
}

function pageOf(bytes: Buffer, view: DataView, place: { span: number; held: number; position: number }): Page {
  const flags = bytes.readUInt16LE(8)
  const count = bytes.readUInt16LE(10)
  if (HEADER + count * ELEMENT > place.span) throw new Refused('page-broken')
  return { ...place, flags, count, bytes, view }
}

function branchOf(page: Page): Branch {
  // the keys of a branch are revisions or names: one that does not fit was not written by etcd
  if (page.count === 0 || page.held < page.span) throw new Refused('page-broken')
  return { bytes: Buffer.from(page.bytes.subarray(0, page.span)), count: page.count, index: 0, floor: HEADER + page.count * ELEMENT }
}

/** The page that comes next below these branches; takes away those that are done. */
function nextChild(branches: Branch[], order: Order): number | undefined {
  for (let top = branches.at(-1); top; top = branches.at(-1)) {
    if (top.index === top.count) {
      branches.pop()
      continue
    }
    const element = HEADER + top.index++ * ELEMENT
    const key = element + top.bytes.readUInt32LE(element)
    const end = key + top.bytes.readUInt32LE(element + 4)
    if (key < top.floor || end > top.bytes.length || end - key > MOST_KEY_BYTES) throw new Refused('page-broken')
    top.floor = end
    follow(order, top.bytes, key, end, true)
    return u64(top.bytes, element + 8)
  }
  return undefined
}

/* ---- buckets --------------------------------------------------------------------------------------------- */

/**
 * Shows every entry of a bucket in order, until `visit` returns false. `hash` takes them into the checksum of the pass.
 * @throws Refused
 */
export async function walk(pass: Pass, bucket: Bucket, visit: (entry: Entry) => boolean, hash: boolean): Promise<void> {
  const order = newOrder()
  if (bucket.root === 0) {
    await leaf(pass, inlinePage(bucket.inline), order, visit, hash)
    return
  }
  const branches: Branch[] = []
  for (let id: number | undefined = bucket.root; id !== undefined; id = nextChild(branches, order)) {
    const page = readPage(pass, id)
    if (page.flags === BRANCH_PAGE) branches.push(branchOf(page))
    else if (page.flags !== LEAF_PAGE) throw new Refused('page-broken')
    else if (!(await leaf(pass, page, order, visit, hash))) return
    if (branches.length > MOST_DEPTH) throw new Refused('page-broken')
    if (pass.turn.due()) await pass.turn.pause()
  }
}

function inlinePage(bytes: Buffer): Page {
  if (bytes.length < HEADER) throw new Refused('page-broken')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const page = pageOf(bytes, view, { span: bytes.length, held: bytes.length, position: 0 })
  if (page.flags !== LEAF_PAGE) throw new Refused('page-broken')
  return page
}

/** Shows the entries of a leaf; false where `visit` wants no more. */
async function leaf(pass: Pass, page: Page, order: Order, visit: (entry: Entry) => boolean, hash: boolean): Promise<boolean> {
  const { bytes, view } = page
  const entry: Entry = { bytes, key: 0, keyEnd: 0, valueEnd: 0, valueSize: 0, isBucket: false }
  let floor = HEADER + page.count * ELEMENT
  for (let i = 0; i < page.count; i++) {
    const element = HEADER + i * ELEMENT
    const key = element + view.getUint32(element + 4, true)
    const keyBytes = view.getUint32(element + 8, true)
    entry.valueSize = view.getUint32(element + 12, true)
    entry.isBucket = (view.getUint32(element, true) & BUCKET_FLAG) !== 0
    const end = key + keyBytes + entry.valueSize
    if (keyBytes === 0 || keyBytes > MOST_KEY_BYTES || key < floor || end > page.span) throw new Refused('page-broken')
    floor = end
    const fits = end <= page.held
    if (fits) place(entry, bytes, key, keyBytes, end)
    else readPiece(pass, page.position + key, entry, keyBytes)
    follow(order, entry.bytes, entry.key, entry.keyEnd, false)
    if (!visit(entry)) return false
    if (hash) pass.crc = crc32c(pass.crc, entry.bytes, fits ? view : pass.pieceView, entry.key, entry.valueEnd)
    if (fits) continue
    if (hash) await hashRest(pass, page.position + key + PIECE_BYTES, page.position + end)
    if (pass.turn.due()) await pass.turn.pause()
  }
  return true
}

function place(entry: Entry, bytes: Buffer, key: number, keyBytes: number, end: number): void {
  entry.bytes = bytes
  entry.key = key
  entry.keyEnd = key + keyBytes
  entry.valueEnd = end
}

/** Brings an entry that begins at this place of the file, as much of it as there is room for. */
function readPiece(pass: Pass, position: number, entry: Entry, keyBytes: number): void {
  const size = Math.min(keyBytes + entry.valueSize, PIECE_BYTES)
  pass.database.file.read(pass.piece.subarray(0, size), position)
  place(entry, pass.piece, 0, keyBytes, size)
}

async function hashRest(pass: Pass, from: number, end: number): Promise<void> {
  for (let at = from; at < end; at += PIECE_BYTES) {
    const size = Math.min(end - at, PIECE_BYTES)
    pass.database.file.read(pass.piece.subarray(0, size), at)
    pass.crc = crc32c(pass.crc, pass.piece, pass.pieceView, 0, size)
    if (pass.turn.due()) await pass.turn.pause()
  }
}

/** The buckets of a database, in order. @throws Refused */
export async function bucketsOf(pass: Pass): Promise<Bucket[]> {
  const buckets: Bucket[] = []
  const root: Bucket = { name: '', root: pass.database.root, inline: Buffer.alloc(0) }
  const take = ({ bytes, key, keyEnd, valueEnd, valueSize, isBucket }: Entry): boolean => {
    const isWhole = valueEnd - keyEnd === valueSize && valueSize >= HEADER && keyEnd - key <= MOST_BUCKET_NAME
    const isSmall = valueSize <= pass.database.pageSize
    if (!isBucket || !isWhole || !isSmall || buckets.length === MOST_BUCKETS) throw new Refused('page-broken')
    const inline = Buffer.from(bytes.subarray(keyEnd + HEADER, valueEnd))
    buckets.push({ name: bytes.toString('latin1', key, keyEnd), root: u64(bytes, keyEnd), inline })
    return true
  }
  await walk(pass, root, take, false)
  return buckets
}
