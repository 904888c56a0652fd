import {
  about,
  blocked,
  type Conclusion,
  eachFinding,
  fail,
  type Look,
  one,
  type Proof,
  pass,
  type Remediation,
  step,
  unknown,
  wholeNumber,
} from '../../../src/contract.ts'
import { allowed, backupPart, isOlderThan, since, TAKE } from '../../../src/domain/backup.ts'
import { etcdMembers, etcdStatus } from '../../../src/domain/observations.ts'
import {
  type BackupManifest,
  backupOpenings,
  type CheckedSnapshot,
  type OpenedBackup,
  openingIdentity,
  type SealedInWorkspace,
  sealedFiles,
  snapshotProofs,
} from '../../../src/domain/sealed.ts'

/** The newest backup that came to its end: one without a manifest did not. */
const newestOf = (files: readonly SealedInWorkspace[]) =>
  files
    .filter((f) => f.kind === 'backup' && f.manifest)
    .toSorted((a, b) => ((a.manifest?.takenAt ?? '') < (b.manifest?.takenAt ?? '') ? 1 : -1))[0]

/** What was proved of backups, and for how long it counts. */
interface Around {
  openings: Look<Proof<OpenedBackup>[]>
  snapshots: Look<Proof<CheckedSnapshot>[]>
  openedDays: number
  now: Date
}

function judge(files: readonly SealedInWorkspace[], around: Around): Conclusion {
  const backup = newestOf(files)
  if (backup?.manifest)
    return about({ kind: 'backup', name: backup.path.replace('backups/', '') }, judgeBackup(backup, backup.manifest, around))
  const without = files.filter((f) => f.kind === 'backup').length
  return without > 0
    ? fail(`none of the ${without} files in backups/ has a manifest that can be read beside it, so none is known to be whole`, TAKE)
    : fail('there is no sealed backup in backups/', TAKE)
}

function judgeBackup(
  { bytes, stanzas, sha256 }: SealedInWorkspace,
  manifest: BackupManifest,
  { openings, snapshots, openedDays, now }: Around,
): Conclusion {
  if (bytes !== manifest.sealed.bytes)
    return fail(`has ${bytes} bytes, and its manifest says ${manifest.sealed.bytes}: it was changed or cut`, TAKE)
  if (sha256 !== undefined && sha256 !== manifest.sealed.sha256)
    return fail('is not what was sealed: its digest is not the one in its manifest', `find out who changed it; then: ${TAKE}`)
  if (stanzas.length === 0) return fail('no age header can be read in it, so it is no backup that this program sealed', TAKE)
  if (stanzas.length < 2)
    return fail(
      'sealed to 1 recipient only: if that identity is lost, so is the backup',
      `talos-preflight keys add NAME RECIPIENT --role recovery --opens backups, then ${TAKE}`,
    )
  const sealed = `sealed to ${stanzas.length} recipients`
  if (!snapshots.ok) return unknown(`${sealed}; whether it is of the last snapshot is not known: ${snapshots.reason}`, snapshots.remedy)
  const later = snapshots.value.find((s) => s.refused === undefined)
  if (later && later.of !== manifest.sha256 && later.takenAt > manifest.takenAt)
    return fail(`is not of the last snapshot: the one of ${later.takenAt.slice(0, 16)}Z was checked, and is not sealed here`, TAKE)
  if (!openings.ok) return unknown(`${sealed}; whether it opens is not known: ${openings.reason}`, openings.remedy)
  const opening = openings.value.find((o) => o.of === manifest.sealed.sha256)
  if (!opening)
    return unknown(
      `${sealed}; whether it opens is not proved: there was no identity here, or it did not open it`,
      `take one where an identity is: ${TAKE} --identity FILE`,
    )
  if (!opening.value.trailer || opening.value.sha256 !== manifest.sha256)
    return fail('opens, and what comes out is not the snapshot that was sealed', TAKE)
  if (isOlderThan(opening.takenAt, openedDays * 24, now))
    return fail(`was opened last ${since(opening.takenAt, now)}, and ${allowed(openedDays, 'day')}`, TAKE)
  return pass(`${sealed}, opened again ${since(opening.takenAt, now)}: the snapshot comes out whole`)
}

export default step({
  id: 'BAK-03',
  category: 'backup',
  title: 'Backup sealed, and it opens',
  severity: 'critical',
  why: 'A snapshot holds every object of the cluster in plain text, and a sealed one that does not open is no backup.',
  references: [
    { title: 'age', url: 'https://age-encryption.org/v1' },
    { title: 'Talos security checklist, backup', url: 'https://docs.siderolabs.com/talos/v1.13/security/talos-security-checklist' },
  ],
  questions: {
    openedDays: wholeNumber('For how many days does it count that a backup was opened?', { default: 90, min: 1, max: 365, unit: 'days' }),
  },
  observes: { files: sealedFiles, openings: backupOpenings, proofs: snapshotProofs },
  plansWith: { etcd: etcdStatus, members: etcdMembers, identity: openingIdentity },

  evaluate: ({ files, openings, proofs }, { openedDays }, { now }) => {
    const around = { openings: one(openings), snapshots: one(proofs), openedDays, now }
    return eachFinding({ files }, ({ files: sealed }) => judge(sealed, around)).map((f) =>
      f.object.kind === 'backup' ? { ...f, evidence: [...f.evidence, ...around.openings.evidence] } : f,
    )
  },

  remediate: ({ files, openings, proofs, etcd, members, identity }, { openedDays }, { now, renew }): Remediation => {
    const sealed = one(files)
    const cluster = proofs[0]?.object ?? { kind: 'cluster', name: 'cluster' }
    if (!sealed.ok) return { parts: [], blocked: [blocked(cluster, sealed.reason, sealed.remedy)] }
    const good = judge(sealed.value, { openings: one(openings), snapshots: one(proofs), openedDays, now }).verdict === 'pass'
    if (good && !renew) return { parts: [], blocked: [] }
    const made = backupPart({ cluster, etcd: one(etcd), members: one(members), proofs: one(proofs), identity: one(identity), renew })
    return 'actions' in made ? { parts: [made], blocked: [] } : { parts: [], blocked: [made] }
  },
})
