import { createHash, randomBytes } from 'node:crypto'
import { plainLine } from '../../contract.ts'
import { crc32c, crcText } from '../../domain/checksums.ts'
import type { SnapshotFacts, SnapshotProblem } from '../../domain/snapshot.ts'
import type { Files, RandomAccess } from '../../system/ports.ts'
import { type Bucket, bucketsOf, type Database, type Entry, newPass, type Pass, walk } from './bbolt.ts'
import { readMeta } from './bbolt-meta.ts'
import { problemOf, type SnapshotRefusal } from './problems.ts'
import { Refused, type Turn } from './refused.ts'
import { newRevision, readRevision } from './revision.ts'
import { countRevision, hasAllNames, type Names, nameSecret, newTally, secretsOf, type Tally, typesOf } from './tally.ts'

/**
 * Checks an etcd snapshot: that it is whole, byte for byte, and what is in it. Two looks: every byte for the checksum at the end, then
 * every page of the database. No content of an object leaves this file.
 * https://github.com/etcd-io/etcd/blob/v3.6.0/etcdutl/snapshot/v3_snapshot.go
 */

export interface SnapshotOptions {
  signal?: AbortSignal
  /** Both in bytes. A file is read twice, so that the total is twice its size. */
  onProgress?: (done: number, total: number) => void
}

export type SnapshotCheck = { ok: true; facts: SnapshotFacts } | SnapshotRefusal

/** SHA-256 of everything before it. */
const TRAILER_BYTES = 32
/** The part of a page that a disk writes at once; a database is a whole number of them. */
const SECTOR = 512
const PIECE_BYTES = 1 << 20
/** Milliseconds of work, after which others get their turn. */
const AT_ONCE_MS = 10
const MOST_MEMBERS = 100
/** Bytes. A member is its name and a few addresses. */
const MOST_MEMBER = 1 << 16

/** Checks a file. Nothing is thrown: what is wrong with it, or with reading it, is the answer. */
export async function checkSnapshot(files: Pick<Files, 'open'>, path: string, options: SnapshotOptions = {}): Promise<SnapshotCheck> {
  let file: RandomAccess | undefined
  try {
    file = await files.open(path)
    return { ok: true, facts: await check(file, options) }
  } catch (error) {
    return error instanceof Refused ? problemOf(error.code) : problemOf('unreadable', (error as NodeJS.ErrnoException).code ?? 'error')
  } finally {
    await file?.close()
  }
}

async function check(file: RandomAccess, options: SnapshotOptions): Promise<SnapshotFacts> {
  const total = file.size * 2
  let done = () => 0
  const turn = newTurn(options.signal, () => options.onProgress?.(Math.min(done(), total), total))
  await turn.pause()
  const { isDatabase, database } = readMeta(file)
  const trailer = lengthProblem(file, isDatabase, database)
  if (trailer) throw new Refused(trailer)
  let hashed = 0
  done = () => hashed
  const sha256 = await checkTrailer(file, turn, (bytes) => {
    hashed += bytes
  })
  if (!database) throw new Refused('no-meta')
  const pass = newPass(database, turn)
  done = () => file.size + pass.done
  const facts = await look(pass)
  options.onProgress?.(total, total)
  return { bytes: file.size, databaseBytes: database.pages * database.pageSize, sha256, ...facts }
}

/** What the length of a file says against it, before any of it is hashed. */
function lengthProblem(file: RandomAccess, isDatabase: boolean, database: Database | undefined): SnapshotProblem | undefined {
  if (file.size === 0) return 'empty'
  if (!isDatabase) return 'foreign'
  const isTrailed = file.size % SECTOR === TRAILER_BYTES
  if (!database) return isTrailed ? undefined : 'no-meta'
  const needed = database.pages * database.pageSize
  if (file.size < needed) return 'cut-short'
  if (file.size % SECTOR === 0) return 'raw-copy'
  return isTrailed ? undefined : 'no-trailer'
}

/** Compares the end of a file with the hash of the rest; returns the hash of the whole file in hex. */
async function checkTrailer(file: RandomAccess, turn: Turn, read: (bytes: number) => void): Promise<string> {
  const hash = createHash('sha256')
  const piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
  const end = file.size - TRAILER_BYTES
  for (let at = 0; at < end; at += PIECE_BYTES) {
    const part = piece.subarray(0, Math.min(PIECE_BYTES, end - at))
    file.read(part, at)
    hash.update(part)
    read(part.length)
    if (turn.due()) await turn.pause()
  }
  const trailer = Buffer.alloc(TRAILER_BYTES)
  file.read(trailer, end)
  if (!hash.copy().digest().equals(trailer)) throw new Refused('damaged')
  return hash.update(trailer).digest('hex')
}

type Content = Omit<SnapshotFacts, 'bytes' | 'databaseBytes' | 'sha256'>

/** Walks every bucket in order, as the checksum of etcd's tools does. */
async function look(pass: Pass): Promise<Content> {
  const tally = newTally(randomBytes(8))
  const members: SnapshotFacts['members'] = []
  const versions = new Map<string, string>()
  const buckets = await bucketsOf(pass)
  for (const bucket of buckets) {
    const name = Buffer.from(bucket.name, 'latin1')
    pass.crc = crc32c(pass.crc, name, new DataView(name.buffer, name.byteOffset, name.length), 0, name.length)
    if (bucket.name === 'key') await walk(pass, bucket, counter(tally), true)
    else await walk(pass, bucket, (entry) => noted(bucket, entry, members, versions), true)
  }
  const keys = buckets.find((b) => b.name === 'key')
  if (!keys) throw new Refused('no-keys')
  const names = await namesOf(pass, keys, tally)
  const etcdVersion = versions.get('clusterVersion')
  const storageVersion = versions.get('storageVersion')
  return {
    hash: crcText(pass.crc),
    revision: tally.revision,
    keys: tally.keys,
    ...(etcdVersion ? { etcdVersion } : {}),
    ...(storageVersion ? { storageVersion } : {}),
    members,
    ...(tally.kubeSystemUid ? { kubeSystemUid: tally.kubeSystemUid } : {}),
    types: typesOf(tally),
    secrets: secretsOf(tally, names),
  }
}

function counter(tally: Tally): (entry: Entry) => boolean {
  const revision = newRevision()
  return (entry) => {
    readRevision(entry, revision)
    countRevision(tally, revision)
    return true
  }
}

/** Names are not held for every key, so that naming some takes a second look. */
async function namesOf(pass: Pass, keys: Bucket, tally: Tally): Promise<Names> {
  const names: Names = { plain: [], olderPlain: [] }
  const revision = newRevision()
  const visit = (entry: Entry): boolean => {
    readRevision(entry, revision)
    return nameSecret(tally, names, revision)
  }
  if (!hasAllNames(tally, names)) await walk(newPass(pass.database, pass.turn), keys, visit, false)
  return names
}

/**
 * Notes members and versions of the small buckets.
 * https://github.com/etcd-io/etcd/blob/v3.6.0/server/storage/schema/bucket.go and membership.go
 */
function noted(bucket: Bucket, entry: Entry, members: SnapshotFacts['members'], versions: Map<string, string>): boolean {
  const { bytes, key, keyEnd, valueEnd, valueSize } = entry
  if (entry.isBucket) throw new Refused('entry-broken')
  if (valueSize > MOST_MEMBER || keyEnd - key > SECTOR) return true
  const name = bytes.toString('latin1', key, keyEnd)
  const value = () => bytes.toString('utf8', keyEnd, valueEnd)
  if (bucket.name === 'members') {
    if (members.length < MOST_MEMBERS && /^[0-9a-f]{1,16}$/.test(name)) members.push({ id: name, name: memberName(value()) })
  } else if ((bucket.name === 'cluster' && name === 'clusterVersion') || (bucket.name === 'meta' && name === 'storageVersion')) {
    const version = value()
    if (/^\d+\.\d+\.\d+[\w.+-]{0,30}$/.test(version)) versions.set(name, version)
  }
  return true
}

function memberName(json: string): string {
  try {
    const name: unknown = JSON.parse(json)?.name
    return typeof name === 'string' ? plainLine(name, 100) : ''
  } catch {
    return ''
  }
}

/** @param tell is called at each pause */
function newTurn(signal: AbortSignal | undefined, tell: () => void): Turn {
  let since = performance.now()
  return {
    due: () => performance.now() - since >= AT_ONCE_MS,
    pause: async () => {
      if (signal?.aborted) throw new Refused('stopped')
      tell()
      await new Promise<void>((done) => setImmediate(done))
      if (signal?.aborted) throw new Refused('stopped')
      since = performance.now()
    },
  }
}
