import { blocked, eachFinding, fail, one, type Proof, pass, type Remediation, step, wholeNumber } from '../../../src/contract.ts'
import { allowed, backupPart, isOlderThan, since } from '../../../src/domain/backup.ts'
import { etcdMembers, etcdStatus } from '../../../src/domain/observations.ts'
import { type CheckedSnapshot, openingIdentity, snapshotProofs } from '../../../src/domain/sealed.ts'

const TAKE = 'talos-preflight backup create'

const FIND_OUT = 'find out which of the two is the cluster that you mean (both are in evidence/proofs/checkedSnapshot/)'

/** What is wrong between two snapshots of one cluster, or nothing. */
function doesNotFollow(newest: Proof<CheckedSnapshot>, last: Proof<CheckedSnapshot> | undefined): string | undefined {
  if (!last) return undefined
  const [now, then] = [newest.value, last.value]
  const taken = `the snapshot of ${newest.takenAt.slice(0, 16)}Z`
  if (now.kubeSystemUid && then.kubeSystemUid && now.kubeSystemUid !== then.kubeSystemUid)
    return `${taken} is of another cluster than the one before it: its namespace kube-system is another`
  return now.revision < then.revision
    ? `${taken} went back from revision ${then.revision} to ${now.revision}: etcd was put back, or it is another cluster's`
    : undefined
}

const versionOf = (facts: CheckedSnapshot): string => (facts.etcdVersion ? `, etcd ${facts.etcdVersion}` : '')

export default step({
  id: 'BAK-02',
  category: 'backup',
  title: 'Snapshot of etcd, checked',
  severity: 'critical',
  why: 'A snapshot that nobody has read may be cut short or damaged, and it shows on the night when it is needed.',
  references: [
    {
      title: 'Talos disaster recovery',
      url: 'https://docs.siderolabs.com/talos/v1.13/build-and-extend-talos/cluster-operations-and-maintenance/disaster-recovery',
    },
    { title: 'etcd, disaster recovery', url: 'https://etcd.io/docs/v3.6/op-guide/recovery/' },
  ],
  questions: {
    maxAgeHours: wholeNumber('How old may the last checked snapshot be?', { default: 24, min: 1, max: 8760, unit: 'hours' }),
  },
  observes: { proofs: snapshotProofs },
  plansWith: { etcd: etcdStatus, members: etcdMembers, identity: openingIdentity },

  evaluate: ({ proofs }, { maxAgeHours }, { now }) =>
    eachFinding({ proofs }, ({ proofs: taken }) => {
      const [newest, last] = taken
      if (!newest) return fail('no snapshot was taken and checked from this workspace', TAKE)
      const wrong = doesNotFollow(newest, last)
      if (wrong) return fail(wrong, `${FIND_OUT}, then: ${TAKE}`)
      if (isOlderThan(newest.takenAt, maxAgeHours, now))
        return fail(`the last checked snapshot was taken ${since(newest.takenAt, now)}, and ${allowed(maxAgeHours, 'hour')}`, TAKE)
      const { revision, keys, tool } = newest.value
      const agrees = tool ? '; talosctl and our own reader agree on it' : ''
      return pass(`revision ${revision}, ${keys} keys${versionOf(newest.value)}, taken ${since(newest.takenAt, now)}${agrees}`)
    }),

  remediate: ({ proofs, etcd, members, identity }, { maxAgeHours }, { now, renew }): Remediation => {
    const seen = one(proofs)
    const [newest, last] = seen.ok ? seen.value : []
    const cluster = proofs[0]?.object ?? { kind: 'cluster', name: 'cluster' }
    const wrong = newest && doesNotFollow(newest, last)
    if (wrong && !renew) return { parts: [], blocked: [blocked(cluster, wrong, `${FIND_OUT}, then: ${TAKE}`)] }
    const fresh = newest && !isOlderThan(newest.takenAt, maxAgeHours, now)
    if (fresh && !renew) return { parts: [], blocked: [] }
    const made = backupPart({ cluster, etcd: one(etcd), members: one(members), proofs: seen, identity: one(identity) })
    return 'actions' in made ? { parts: [made], blocked: [] } : { parts: [], blocked: [made] }
  },
})
