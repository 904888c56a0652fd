import { observable, type Proof, proofsOf } from '../contract.ts'
import type { SnapshotFacts } from './snapshot.ts'

/** What is sealed in the workspace, and the proofs about it. */

/** A sealed file by its header, which anybody can read. */
export interface SealedInWorkspace {
  /** Below the workspace. */
  path: string
  bytes: number
  /** What it is, by its name. */
  kind: 'bundle' | 'backup' | 'config'
  /** How each recipient opens it, in the order of the header: `X25519`, `ssh-ed25519`. It never says who. */
  stanzas: string[]
  /** Of the file, hex; only of bundles, and of the newest backup. */
  sha256?: string
  /** What was written beside it when it was sealed. */
  manifest?: BackupManifest
}

/** The public half of a backup. */
export interface BackupManifest {
  /** ISO 8601. */
  takenAt: string
  revision: number
  /** SHA-256 of the plaintext, hex. */
  sha256: string
  sealed: { sha256: string; bytes: number }
  recipients: string[]
}

/** The sealed backup that holds this snapshot and is as it was sealed. `sha256`: of the plaintext, hex. */
export const backupOf = (files: readonly SealedInWorkspace[], sha256: string): SealedInWorkspace | undefined =>
  files.find(
    ({ kind, manifest, bytes, sha256: digest }) =>
      kind === 'backup' &&
      manifest?.sha256 === sha256 &&
      bytes === manifest.sealed.bytes &&
      (digest ?? manifest.sealed.sha256) === manifest.sealed.sha256,
  )

/** What is known of the operator's own identity, without reading it. */
export interface OpeningIdentity {
  path: string
  /** `asks`: age asks for a passphrase, a PIN or a touch. */
  kind: 'plain' | 'asks' | 'none'
}

/** What a sealed backup came to when it was opened. */
export type OpenedBackup = {
  path: string
  /** SHA-256 of the plaintext, hex. */
  sha256: string
  bytes: number
  /** The digest that a snapshot carries at its end is that of what is before it. */
  trailer: boolean
}

/** What a sealed bundle came to when it was opened. Fingerprints are SHA-256 of a CA certificate, hex. */
export type OpenedBundle = {
  path: string
  clusterId: string
  cas: { os: string; k8s: string; etcd: string; aggregator: string }
  /** Fields that a bundle needs and this one lacks. */
  missing: string[]
}

/** What the tool said of the snapshot that it took. */
export type ToolSummary = { hash: string; revision: number; keys: number; databaseBytes: number }
export type CheckedSnapshot = SnapshotFacts & { tool: ToolSummary | null }

const keptProofs = <T>(name: string, title: string) => observable<Proof<T>[]>({ name: proofsOf(name), scope: 'cluster', title })

export const checkedSnapshot = observable<CheckedSnapshot>({
  name: 'checkedSnapshot',
  scope: 'cluster',
  title: 'contents of the snapshot',
  outputs: ({ revision, keys, sha256, bytes, etcdVersion }) => ({
    revision,
    keys,
    sha256,
    bytes,
    ...(etcdVersion ? { etcdVersion } : {}),
  }),
  predicates: {
    /** args: `{revision, kubeSystemUid, members}` of the last one: it is of the same cluster and not older. */
    follows: (now, args) => {
      const { revision, kubeSystemUid, members } = args as { revision: number; kubeSystemUid: string | null; members: string[] }
      if (kubeSystemUid && now.kubeSystemUid && now.kubeSystemUid !== kubeSystemUid)
        return 'it is the snapshot of another cluster: its namespace kube-system is not the one of the last snapshot'
      if (members.length > 0 && !now.members.some((m) => members.includes(m.id)))
        return 'it is the snapshot of another cluster: none of the etcd members that answer is in it'
      if (now.revision < revision)
        return `its revision is ${now.revision}, and the last snapshot had ${revision}: etcd was put back, or this is another one`
      return true
    },
  },
})
export const snapshotProofs = keptProofs<CheckedSnapshot>(checkedSnapshot.name, 'checked snapshots')

export const openedBackup = observable<OpenedBackup>({
  name: 'openedBackup',
  scope: 'cluster',
  title: 'the sealed backup, opened again',
  predicates: { whole: (now) => now.trailer || 'what was opened is no whole snapshot' },
})
export const backupOpenings = keptProofs<OpenedBackup>(openedBackup.name, 'openings of backups')

export const openedBundle = observable<OpenedBundle>({
  name: 'openedBundle',
  scope: 'cluster',
  title: 'the sealed bundle, opened again',
  predicates: {
    /** args: `{ca}`, or null where there is no cluster yet. */
    ofCluster: (now, args) => {
      const { ca } = (args ?? {}) as { ca?: string }
      if (now.missing.length > 0) return `the bundle lacks ${now.missing.join(', ')}`
      return !ca || now.cas.os === ca || 'the CA in the bundle is not the CA of the cluster'
    },
  },
})
export const bundleOpenings = keptProofs<OpenedBundle>(openedBundle.name, 'openings of the bundle')

export const sealedFiles = observable<SealedInWorkspace[]>({
  name: 'sealedFiles',
  scope: 'workstation',
  title: 'sealed files of the workspace',
})
export const openingIdentity = observable<OpeningIdentity>({ name: 'openingIdentity', scope: 'workstation', title: 'your age identity' })
