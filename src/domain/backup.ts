import { type Action, type Blocked, blocked, type Look, type ObjectRef, type Part, type Proof } from '../contract.ts'
import type { EtcdHealth, EtcdMember, EtcdStatus } from './observations.ts'
import { lasting } from './remarks.ts'
import { type CheckedSnapshot, checkedSnapshot, type OpeningIdentity, openedBackup } from './sealed.ts'
import { call } from './verbs.ts'

/** The one plan that takes a snapshot of etcd, checks it, seals it and opens it again. Three steps and a command share it. */

export interface BackupSurroundings {
  cluster: ObjectRef
  etcd: Look<EtcdStatus[]>
  members: Look<EtcdMember[]>
  proofs: Look<Proof<CheckedSnapshot>[]>
  identity: Look<OpeningIdentity>
  /** One is asked for, whatever is said of the last one. */
  renew: boolean
}

/** The command that takes a snapshot, checks and seals it. */
export const TAKE = 'talos-preflight backup create'
const WHICH = `find out which of the two is the cluster that you mean (both are in evidence/proofs/checkedSnapshot/), then: ${TAKE}`
const WHERE = `find out which cluster answered, as in talosctl etcd members (what was seen is in evidence/proofs/checkedSnapshot/), then: ${TAKE}`

/**
 * Why the newest snapshot does not count as one of this cluster, and what to do. Taking another one is how a person says that it is: the
 * next one is held against it.
 */
export function refusedSnapshot([newest, last]: readonly Proof<CheckedSnapshot>[]): { reason: string; remedy: string } | undefined {
  if (!newest) return undefined
  const taken = `the snapshot of ${newest.takenAt.slice(0, 16)}Z`
  const off = last && doesNotFollow(newest.value, last.value)
  if (off) return { reason: `${taken} ${off}`, remedy: WHICH }
  return newest.refused === undefined ? undefined : { reason: `${taken} was refused: ${newest.refused}`, remedy: WHERE }
}

/** What is wrong between two snapshots of one cluster, or nothing. */
function doesNotFollow(now: CheckedSnapshot, then: CheckedSnapshot): string | undefined {
  if (now.kubeSystemUid && then.kubeSystemUid && now.kubeSystemUid !== then.kubeSystemUid)
    return 'is of another cluster than the one before it: its namespace kube-system is another'
  return now.revision < then.revision
    ? `went back from revision ${then.revision} to ${now.revision}: etcd was put back, or it is another cluster's`
    : undefined
}

/** A snapshot begins to come within a second or two; etcd that is sick lets the command hang for ever. */
const SILENT_SECONDS = 45

const isHealthy = (status: EtcdStatus): status is EtcdHealth => !('problem' in status)

/** A member without complaints, else one that at least answers: a survivor without a leader still gives all it has. */
function sourceOf(etcd: readonly EtcdStatus[]): EtcdHealth | undefined {
  const answering = etcd.filter(isHealthy)
  return answering.find((s) => s.errors === '' && !s.learner) ?? answering.find((s) => !s.learner)
}

/** What the next snapshot must follow on. */
function before({ proofs, members }: BackupSurroundings): { revision: number; kubeSystemUid: string | null; members: string[] } {
  const last = proofs.ok ? proofs.value[0]?.value : undefined
  return {
    revision: last?.revision ?? 0,
    kubeSystemUid: last?.kubeSystemUid ?? null,
    members: members.ok ? members.value.map((m) => m.id).toSorted() : [],
  }
}

/** The part of the plan; the same for each step that wants it, so that a plan for several of them has it once. */
export function backupPart(around: BackupSurroundings): Part | Blocked {
  const { cluster, etcd, identity, proofs, renew } = around
  const refused = !renew && proofs.ok && refusedSnapshot(proofs.value)
  if (refused) return blocked(cluster, refused.reason, refused.remedy)
  if (!etcd.ok) return blocked(cluster, etcd.reason, etcd.remedy)
  const source = sourceOf(etcd.value)
  const sick = etcd.value.find((s) => 'problem' in s)
  if (!source)
    return blocked(
      cluster,
      sick && 'problem' in sick
        ? `no etcd member answers: ${sick.problem}`
        : `no etcd member answers${etcd.value.length > 0 ? ` but ${etcd.value.length} that ${etcd.value.length === 1 ? 'is' : 'are'} still learning` : ''}`,
      'look at etcd on the control planes: talosctl service etcd',
    )
  const asks = identity.ok && identity.value.kind === 'asks'
  const actions: Action[] = [
    {
      kind: 'hold',
      id: 'snapshot',
      title: `take a snapshot from ${source.address}`,
      danger: 'read',
      source: { call: call('talosctl.snapshot', { node: source.address, path: 'db.snapshot' }), silentSeconds: SILENT_SECONDS },
      as: 'db.snapshot',
    },
    {
      kind: 'prove',
      id: 'check',
      title: 'check it: trailer, pages, revisions, how Secrets lie in it',
      danger: 'read',
      observation: checkedSnapshot.name,
      of: { held: 'db.snapshot' },
      expects: { predicate: 'follows', args: before(around), sentence: 'it is whole, of this cluster, and not older than the last one' },
      required: true,
    },
    {
      kind: 'seal',
      id: 'seal',
      title: 'seal it to the recipients that open backups',
      danger: 'read',
      source: { held: 'db.snapshot' },
      path: `backups/etcd-${cluster.name.replace(/[^\w.-]/g, '-')}-{revision}-{time}.age`,
      opens: 'backups',
      manifest: { schema: 'talos-preflight/backup/v1', about: { cluster: cluster.name, from: source.address, member: source.member } },
    },
    {
      kind: 'prove',
      id: 'open',
      title: 'open it again',
      danger: 'read',
      observation: openedBackup.name,
      of: { sealed: 'seal' },
      expects: { predicate: 'whole', args: null, sentence: 'it opens, and what comes out is a whole snapshot' },
      required: false,
      ...(asks ? { terminal: true as const } : {}),
    },
  ]
  return { object: cluster, summary: 'take, check and seal a snapshot of etcd', actions }
}

const HOUR = 3_600_000

/** `24 hours are allowed`. */
export const allowed = (n: number, unit: string): string => `${n} ${unit}${n === 1 ? ' is' : 's are'} allowed`

/** `3 hours ago`, `2 days ago`. */
export function since(takenAt: string, now: Date): string {
  if (isAhead(takenAt, now)) return 'by a clock that is ahead of this one'
  const ms = now.getTime() - new Date(takenAt).getTime()
  return ms < HOUR ? 'within the last hour' : `${lasting(ms)} ago`
}

/** What was taken in the future, or at no time at all, would else never grow old. */
const isAhead = (takenAt: string, now: Date): boolean => !(new Date(takenAt).getTime() - now.getTime() <= HOUR)

export const isOlderThan = (takenAt: string, hours: number, now: Date): boolean =>
  isAhead(takenAt, now) || now.getTime() - new Date(takenAt).getTime() > hours * HOUR
