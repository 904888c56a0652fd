import { fnv1a } from '../domain/checksums.ts'

/**
 * Lays out a bbolt database as etcd writes one: two meta pages, trees of leaves and branches, small buckets inside their parent, and
 * no list of free pages. https://github.com/etcd-io/bbolt/tree/v1.4.0/internal/common
 */

export interface BucketContent {
  name: string
  /** In any order; keys are told apart and sorted by their bytes. */
  entries: { key: Buffer; value: Buffer }[]
}

interface Item {
  key: Buffer
  value: Buffer
  isBucket: boolean
}
interface Child {
  key: Buffer
  id: number
}
/** Pages from number 2 on; one that is larger takes the numbers behind it too. */
interface Pages {
  written: Buffer[]
  next: number
}

const PAGE = 4096
const HEADER = 16
const ELEMENT = 16
const FIRST_PAGE = 2
const BRANCH = 0x01
const LEAF = 0x02
const META = 0x04
const MAGIC = 0xed0cdaed
const VERSION = 2
const TRANSACTION = 2
const NO_FREELIST = 0xffffffffffffffffn
/** A bucket of more than this lies on pages of its own. Bytes. */
const MOST_INLINE = PAGE / 4

/** The bytes of a database with these buckets; the same for the same content. */
export function bboltFile(buckets: readonly BucketContent[]): Buffer {
  const pages: Pages = { written: [], next: FIRST_PAGE }
  const items = buckets.map(({ name, entries }): Item => {
    const content = inOrder(entries.map((e) => ({ ...e, isBucket: false })))
    return { key: Buffer.from(name), value: bucketValue(pages, content), isBucket: true }
  })
  const root = writeTree(pages, inOrder(items))
  const metas = [0, 1].map((id) => metaPage(id, { root, pages: pages.next, transaction: TRANSACTION - id }))
  return Buffer.concat([...metas, ...pages.written])
}

const inOrder = (items: Item[]): Item[] => items.toSorted((a, b) => Buffer.compare(a.key, b.key))

/** What stands for a bucket in its parent: the number of its first page, or the page itself where it is small. */
function bucketValue(pages: Pages, items: Item[]): Buffer {
  const header = Buffer.alloc(HEADER)
  const size = items.reduce((sum, item) => sum + leafSize(item), HEADER)
  if (size <= MOST_INLINE) return Buffer.concat([header, leafPage(0, items, size)])
  header.writeUInt32LE(writeTree(pages, items))
  return header
}

/** Writes a tree from its leaves up; returns the number of its first page. */
function writeTree(pages: Pages, items: Item[]): number {
  const groups = items.length > 0 ? grouped(items, leafSize) : [[]]
  let level = groups.map((group) => write(pages, group[0]?.key ?? Buffer.alloc(0), (id) => leafPage(id, group, PAGE)))
  while (level.length > 1)
    level = grouped(level, ({ key }) => ELEMENT + key.length).map((group) =>
      write(pages, group[0]?.key as Buffer, (id) => branchPage(id, group)),
    )
  return (level[0] as Child).id
}

const leafSize = ({ key, value }: Item): number => ELEMENT + key.length + value.length

/** Cuts a list so that each part fits on a page, or is a single one that does not. */
function grouped<T>(list: readonly T[], sizeOf: (one: T) => number): T[][] {
  const groups: T[][] = []
  let size = Number.POSITIVE_INFINITY
  for (const one of list) {
    if (size + sizeOf(one) > PAGE) {
      groups.push([])
      size = HEADER
    }
    groups.at(-1)?.push(one)
    size += sizeOf(one)
  }
  return groups
}

function write(pages: Pages, key: Buffer, page: (id: number) => Buffer): Child {
  const id = pages.next
  const bytes = page(id)
  pages.written.push(bytes)
  pages.next += bytes.length / PAGE
  return { key, id }
}

function leafPage(id: number, items: readonly Item[], unit: number): Buffer {
  const used = items.reduce((sum, item) => sum + leafSize(item), HEADER)
  const bytes = newPage(id, LEAF, items.length, Math.ceil(used / unit) * unit)
  let at = HEADER + items.length * ELEMENT
  for (const [i, { key, value, isBucket }] of items.entries()) {
    const element = HEADER + i * ELEMENT
    bytes.writeUInt32LE(isBucket ? 1 : 0, element)
    bytes.writeUInt32LE(at - element, element + 4)
    bytes.writeUInt32LE(key.length, element + 8)
    bytes.writeUInt32LE(value.length, element + 12)
    at += key.copy(bytes, at)
    at += value.copy(bytes, at)
  }
  return bytes
}

function branchPage(id: number, children: readonly Child[]): Buffer {
  const bytes = newPage(id, BRANCH, children.length, PAGE)
  let at = HEADER + children.length * ELEMENT
  for (const [i, child] of children.entries()) {
    const element = HEADER + i * ELEMENT
    bytes.writeUInt32LE(at - element, element)
    bytes.writeUInt32LE(child.key.length, element + 4)
    bytes.writeUInt32LE(child.id, element + 8)
    at += child.key.copy(bytes, at)
  }
  return bytes
}

function newPage(id: number, flags: number, count: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  bytes.writeUInt32LE(id, 0)
  bytes.writeUInt16LE(flags, 8)
  bytes.writeUInt16LE(count, 10)
  bytes.writeUInt32LE(Math.max(0, Math.ceil(size / PAGE) - 1), 12)
  return bytes
}

function metaPage(id: number, meta: { root: number; pages: number; transaction: number }): Buffer {
  const bytes = newPage(id, META, 0, PAGE)
  const fields = bytes.subarray(HEADER, HEADER + 56)
  fields.writeUInt32LE(MAGIC, 0)
  fields.writeUInt32LE(VERSION, 4)
  fields.writeUInt32LE(PAGE, 8)
  fields.writeUInt32LE(meta.root, 16)
  fields.writeBigUInt64LE(NO_FREELIST, 32)
  fields.writeUInt32LE(meta.pages, 40)
  fields.writeUInt32LE(meta.transaction, 48)
  bytes.writeBigUInt64LE(fnv1a(fields), HEADER + 56)
  return bytes
}
