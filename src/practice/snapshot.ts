import { createHash } from 'node:crypto'
import { CRC_START, crc32c, crcText } from '../domain/checksums.ts'
import { type BucketContent, bboltFile } from './bbolt.ts'

/**
 * The etcd snapshot of a simulated cluster, as `talosctl etcd snapshot` writes one: a database and its SHA-256.
 * https://github.com/etcd-io/etcd/blob/v3.6.0/server/storage/schema/bucket.go
 */

export interface SnapshotObject {
  /** As kube-apiserver lays it out, e.g. `/registry/secrets/default/token`. */
  key: string
  value: Buffer
  /** Earlier values that have not been compacted away, oldest first. */
  versions?: readonly Buffer[]
  /** It was deleted after all that. */
  isDeleted?: boolean
}

export interface SnapshotInput {
  /** The newest revision; what happened before counts down from here. */
  revision: number
  /** `id` in hex. */
  members: readonly { id: string; name: string }[]
  clusterVersion: string
  /** Absent for an etcd before 3.6. */
  storageVersion?: string
  objects: readonly SnapshotObject[]
}

interface Change {
  object: SnapshotObject
  /** Absent for a deletion. */
  value?: Buffer
  /** Counts the changes of its object, from 1 on. */
  version: number
}

const BUCKETS = ['alarm', 'auth', 'authRoles', 'authUsers', 'cluster', 'key', 'lease', 'members', 'members_removed', 'meta']
const TERM = 2

/**
 * The bytes of a snapshot; the same for the same input. Changes lie in the order of the objects, earlier values before all newest
 * ones, deletions last.
 * @throws RangeError where there are more changes than revisions
 */
export function etcdSnapshot(input: SnapshotInput): Buffer {
  const database = bboltFile(bucketsOf(input))
  return Buffer.concat([database, createHash('sha256').update(database).digest()])
}

/** The hash that talosctl and etcdutl print of `etcdSnapshot` of the same input: eight hex digits. @throws RangeError as it does */
export function snapshotHash(input: SnapshotInput): string {
  const pieces = bucketsOf(input).flatMap(({ name, entries }) => [
    Buffer.from(name),
    ...entries.toSorted((a, b) => Buffer.compare(a.key, b.key)).flatMap(({ key, value }) => [key, value]),
  ])
  const crc = pieces.reduce(
    (sum, bytes) => crc32c(sum, bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length),
    CRC_START,
  )
  return crcText(crc)
}

/** In the order of their names. */
function bucketsOf(input: SnapshotInput): BucketContent[] {
  const content: Record<string, BucketContent['entries']> = {
    auth: [entry('authRevision', u64(1))],
    cluster: [entry('clusterVersion', input.clusterVersion)],
    key: revisions(input),
    members: input.members.map(member),
    meta: meta(input),
  }
  return BUCKETS.map((name) => ({ name, entries: content[name] ?? [] }))
}

const entry = (key: string, value: string | Buffer) => ({ key: Buffer.from(key), value: Buffer.from(value) })

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

const decimal = (id: string): string => BigInt(`0x${id}`).toString()

/** A member as JSON; its id is a number that JavaScript cannot hold. */
function member({ id, name }: SnapshotInput['members'][number]): { key: Buffer; value: Buffer } {
  const rest = JSON.stringify({ peerURLs: [`https://${name}:2380`], name, clientURLs: [`https://${name}:2379`] })
  return entry(id, `{"id":${decimal(id)},${rest.slice(1)}`)
}

function meta({ members, revision, storageVersion }: SnapshotInput): BucketContent['entries'] {
  return [
    entry('confState', `{"voters":[${members.map((m) => decimal(m.id)).join(',')}],"auto_leave":false}`),
    entry('consistent_index', u64(revision + members.length)),
    entry('term', u64(TERM)),
    ...(storageVersion ? [entry('storageVersion', storageVersion)] : []),
  ]
}

function revisions({ objects, revision }: SnapshotInput): BucketContent['entries'] {
  const changes = changesOf(objects)
  const first = revision - changes.length + 1
  // an empty etcd is at revision 1
  if (first < 2) throw new RangeError(`${changes.length} changes do not fit below revision ${revision}`)
  const created = new Map<SnapshotObject, number>()
  return changes.map((change, i) => {
    const main = first + i
    if (!created.has(change.object)) created.set(change.object, main)
    const mark = change.value ? [] : [Buffer.from('t')]
    return {
      key: Buffer.concat([u64(main), Buffer.from('_'), u64(0), ...mark]),
      value: keyValue(change, created.get(change.object) ?? main, main),
    }
  })
}

function changesOf(objects: readonly SnapshotObject[]): Change[] {
  const earlier = objects.flatMap((object) => (object.versions ?? []).map((value, i) => ({ object, value, version: i + 1 })))
  const newest = objects.map((object) => ({ object, value: object.value, version: (object.versions?.length ?? 0) + 1 }))
  const deleted = objects.filter((o) => o.isDeleted).map((object) => ({ object, version: 0 }))
  return [...earlier, ...newest, ...deleted]
}

/** https://github.com/etcd-io/etcd/blob/v3.6.0/api/mvccpb/kv.proto; a deletion has nothing but its key. */
function keyValue({ object, value, version }: Change, created: number, main: number): Buffer {
  const key = bytesField(1, Buffer.from(object.key))
  if (!value) return key
  return Buffer.concat([key, numberField(2, created), numberField(3, main), numberField(4, version), bytesField(5, value)])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Buffer.from([...bytes, rest])
}

const numberField = (field: number, value: number): Buffer => Buffer.concat([varint(field << 3), varint(value)])
/** A field of a protobuf message that holds bytes, as objects of Kubernetes have them too. https://protobuf.dev/programming-guides/encoding/ */
export const bytesField = (field: number, value: Buffer): Buffer => Buffer.concat([varint((field << 3) | 2), varint(value.length), value])
