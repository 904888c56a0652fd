import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkSnapshot } from '../../src/observe/snapshot/check.ts'
import { etcdSnapshot, type SnapshotObject, snapshotHash } from '../../src/practice/snapshot.ts'
import { type Place, realPlace } from './real-system.ts'
import {
  CLUSTER,
  check,
  code,
  facts,
  MEMBERS,
  namespace,
  PAGE,
  plain,
  sealed,
  secret,
  snapshot,
  TRAILER,
  text,
  UID,
} from './snapshot-files.ts'

/** What etcdutl 3.6.14 and 3.7.3 print of the snapshot of the small cluster. */
const HASH = 'a3a81a39'

let place: Place
beforeEach(() => {
  place = realPlace()
})
afterEach(() => place.remove())
const at = (path: string): string => join(place.folder, path)

describe('a snapshot', () => {
  test('is known by its hash, its cluster and its objects', async () => {
    const bytes = snapshot()
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect(await facts(bytes)).toEqual({
      bytes: bytes.length,
      databaseBytes: bytes.length - TRAILER,
      sha256,
      hash: HASH,
      revision: 5000,
      keys: 302,
      etcdVersion: '3.6.0',
      storageVersion: '3.6.0',
      members: MEMBERS.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      kubeSystemUid: UID,
      types: { configmaps: 300, namespaces: 1, secrets: 1 },
      secrets: { encrypted: { 'k8s:enc:secretbox:v1:key2:': 1 }, plain: [], plainCount: 0, olderPlain: [], olderPlainCount: 0 },
    })
  })

  test('of practice has the hash that practice prints', async () => {
    const input = { revision: 5000, members: MEMBERS, clusterVersion: '3.6.0', storageVersion: '3.6.0', objects: CLUSTER }
    expect(snapshotHash(input)).toBe(HASH)
  })

  test('is the same from a disk', async () => {
    place.write(at('etcd.snapshot'), snapshot())
    expect(await checkSnapshot(place.system.files, at('etcd.snapshot'))).toEqual({ ok: true, facts: await facts(snapshot()) })
  })

  test('of an etcd without Kubernetes has no types, and is none the worse', async () => {
    const found = await facts(snapshot([{ key: 'greeting', value: text('hello') }]))
    expect(found).toMatchObject({ keys: 1, types: {} })
    expect(found).not.toHaveProperty('kubeSystemUid')
  })

  test('of an empty etcd and of an older one is one too', async () => {
    const bytes = etcdSnapshot({ revision: 1, members: [], clusterVersion: '3.5.0', objects: [] })
    const found = await facts(bytes)
    expect(found).toMatchObject({ keys: 0, revision: 0, etcdVersion: '3.5.0', members: [] })
    expect(found).not.toHaveProperty('storageVersion')
  })

  test('counts resources by name, and those of a group by both', async () => {
    const keys = [
      'deployments/a/b',
      'services/specs/a/b',
      'cilium.io/ciliumnodes/a',
      'cilium.io/ciliumnodes/b',
      'masterleases/10.5.0.2',
      'x.y',
    ]
    const found = await facts(snapshot(keys.map((key) => ({ key: `/registry/${key}`, value: plain('') }))))
    expect(found.types).toEqual({ 'cilium.io/ciliumnodes': 2, deployments: 1, masterleases: 1, services: 1, 'x.y': 1 })
  })

  test('holds values of any size', async () => {
    const sizes = [0, 1, 4000, PAGE, 100_000, (1 << 20) - 60, 1 << 20, 3 << 20, (4 << 20) + 1]
    const objects = sizes.map((size, i) => secret(`default/s${i}`, Buffer.concat([sealed(''), Buffer.alloc(size, i)])))
    const found = await facts(snapshot([...objects, secret('default/large', Buffer.alloc(5 << 20))]))
    expect(found.secrets).toMatchObject({ encrypted: { 'k8s:enc:secretbox:v1:key2:': sizes.length }, plain: ['default/large'] })
  })

  test.each([
    ['protobuf', namespace(UID), UID],
    ['JSON', text(JSON.stringify({ kind: 'Namespace', metadata: { uid: UID } })), UID],
    ['something else', plain('garbage'), undefined],
    ['a field that leads nowhere', Buffer.concat([plain(''), Buffer.from([0x12, 0x7f, 1])]), undefined],
    ['an uid that is none', namespace('sw0rdfish'), undefined],
    ['encrypted', sealed('x'), undefined],
  ])('knows the namespace kube-system from %s', async (_, value, uid) => {
    expect((await facts(snapshot([{ key: '/registry/namespaces/kube-system', value }]))).kubeSystemUid).toBe(uid)
  })
})

describe('Secrets', () => {
  const secretsOf = async (...objects: SnapshotObject[]) => (await facts(snapshot([...CLUSTER, ...objects]))).secrets

  test('in plain text are named', async () => {
    expect(
      await secretsOf(secret('default/plain', plain('sw0rdfish')), secret('kube-system/json', text('{"kind":"Secret"}'))),
    ).toMatchObject({
      plain: ['default/plain', 'kube-system/json'],
      plainCount: 2,
      olderPlainCount: 0,
    })
  })

  test('of which an older revision is plain are told apart', async () => {
    const found = await secretsOf(
      secret('default/rewritten', sealed('b'), { versions: [plain('a'), sealed('a')] }),
      secret('default/always', plain('b'), { versions: [plain('a')] }),
      secret('default/again', plain('c'), { versions: [plain('a'), sealed('b')] }),
      secret('default/never', sealed('b'), { versions: [sealed('a')] }),
    )
    expect(found).toMatchObject({
      plain: ['default/again', 'default/always'],
      plainCount: 2,
      olderPlain: ['default/rewritten'],
      olderPlainCount: 1,
    })
  })

  test('that were deleted count as older ones, and as objects no more', async () => {
    const found = await facts(
      snapshot([
        secret('default/gone', plain('a'), { isDeleted: true }),
        secret('default/sealed-and-gone', sealed('a'), { isDeleted: true }),
        secret('default/here', sealed('a')),
      ]),
    )
    expect(found).toMatchObject({ keys: 1, types: { secrets: 1 } })
    expect(found.secrets).toMatchObject({ plainCount: 0, olderPlain: ['default/gone'], olderPlainCount: 1 })
  })

  test('are counted by how they are encrypted now', async () => {
    const aescbc = 'k8s:enc:aescbc:v1:key1:'
    const found = await secretsOf(
      secret('default/a', sealed('new'), { versions: [sealed('old', aescbc)] }),
      secret('default/b', sealed('old', aescbc)),
      secret('default/c', sealed('x', 'k8s:enc:kms:v2:vault:')),
      secret('default/d', text('k8s:enc:something that nobody knows')),
    )
    expect(found.encrypted).toEqual({ 'k8s:enc:': 1, [aescbc]: 1, 'k8s:enc:kms:v2:vault:': 1, 'k8s:enc:secretbox:v1:key2:': 2 })
  })

  test('are all counted, and the first twenty of each kind named', async () => {
    const many = (name: string, more: (i: number) => Partial<SnapshotObject> & { value: Buffer }) =>
      Array.from({ length: 30 }, (_, i) => ({ key: `/registry/secrets/default/${name}${i + 10}`, ...more(i) }))
    const found = await secretsOf(
      ...many('plain', () => ({ value: plain('') })),
      ...many('old', () => ({ value: sealed(''), versions: [plain('')] })),
    )
    expect([found.plainCount, found.olderPlainCount]).toEqual([30, 30])
    expect(found.plain).toEqual(Array.from({ length: 20 }, (_, i) => `default/plain${i + 10}`))
    expect(found.olderPlain).toEqual(Array.from({ length: 20 }, (_, i) => `default/old${i + 10}`))
  })

  test('give nothing away but their names and how they are encrypted', async () => {
    const found = await facts(
      snapshot([
        secret('default/a', plain('sw0rdfish')),
        secret('default/b\u001b[31m\nred', plain('sw0rdfish'), { versions: [sealed('sw0rdfish', 'k8s:enc:')] }),
        secret('default/c', sealed('sw0rdfish', `k8s:enc:${'x'.repeat(300)}:v1:key:`)),
        { key: '/registry/namespaces/kube-system', value: namespace('sw0rdfish') },
      ]),
    )
    expect(JSON.stringify(found)).not.toContain('sw0rdfish')
    expect(found.secrets.plain).toEqual(['default/a', 'default/b red'])
    expect(found.secrets.encrypted).toEqual({ 'k8s:enc:': 1 })
  })
})

describe('a damaged file', () => {
  const good = snapshot()
  const flipped = (position: number): Buffer => {
    const bytes = Buffer.from(good)
    bytes[position < 0 ? bytes.length + position : position] = (bytes.at(position) as number) ^ 1
    return bytes
  }

  test.each([
    ['in a page', flipped(2 * PAGE + 20), 'damaged'],
    ['in a value', flipped(good.indexOf('value 42')), 'damaged'],
    ['in the free end of a page', flipped(3 * PAGE - 1), 'damaged'],
    ['in the trailer', flipped(-1), 'damaged'],
    ['in the first meta page', flipped(16), 'damaged'],
    ['in the first page size', flipped(25), 'damaged'],
    ['in the second meta page', flipped(PAGE + 16), 'damaged'],
  ])('with a byte flipped %s is refused', async (_, bytes, expected) => {
    expect(await code(bytes)).toBe(expected)
  })

  test.each([
    ['without its trailer', good.subarray(0, -TRAILER), 'raw-copy', /member\/snap\/db/],
    ['cut to half', good.subarray(0, good.length / 2), 'cut-short', /cut short/],
    ['cut by a page', good.subarray(0, good.length - PAGE), 'cut-short', /cut short/],
    ['cut by a byte', good.subarray(0, -1), 'no-trailer', /does not end with the checksum/],
    ['with something behind it', Buffer.concat([good, text('\n')]), 'no-trailer', /added/],
    ['that a store has begun only', good.subarray(0, 60), 'foreign', /no etcd snapshot/],
    ['of nothing', Buffer.alloc(0), 'empty', /is empty/],
    ['of zeros', Buffer.alloc(good.length), 'foreign', /no etcd snapshot/],
    ['of random bytes', createHash('sha512').update('x').digest(), 'foreign', /no etcd snapshot/],
    ['of SQLite', Buffer.concat([text('SQLite format 3\0'), Buffer.alloc(2 * PAGE + 16)]), 'foreign', /no etcd snapshot/],
    ['that was packed', gzipSync(good), 'foreign', /no etcd snapshot/],
  ])('%s is refused in its own words', async (_, bytes, expected, words) => {
    expect(await check(bytes)).toMatchObject({ ok: false, code: expected, reason: expect.stringMatching(words) })
  })

  test('that is not there, or not a file, is not waited for', async () => {
    mkdirSync(at('folder'))
    execFileSync('sh', ['-c', 'mkfifo "$0"', at('pipe')])
    const reason = async (path: string) => {
      const result = await checkSnapshot(place.system.files, at(path))
      return result.ok ? 'ok' : result.reason
    }
    expect(await reason('nothing')).toBe('the file could not be read: ENOENT')
    expect(await reason('folder')).toBe('the file could not be read: ENOTFILE')
    expect(await reason('pipe')).toBe('the file could not be read: ENOTFILE')
  })

  test('that shrinks while it is read is refused', async () => {
    place.write(at('etcd.snapshot'), good)
    const onProgress = () => truncateSync(at('etcd.snapshot'), PAGE * 3)
    expect(await checkSnapshot(place.system.files, at('etcd.snapshot'), { onProgress })).toMatchObject({ code: 'unreadable' })
  })

  test('is refused whichever byte is flipped', async () => {
    const position = fc.integer({ min: 0, max: good.length - 1 })
    await fc.assert(
      fc.asyncProperty(position, fc.integer({ min: 1, max: 255 }), async (i, by) => {
        const bytes = Buffer.from(good)
        bytes[i] = (bytes[i] as number) ^ by
        expect(await code(bytes)).toBe('damaged')
      }),
      { numRuns: 500 },
    )
  })

  test('is refused wherever it is cut', async () => {
    const lengths = fc.oneof(
      fc.integer({ min: 0, max: good.length - 1 }),
      fc.integer({ min: 0, max: Math.floor(good.length / 512) - 1 }).map((n) => n * 512 + TRAILER),
    )
    await fc.assert(
      fc.asyncProperty(lengths, async (length) => {
        expect(['empty', 'foreign', 'cut-short', 'raw-copy', 'no-trailer']).toContain(await code(good.subarray(0, length)))
      }),
      { numRuns: 500 },
    )
  })
})
