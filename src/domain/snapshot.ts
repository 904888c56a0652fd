/**
 * What can be known of an etcd snapshot without an etcd.
 *
 * The file is a bbolt database followed by the SHA-256 of everything before it; every object of the cluster is in it, and only what
 * kube-apiserver was told to encrypt is encrypted. https://etcd.io/docs/v3.6/op-guide/recovery/,
 * https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/
 */

/** A checked snapshot, without anything of the content of its objects. */
export type SnapshotFacts = {
  /** The whole file. */
  bytes: number
  /** The database in it; `total size` of talosctl and etcdutl. */
  databaseBytes: number
  /** Of the whole file, in hex. */
  sha256: string
  /** Eight hex digits, as talosctl prints them: CRC-32C over the names of the buckets and their keys and values. */
  hash: string
  /** The newest revision. */
  revision: number
  /** Keys that are not deleted; `total keys` of etcdutl from 3.6 on. Older ones count every entry of every bucket. */
  keys: number
  /** The version that the members of the cluster had agreed on; absent where etcd had not noted it yet. */
  etcdVersion?: string
  /** The version of the layout; absent before 3.6. */
  storageVersion?: string
  /** `id` in hex, as `talosctl etcd members` prints it. */
  members: { id: string; name: string }[]
  /** `metadata.uid` of the namespace kube-system, which is made once in the life of a cluster. */
  kubeSystemUid?: string
  /** Objects by resource: the path behind `/registry/`, two steps of it where the first is an API group. */
  types: Record<string, number>
  secrets: SecretsInSnapshot
}

/**
 * How the Secrets lie in a snapshot. Each counts by its newest revision; etcd keeps older ones until it is compacted. The bytes of
 * compacted ones stay in unused pages, and so in every snapshot, until etcd is defragmented (seen on 3.7.3); those are not looked at.
 * https://etcd.io/docs/v3.6/learning/data_model/, https://etcd.io/docs/v3.6/op-guide/maintenance/
 */
export type SecretsInSnapshot = {
  /** Secrets by the prefix that says how they are encrypted, such as `k8s:enc:secretbox:v1:key2:`. */
  encrypted: Record<string, number>
  /** `namespace/name` of Secrets that lie in plain text; the first of `plainCount`. */
  plain: string[]
  plainCount: number
  /** Secrets of which an older revision lies in plain text while the newest does not, or that were deleted since. */
  olderPlain: string[]
  olderPlainCount: number
}

/** Why a file is not accepted as a snapshot. */
export type SnapshotProblem =
  | 'unreadable'
  | 'stopped'
  | 'empty'
  | 'foreign'
  | 'cut-short'
  | 'raw-copy'
  | 'no-trailer'
  | 'damaged'
  | 'no-meta'
  | 'page-outside'
  | 'page-broken'
  | 'entry-broken'
  | 'no-keys'
  | 'too-many-keys'
