import { eachFinding, fail, one, pass, type Remediation, step, wholeNumber } from '../../../src/contract.ts'
import { allowed, backupPart, isOlderThan, refusedSnapshot, since, TAKE } from '../../../src/domain/backup.ts'
import { etcdMembers, etcdStatus } from '../../../src/domain/observations.ts'
import { type CheckedSnapshot, openingIdentity, snapshotProofs } from '../../../src/domain/sealed.ts'

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
      const [newest] = taken
      if (!newest) return fail('no snapshot was taken and checked from this workspace', TAKE)
      const refused = refusedSnapshot(taken)
      if (refused) return fail(refused.reason, refused.remedy)
      if (isOlderThan(newest.takenAt, maxAgeHours, now))
        return fail(`the last checked snapshot was taken ${since(newest.takenAt, now)}, and ${allowed(maxAgeHours, 'hour')}`, TAKE)
      const { revision, keys, tool } = newest.value
      const agrees = tool ? '; talosctl and our own reader agree on it' : ''
      return pass(`revision ${revision}, ${keys} keys${versionOf(newest.value)}, taken ${since(newest.takenAt, now)}${agrees}`)
    }),

  remediate: ({ proofs, etcd, members, identity }, { maxAgeHours }, { now, renew }): Remediation => {
    const seen = one(proofs)
    const newest = seen.ok ? seen.value[0] : undefined
    const cluster = proofs[0]?.object ?? { kind: 'cluster', name: 'cluster' }
    const counts = newest && !isOlderThan(newest.takenAt, maxAgeHours, now) && !(seen.ok && refusedSnapshot(seen.value))
    if (counts && !renew) return { parts: [], blocked: [] }
    const made = backupPart({ cluster, etcd: one(etcd), members: one(members), proofs: seen, identity: one(identity), renew })
    return 'actions' in made ? { parts: [made], blocked: [] } : { parts: [], blocked: [made] }
  },
})
