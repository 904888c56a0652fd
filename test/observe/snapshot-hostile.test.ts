import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { etcdSnapshot } from '../../src/practice/snapshot.ts'
import {
  branchOf,
  CLUSTER,
  code,
  facts,
  forged,
  forgedMeta,
  leafOf,
  PAGE,
  plain,
  rootOf,
  sealed,
  secret,
  snapshot,
  TRAILER,
} from './snapshot-files.ts'

/** Snapshots whose checksum holds and whose content was made to do harm: each gets an answer, soon, and in little room. */

describe('a hostile file', () => {
  const good = snapshot()
  const both = (database: Buffer) => [branchOf(database), leafOf(database)] as const

  test.each<[string, string, (branch: Buffer, leaf: Buffer, database: Buffer) => unknown]>([
    ['a page behind the end', 'page-outside', (branch) => branch.writeBigUInt64LE(1_000_000n, 24)],
    ['a page that no number is for', 'page-outside', (branch) => branch.writeBigUInt64LE(0xffffffffffffffffn, 24)],
    ['a meta page below a branch', 'page-outside', (branch) => branch.writeBigUInt64LE(1n, 24)],
    ['a branch below itself', 'page-broken', (branch) => branch.writeBigUInt64LE(branch.readBigUInt64LE(0), 24)],
    ['a page twice', 'page-broken', (branch) => branch.writeBigUInt64LE(branch.readBigUInt64LE(24), 40)],
    ['a page with the number of another', 'page-broken', (_, leaf) => leaf.writeBigUInt64LE(4n, 0)],
    ['a page of no kind', 'page-broken', (_, leaf) => leaf.writeUInt16LE(3, 8)],
    ['a branch of nothing', 'page-broken', (branch) => branch.writeUInt16LE(0, 10)],
    ['more branches than fit', 'page-broken', (branch) => branch.writeUInt16LE(0xffff, 10)],
    ['more entries than fit', 'page-broken', (_, leaf) => leaf.writeUInt16LE(0xffff, 10)],
    ['a page that is larger than the file', 'page-outside', (_, leaf) => leaf.writeUInt32LE(0xffffffff, 12)],
    ['a page that is larger than its place', 'page-broken', (_, leaf) => leaf.writeUInt32LE(1, 12)],
    ['a key of a branch past its page', 'page-broken', (branch) => branch.writeUInt32LE(0xfffffff0, 16)],
    ['a key of a branch without end', 'page-broken', (branch) => branch.writeUInt32LE(0xffffffff, 20)],
    ['an entry past its page', 'page-broken', (_, leaf) => leaf.writeUInt32LE(0xfffffff0, 20)],
    ['an entry in the table of entries', 'page-broken', (_, leaf) => leaf.writeUInt32LE(0, 20)],
    ['an entry on another', 'page-broken', (_, leaf) => leaf.writeUInt32LE(leaf.readUInt32LE(20) - 16, 36)],
    ['a key without bytes', 'page-broken', (_, leaf) => leaf.writeUInt32LE(0, 24)],
    ['a key without end', 'page-broken', (_, leaf) => leaf.writeUInt32LE(0xffffffff, 24)],
    ['a value without end', 'page-broken', (_, leaf) => leaf.writeUInt32LE(0xffffffff, 28)],
    ['keys that fall', 'page-broken', (_, leaf) => leaf.writeUInt8(1, 16 + leaf.readUInt32LE(20) + 3)],
    ['a leaf whose keys belong elsewhere', 'page-broken', (branch) => branch.writeUInt8(1, 16 + branch.readUInt32LE(16))],
    ['a bucket among the keys', 'entry-broken', (_, leaf) => leaf.writeUInt32LE(1, 16)],
    ['a key that is no revision', 'entry-broken', (_, leaf) => leaf.writeUInt8(0x7e, 16 + leaf.readUInt32LE(20) + 8)],
    ['a value that is no message', 'entry-broken', (_, leaf) => leaf.writeUInt8(0x7f, 16 + leaf.readUInt32LE(20) + 17)],
    ['a field past its value', 'entry-broken', (_, leaf) => leaf.writeUInt8(0x7f, 16 + leaf.readUInt32LE(20) + 18)],
    [
      'no bucket for the keys',
      'no-keys',
      (_b, _l, database) => database.write('kez', rootOf(database).byteOffset - database.byteOffset + keyAt(database)),
    ],
    ['a key beside the buckets', 'page-broken', (_b, _l, database) => rootOf(database).writeUInt32LE(0, 16)],
    ['no meta page that holds', 'no-meta', (_b, _l, database) => [16 + 60, PAGE + 16 + 60].map((i) => database.writeUInt32LE(0, i))],
  ])('with %s is refused', async (_, expected, change) => {
    expect(await code(forged(good, (database) => change(...both(database), database)))).toBe(expected)
  })

  /** Where the name `key` stands on the page of the root. */
  const keyAt = (database: Buffer): number => rootOf(database).indexOf('key')

  test.each<[string, string, (meta: Buffer) => unknown]>([
    ['more pages than the file', 'cut-short', (meta) => meta.writeBigUInt64LE(0xffffffffffffn, 40)],
    ['fewer pages than it needs', 'page-outside', (meta) => meta.writeBigUInt64LE(3n, 40)],
    ['no pages', 'page-outside', (meta) => meta.writeBigUInt64LE(0n, 40)],
    ['a root that is no page', 'page-outside', (meta) => meta.writeBigUInt64LE(0xffffffffffffffffn, 16)],
    ['a root that is a meta page', 'page-broken', (meta) => meta.writeBigUInt64LE(0n, 16)],
    ['pages of no size', 'no-meta', (meta) => meta.writeUInt32LE(0, 8)],
    ['pages of an odd size', 'no-meta', (meta) => meta.writeUInt32LE(4095, 8)],
    ['pages as large as memory', 'no-meta', (meta) => meta.writeUInt32LE(0x80000000, 8)],
    ['another layout', 'no-meta', (meta) => meta.writeUInt32LE(3, 4)],
  ])('that claims %s is refused', async (_, expected, change) => {
    expect(await code(forgedMeta(good, change))).toBe(expected)
  })

  test('whose branches go down without end is refused', async () => {
    const deep = 1000
    const pages = Array.from({ length: deep }, (_, i) => {
      const page = Buffer.alloc(PAGE)
      page.writeUInt32LE(2 + i, 0)
      page.writeUInt16LE(1, 8)
      page.writeUInt16LE(1, 10)
      page.writeUInt32LE(16, 16)
      page.writeUInt32LE(1, 20)
      page.writeUInt32LE(3 + i, 24)
      return page
    })
    const bytes = Buffer.concat([good.subarray(0, 2 * PAGE), ...pages, Buffer.alloc(PAGE + TRAILER)])
    const claims = (meta: Buffer) => {
      meta.writeUInt32LE(2, 16)
      meta.writeUInt32LE(deep + 3, 40)
    }
    expect(await code(forgedMeta(bytes, claims))).toBe('page-broken')
  })

  test('with a number of resources and prefixes that no cluster has is counted in little room', async () => {
    const objects = Array.from({ length: 3000 }, (_, i) => ({ key: `/registry/${'r'.repeat(500)}${i}/${i}/x`, value: plain('') }))
    const resources = Array.from({ length: 3000 }, (_, i) => ({ key: `/registry/r${i}/x`, value: plain(''), isDeleted: i % 2 === 0 }))
    const secrets = Array.from({ length: 200 }, (_, i) => secret(`a/${i}`, sealed('', `k8s:enc:kms:v2:k${i}:`)))
    const found = await facts(
      etcdSnapshot({ revision: 50_000, members: [], clusterVersion: '3.6.0', objects: [...secrets, ...objects, ...resources] }),
    )
    const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0)
    expect([sum(found.types), sum(found.secrets.encrypted)]).toEqual([200 + 3000 + 1500, 200])
    expect(Object.keys(found.types).length).toBeLessThanOrEqual(1001)
    expect(Object.keys(found.secrets.encrypted).length).toBeLessThanOrEqual(60)
    expect(JSON.stringify(found).length).toBeLessThan(50_000)
  })

  test('gives an answer whatever is in it', async () => {
    const small = snapshot([...CLUSTER.slice(0, 120), secret('default/plain', Buffer.concat([plain(''), Buffer.alloc(2 * PAGE)]))])
    const byte = fc.tuple(fc.integer({ min: 0, max: small.length - TRAILER - 1 }), fc.integer({ min: 0, max: 255 }))
    const inHeader = fc
      .tuple(
        fc.integer({ min: 2, max: Math.floor(small.length / PAGE) - 1 }),
        fc.integer({ min: 0, max: 95 }),
        fc.constantFrom(0, 1, 2, 16, 0x7f, 0xff),
      )
      .map(([page, i, value]) => [page * PAGE + i, value] as const)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(byte, inHeader), { minLength: 1, maxLength: 8 }), async (changes) => {
        const bytes = forged(small, (database) => {
          for (const [i, value] of changes) database[i] = value
        })
        expect(await code(bytes)).not.toBe('unreadable')
      }),
      { numRuns: 2000 },
    )
  })

  test('of garbage is refused, with the magic number of a database and without', async () => {
    const magic = Buffer.from([0xed, 0xda, 0x0c, 0xed, 2, 0, 0, 0, 0, 0x10, 0, 0])
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 20_000 }), fc.boolean(), async (garbage, isMarked) => {
        const bytes = Buffer.from(garbage)
        if (isMarked) magic.copy(bytes, Math.min(16, bytes.length))
        expect(['ok', 'unreadable']).not.toContain(await code(bytes))
      }),
      { numRuns: 300 },
    )
  })
})
