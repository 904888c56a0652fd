import { createHash } from 'node:crypto'
import { fnv1a } from '../../src/domain/checksums.ts'
import type { SnapshotFacts } from '../../src/domain/snapshot.ts'
import { checkSnapshot, type SnapshotCheck, type SnapshotOptions } from '../../src/observe/snapshot/check.ts'
import { etcdSnapshot, type SnapshotObject } from '../../src/practice/snapshot.ts'
import type { Files } from '../../src/system/ports.ts'

/** Snapshots of a small cluster, good and forged, and what comes of checking them. */

export const PAGE = 4096
export const TRAILER = 32
export const UID = '6f1f2a52-7a0e-4f0c-9d0b-2f6f0f1c8a11'
export const MEMBERS = [
  { id: '8e9e05c52164694d', name: 'cp1' },
  { id: '2e1259d415f2a040', name: 'cp2' },
]

const field = (number: number, bytes: Buffer): Buffer => Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes])
export const text = (value: string): Buffer => Buffer.from(value)
export const plain = (value: string): Buffer => text(`k8s\0${value}`)
export const sealed = (value: string, prefix = 'k8s:enc:secretbox:v1:key2:'): Buffer => text(`${prefix}${value}`)

/** A namespace as kube-apiserver writes it: the type, then the object with its metadata. */
export const namespace = (uid: string): Buffer => {
  const metadata = Buffer.concat([field(1, text('kube-system')), field(2, text('')), field(5, text(uid))])
  return Buffer.concat([plain(''), field(1, field(1, text('v1'))), field(2, field(1, metadata))])
}

export const secret = (name: string, value: Buffer, more: Partial<SnapshotObject> = {}): SnapshotObject => ({
  key: `/registry/secrets/${name}`,
  value,
  ...more,
})
const configMaps = (count: number): SnapshotObject[] =>
  Array.from({ length: count }, (_, i) => ({ key: `/registry/configmaps/default/c${i}`, value: plain(`value ${i}`) }))

export const CLUSTER: SnapshotObject[] = [
  { key: '/registry/namespaces/kube-system', value: namespace(UID) },
  ...configMaps(300),
  secret('default/sealed', sealed('x')),
]
export const snapshot = (objects: readonly SnapshotObject[] = CLUSTER): Buffer =>
  etcdSnapshot({ revision: 5000, members: MEMBERS, clusterVersion: '3.6.0', storageVersion: '3.6.0', objects })

/** A file that is not on a disk. */
const inMemory = (bytes: Buffer): Pick<Files, 'open'> => ({
  open: async () => ({
    size: bytes.length,
    read: (buffer, position) => {
      if (position + buffer.length > bytes.length) throw Object.assign(new Error('ended early'), { code: 'EOF' })
      buffer.set(bytes.subarray(position, position + buffer.length))
    },
    close: () => undefined,
  }),
})

export const check = (bytes: Buffer, options: SnapshotOptions = {}): Promise<SnapshotCheck> =>
  checkSnapshot(inMemory(bytes), 'snapshot', options)
export async function facts(bytes: Buffer): Promise<SnapshotFacts> {
  const result = await check(bytes)
  if (!result.ok) throw new Error(result.reason)
  return result.facts
}
export async function code(bytes: Buffer): Promise<string> {
  const result = await check(bytes)
  return result.ok ? 'ok' : result.code
}

/** Changes the database of a snapshot and gives it the checksum that it then needs, as somebody with bad intentions would. */
export function forged(bytes: Buffer, change: (database: Buffer) => void): Buffer {
  const database = Buffer.from(bytes.subarray(0, -TRAILER))
  change(database)
  return Buffer.concat([database, createHash('sha256').update(database).digest()])
}

/** Changes both meta pages, whose own checksum then holds. */
export function forgedMeta(bytes: Buffer, change: (meta: Buffer) => void): Buffer {
  return forged(bytes, (database) => {
    for (const at of [16, PAGE + 16]) {
      const meta = database.subarray(at, at + 64)
      change(meta)
      meta.writeBigUInt64LE(fnv1a(meta.subarray(0, 56)), 56)
    }
  })
}

export const rootOf = (database: Buffer): Buffer => database.subarray(Number(database.readBigUInt64LE(32)) * PAGE)
/** The first page of the bucket with the keys, which is a branch. */
export const branchOf = (database: Buffer): Buffer => {
  const root = rootOf(database)
  for (let i = 0; i < root.readUInt16LE(10); i++) {
    const element = 16 + i * 16
    const key = element + root.readUInt32LE(element + 4)
    const end = key + root.readUInt32LE(element + 8)
    if (root.toString('latin1', key, end) === 'key') return database.subarray(Number(root.readBigUInt64LE(end)) * PAGE)
  }
  throw new Error('no bucket "key"')
}
/** The first leaf of that bucket. */
export const leafOf = (database: Buffer): Buffer => database.subarray(Number(branchOf(database).readBigUInt64LE(16 + 8)) * PAGE)
