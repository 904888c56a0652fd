import {
  about,
  blocked,
  type Conclusion,
  eachFinding,
  type Finding,
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
import { allowed, backupPart, isOlderThan, refusedSnapshot, since, TAKE } from '../../../src/domain/backup.ts'
import { apiServerPod, storageWrites } from '../../../src/domain/kubernetes.ts'
import { etcdMembers, etcdStatus, type Member, members } from '../../../src/domain/observations.ts'
import { type CheckedSnapshot, openingIdentity, snapshotProofs } from '../../../src/domain/sealed.ts'
import { factsFor } from '../../../src/domain/versions.ts'

const names = (list: readonly string[], count: number): string =>
  count > list.length || list.length > 5 ? `${list.slice(0, 5).join(', ')} and ${count - Math.min(5, list.length)} more` : list.join(', ')

/** Compaction does not erase: the old bytes stay in unused pages of the file. https://etcd.io/docs/v3.6/op-guide/maintenance/ */
const REWRITE =
  'write them again, so that they are encrypted: kubectl get secrets -A -o json | kubectl replace -f -; the old bytes stay in free pages of the database until it is defragmented: talosctl etcd defrag, one control plane at a time; earlier backups hold them too'
/** What a move to the new form does to Secrets that were written in plain. */
const NO_IDENTITY =
  'do it before a move to the documents of Talos 1.14: their encryption names no provider for plain text, so the API server could not read these'
const UNREADABLE =
  'one that the API server cannot read any more has to be made anew: the documents of Talos 1.14 name no provider for plain text'

const PLAIN_FIRST =
  'plain text comes first among its providers: give the config a key for secretbox, and see what it was given: talosctl get staticpods kube-apiserver -o yaml'

const rewrite = (newForm: boolean): string => `${REWRITE}; ${newForm ? UNREADABLE : NO_IDENTITY}`

const hasNewForm = (seen: Look<Member[]>): boolean => seen.ok && seen.value.some((m) => factsFor(m.version)?.documents)

const encryptedIn = ({ secrets }: CheckedSnapshot): number => Object.values(secrets.encrypted).reduce((a, b) => a + b, 0)

/** What the bytes of a snapshot say. */
function fromSnapshot(
  { takenAt, value: facts }: Proof<CheckedSnapshot>,
  refused: ReturnType<typeof refusedSnapshot>,
  { now, newForm }: { now: Date; newForm: boolean },
): Conclusion {
  const { encrypted, plain, plainCount, olderPlainCount, olderPlain } = facts.secrets
  const count = encryptedIn(facts)
  if (plainCount > 0)
    return fail(
      `${plainCount} of ${count + plainCount} Secrets ${plainCount === 1 ? 'lies' : 'lie'} in plain text in etcd: ${names(plain, plainCount)}${refused ? `; but ${refused.reason}` : ''}`,
      rewrite(newForm),
    )
  if (refused) return unknown(`${refused.reason}, so it proves nothing`, refused.remedy)
  const older =
    olderPlainCount > 0
      ? `; older revisions of ${olderPlainCount} still lie in plain text until etcd is compacted and defragmented: ${names(olderPlain, olderPlainCount)}`
      : ''
  if (count === 0) return unknown('the snapshot holds no Secret at all, so it proves nothing', `make one, then: ${TAKE}`)
  const prefixes = Object.keys(encrypted).join(', ')
  return pass(
    `${count === 1 ? 'the 1 Secret lies' : `all ${count} Secrets lie`} encrypted in the snapshot that was taken ${since(takenAt, now)} (${prefixes})${older}`,
  )
}

export default step({
  id: 'K8S-01',
  category: 'kubernetes',
  title: 'Secrets encrypted in etcd',
  severity: 'critical',
  why: 'Whoever gets the database, a backup of it or a disk reads every Secret that lies in it in plain text.',
  references: [
    { title: 'Kubernetes, encrypting confidential data at rest', url: 'https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/' },
    { title: 'CIS Kubernetes Benchmark 1.2.27, 1.2.28', url: 'https://www.cisecurity.org/benchmark/kubernetes' },
  ],
  questions: {
    maxAgeDays: wholeNumber('For how many days does a proof from a snapshot count?', { default: 30, min: 1, max: 365, unit: 'days' }),
  },
  observes: { pods: apiServerPod, writes: storageWrites, proofs: snapshotProofs, members },
  plansWith: { etcd: etcdStatus, etcdMembers, identity: openingIdentity },

  evaluate: ({ pods, writes, proofs, members: seen }, { maxAgeDays }, { now }): Finding[] => {
    const newForm = hasNewForm(one(seen))
    const proof = eachFinding({ proofs }, ({ proofs: taken }) => {
      const newest = taken[0]
      if (!newest)
        return unknown(
          'how Secrets lie in etcd is only told by the bytes of a snapshot, and none was checked from this workspace',
          'talos-preflight plan K8S-01',
        )
      if (isOlderThan(newest.takenAt, maxAgeDays * 24, now))
        return unknown(
          `the last checked snapshot was taken ${since(newest.takenAt, now)}, and ${allowed(maxAgeDays, 'day')}`,
          'talos-preflight plan K8S-01',
        )
      return fromSnapshot(newest, refusedSnapshot(taken), { now, newForm })
    })
    const flags = eachFinding({ pods }, ({ pods: pod }, node) =>
      'absent' in pod
        ? []
        : pod.arguments.some((a) => a.startsWith('--encryption-provider-config='))
          ? pass(`${node.name}: the API server was given an encryption configuration`)
          : fail(
              `${node.name}: the API server was given no encryption configuration`,
              'Talos gives one by itself where the config holds a key for it; see what it was given: talosctl get staticpods kube-apiserver -o yaml',
            ),
    )
    const api = { kind: 'cluster', name: 'API server' }
    const online = eachFinding({ writes }, ({ writes: made }) => {
      const encrypted = Object.keys(made).filter((prefix) => prefix.startsWith('k8s:enc:') && (made[prefix] ?? 0) > 0)
      if (encrypted.length > 0)
        return about(api, pass(`it says that it encrypts what it writes (${encrypted.join(', ')}); only the snapshot proves it`))
      const inPlain = made.identity ?? 0
      if (inPlain > 0) return about(api, fail(`it wrote Secrets ${inPlain} times in plain text since it started`, PLAIN_FIRST))
      return about(
        api,
        unknown('it has not said yet that it encrypts what it writes', 'it counts from its last start on: write a Secret, then look again'),
      )
    }).map((f) => ({ ...f, object: api }))
    return [...proof, ...flags, ...online]
  },

  remediate: ({ proofs, members: seen, etcd, etcdMembers: voting, identity }, { maxAgeDays }, { now, renew }): Remediation => {
    const taken = one(proofs)
    const newest = taken.ok ? taken.value[0] : undefined
    const cluster = proofs[0]?.object ?? { kind: 'cluster', name: 'cluster' }
    if (newest && !isOlderThan(newest.takenAt, maxAgeDays * 24, now) && !renew) {
      const inPlain = newest.value.secrets.plainCount
      const reason = `${inPlain} ${inPlain === 1 ? 'Secret lies' : 'Secrets lie'} in plain text in etcd, and this program writes no Secrets`
      if (inPlain > 0) return { parts: [], blocked: [blocked(cluster, reason, `${rewrite(hasNewForm(one(seen)))}; then: ${TAKE}`)] }
      // one without any Secret proves nothing, so the next may
      if (encryptedIn(newest.value) > 0 && !(taken.ok && refusedSnapshot(taken.value))) return { parts: [], blocked: [] }
    }
    const made = backupPart({ cluster, etcd: one(etcd), members: one(voting), proofs: taken, identity: one(identity), renew })
    return 'actions' in made ? { parts: [made], blocked: [] } : { parts: [], blocked: [made] }
  },
})
