import { createHash } from 'node:crypto'
import { appendFileSync, createReadStream, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { realSystem } from '../../src/cli/place.ts'
import { readMeta } from '../../src/observe/snapshot/bbolt-meta.ts'
import { checkSnapshot, type SnapshotCheck } from '../../src/observe/snapshot/check.ts'
import { etcdSnapshot, type SnapshotObject } from '../../src/practice/snapshot.ts'
import { ETCD_VERSIONS, Etcd, type EtcdVersion, endEtcds, restore, statusOf } from './support/etcd.ts'

/** Our reading of a snapshot against the tools of etcd itself, in both versions that Talos brings. Needs the binaries and no cluster. */

const folder = mkdtempSync(join(tmpdir(), 'tp-snapshots-'))
const { files } = realSystem({ env: {}, cwd: folder })
afterEach(endEtcds)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const at = (name: string): string => join(folder, name)
const check = (path: string): Promise<SnapshotCheck> => checkSnapshot(files, path)
async function factsOf(path: string) {
  const result = await check(path)
  if (!result.ok) throw new Error(result.reason)
  return result.facts
}
const plain = (value: string): string => `k8s\0${value}`
const sealed = (value: string): string => `k8s:enc:secretbox:v1:key2:${value}`

/** What both versions of etcdutl say of a file is what we say. */
async function agrees(path: string) {
  const facts = await factsOf(path)
  const ours = {
    hash: Number.parseInt(facts.hash, 16),
    revision: facts.revision,
    totalKey: facts.keys,
    totalSize: facts.databaseBytes,
    version: facts.storageVersion ?? '',
  }
  for (const version of ETCD_VERSIONS) expect(statusOf(version, path), `etcdutl ${version}`).toEqual(ours)
  return facts
}

async function taken(etcd: Etcd, name: string) {
  await etcd.snapshot(at(name))
  return agrees(at(name))
}

describe.each(ETCD_VERSIONS)('etcd %s', (version) => {
  it('keeps a Secret in plain text, which we name; its members and versions are known', async () => {
    const etcd = await Etcd.start(version)
    await etcd.put('/registry/secrets/default/plain', plain('sw0rdfish'))
    await etcd.put('/registry/secrets/default/sealed', sealed('x'))
    await etcd.put('/registry/namespaces/kube-system', JSON.stringify({ metadata: { uid: '6f1f2a52-7a0e-4f0c-9d0b-2f6f0f1c8a11' } }))
    const storageVersion = await etcd.storageVersion()
    const facts = await taken(etcd, 'plain')
    expect(storageVersion).toBe(`${version}.0`)
    expect(facts).toMatchObject({
      keys: 3,
      revision: 4,
      etcdVersion: `${version}.0`,
      storageVersion,
      members: await etcd.members(),
      kubeSystemUid: '6f1f2a52-7a0e-4f0c-9d0b-2f6f0f1c8a11',
      types: { namespaces: 1, secrets: 2 },
      secrets: { encrypted: { 'k8s:enc:secretbox:v1:key2:': 1 }, plain: ['default/plain'], olderPlainCount: 0 },
    })
    expect(JSON.stringify(facts)).not.toContain('sw0rdfish')
  })

  it('keeps what was rewritten and deleted until it is compacted', async () => {
    const etcd = await Etcd.start(version)
    for (let i = 0; i < 400; i++) await etcd.put(`/registry/configmaps/default/c${i % 150}`, plain(`${i} `.repeat(i * 5)))
    for (const name of ['rewritten', 'gone', 'back']) await etcd.put(`/registry/secrets/default/${name}`, plain(name))
    await etcd.put('/registry/secrets/default/rewritten', sealed('x'))
    for (const name of ['secrets/default/gone', 'secrets/default/back', 'configmaps/default/c7']) await etcd.remove(`/registry/${name}`)
    await etcd.put('/registry/secrets/default/back', sealed('y'))
    const before = await taken(etcd, 'before')
    expect(before).toMatchObject({ keys: 151, types: { configmaps: 149, secrets: 2 } })
    expect(before.secrets).toMatchObject({ plainCount: 0, olderPlain: ['default/back', 'default/gone', 'default/rewritten'] })
    await etcd.compact()
    const after = await taken(etcd, 'after')
    expect(after).toMatchObject({ keys: 151, revision: before.revision, types: before.types })
    expect(after.secrets).toEqual({ ...before.secrets, olderPlain: [], olderPlainCount: 0 })
  })
})

describe('a damaged snapshot', () => {
  let good: Buffer
  beforeAll(async () => {
    const etcd = await Etcd.start('3.7')
    for (let i = 0; i < 300; i++) await etcd.put(`/registry/configmaps/default/c${i}`, plain(`value ${i}.`))
    await taken(etcd, 'good')
    await endEtcds()
    good = readFileSync(at('good'))
  })

  const flipped = (bytes: Buffer, position: number): Buffer => {
    const copy = Buffer.from(bytes)
    copy.writeUInt8(copy.readUInt8(position) ^ 1, position)
    return copy
  }
  /** What etcdutl's status makes of it: a restore refuses all of them, status some, and it can end in a stack trace. */
  const VARIANTS: [string, string, 'passes' | 'fails' | 'either', (bytes: Buffer) => Buffer][] = [
    ['a byte flipped in the trailer', 'damaged', 'passes', (b) => flipped(b, b.length - 1)],
    ['a byte flipped in a value', 'damaged', 'passes', (b) => flipped(b, b.indexOf('value 42.'))],
    ['a byte flipped in the head of a page', 'damaged', 'fails', (b) => flipped(b, Number(b.readBigUInt64LE(32)) * 4096 + 8)],
    ['no trailer', 'raw-copy', 'passes', (b) => b.subarray(0, -32)],
    ['half of it gone', 'cut-short', 'fails', (b) => b.subarray(0, b.length / 2)],
    // its last page is one that nothing uses, or one that something does
    ['a page of it gone', 'cut-short', 'either', (b) => b.subarray(0, -4096)],
    ['nothing in it', 'empty', 'fails', () => Buffer.alloc(0)],
  ]
  it.each(VARIANTS)('with %s is refused by us and by a restore', async (_, code, status, damage) => {
    writeFileSync(at('damaged'), damage(good))
    expect(await check(at('damaged'))).toMatchObject({ ok: false, code })
    for (const version of ETCD_VERSIONS) {
      expect(restore(version, at('damaged')).code, `restore of ${version}`).not.toBe(0)
      const told = () => statusOf(version, at('damaged'))
      if (status === 'passes') expect(told).not.toThrow()
      if (status === 'fails') expect(told).toThrow()
    }
  })

  it('as a copy of the database of a member is refused', async () => {
    const etcd = await Etcd.start('3.6')
    await etcd.put('/registry/configmaps/default/c', plain('x'))
    expect(await check(await etcd.stop())).toMatchObject({ ok: false, code: 'raw-copy' })
  })
})

describe('the snapshot of practice', () => {
  const secret = (name: string, value: string, more: Partial<SnapshotObject> = {}): SnapshotObject => ({
    key: `/registry/secrets/${name}`,
    value: Buffer.from(value),
    ...more,
  })
  const INPUTS: [string, SnapshotObject[]][] = [
    ['of nothing', []],
    ['of a few objects', [secret('a/plain', plain('x')), secret('a/gone', plain('x'), { isDeleted: true })]],
    [
      'of values larger than a page',
      [secret('a/large', 'x'.repeat(3 << 20)), secret('a/rewritten', sealed('x'), { versions: [Buffer.alloc(9000)] })],
    ],
    ['of many objects', Array.from({ length: 30_000 }, (_, i) => secret(`a/${i}`, sealed('x'.repeat(i % 700))))],
  ]
  it.each(INPUTS)('%s is one for etcd', async (_, objects) => {
    const input = {
      revision: 70_000,
      members: [{ id: '8e9e05c52164694d', name: 'cp1' }],
      clusterVersion: '3.6.0',
      storageVersion: '3.6.0',
      objects,
    }
    writeFileSync(at('practice'), etcdSnapshot(input))
    expect(await agrees(at('practice'))).toMatchObject({ members: input.members, revision: objects.length > 0 ? 70_000 : 0 })
    for (const version of ETCD_VERSIONS) expect(restore(version, at('practice')), version).toMatchObject({ code: 0 })
  })
})

describe('a snapshot of a gigabyte', () => {
  /** Makes a snapshot of the database of an etcd that has ended, in place: it is cut to the pages in use, and gets its checksum. */
  async function finish(path: string): Promise<void> {
    const file = await files.open(path)
    const { database } = readMeta(file)
    await file.close()
    if (!database) throw new Error('no database')
    truncateSync(path, database.pages * database.pageSize)
    const hash = createHash('sha256')
    for await (const piece of createReadStream(path)) hash.update(piece as Buffer)
    appendFileSync(path, hash.digest())
  }

  it('is read in little memory, and leaves others their turn', async () => {
    const version: EtcdVersion = '3.7'
    const etcd = await Etcd.start(version, '/dev/shm')
    const keys = Array.from({ length: 1030 }, (_, i) => `/registry/configmaps/default/c${i}`)
    await etcd.putMany(keys, Buffer.from(plain('x'.repeat(1 << 20))))
    const path = await etcd.stop()
    await finish(path)
    const before = process.memoryUsage().rss
    let most = before
    let turns = 0
    const timer = setInterval(() => {
      turns++
      most = Math.max(most, process.memoryUsage().rss)
    }, 20)
    const facts = await factsOf(path).finally(() => clearInterval(timer))
    expect(facts.bytes).toBeGreaterThan(1 << 30)
    expect(facts).toMatchObject({ keys: 1030, types: { configmaps: 1030 } })
    expect(most - before).toBeLessThan(150 << 20)
    expect(turns).toBeGreaterThan(10)
    await agrees(path)
  })
})
