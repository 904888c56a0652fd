import {
  about,
  type Conclusion,
  choice,
  eachFinding,
  type Finding,
  fail,
  type Look,
  one,
  type Proof,
  pass,
  type Recipient,
  type Remediation,
  step,
  unknown,
} from '../../../src/contract.ts'
import { since } from '../../../src/domain/backup.ts'
import { adoptPart, newBundlePart, openersOf, openPart } from '../../../src/domain/bundle.ts'
import { members } from '../../../src/domain/observations.ts'
import { ADD_RECOVERY } from '../../../src/domain/recipients.ts'
import { bundleOpenings, type OpenedBundle, openingIdentity, type SealedInWorkspace, sealedFiles } from '../../../src/domain/sealed.ts'

const ADOPT = 'talos-preflight secrets adopt'

const bundlesOf = (files: readonly SealedInWorkspace[]): SealedInWorkspace[] =>
  files.filter((f) => f.kind === 'bundle').toSorted((a, b) => (a.path < b.path ? 1 : -1))

interface Around {
  /** Of the cluster that the workspace is bound to. */
  ca: string | undefined
  /** The bundle is for a cluster that is to be made. */
  isNew: boolean
  now: Date
}

/** The newest bundle, its recipients, and what came of opening it. */
function judge(files: readonly SealedInWorkspace[], openings: Look<Proof<OpenedBundle>[]>, around: Around): Conclusion {
  const bundle = bundlesOf(files)[0]
  if (!bundle)
    return fail(
      'no sealed secrets bundle is in secrets/: if the last control plane is lost, every key of the cluster is lost with it',
      around.isNew ? 'talos-preflight secrets seal' : ADOPT,
    )
  return about({ kind: 'bundle', name: bundle.path.replace('secrets/', '') }, judgeBundle(bundle, openings, around))
}

function judgeBundle(
  { path, stanzas, sha256 }: SealedInWorkspace,
  openings: Look<Proof<OpenedBundle>[]>,
  { ca, isNew, now }: Around,
): Conclusion {
  if (stanzas.length === 0) return fail('no age header can be read in it, so it is no sealed bundle that this program made', ADOPT)
  if (stanzas.length < 2)
    return fail(
      'sealed to 1 recipient only: if that identity is lost, so is every key of the cluster',
      `talos-preflight keys add NAME RECIPIENT --role recovery --opens secrets, then ${ADOPT}`,
    )
  const sealed = `sealed to ${stanzas.length} recipients`
  if (!openings.ok) return unknown(`${sealed}; whether it opens is not known: ${openings.reason}`, openings.remedy)
  const opening = openings.value.find((o) => o.value.path === path)
  if (!opening)
    return unknown(
      `${sealed}; whether it opens is not proved: there was no identity here, or it did not open it`,
      `${isNew ? 'talos-preflight secrets seal' : ADOPT} --identity FILE`,
    )
  if (opening.of !== sha256)
    return unknown(
      `${sealed}; it is not the file that was opened ${since(opening.takenAt, now)}: another one took its place, or it cannot be read`,
      `find out who put it there; then: ${ADOPT}`,
    )
  const { missing, cas } = opening.value
  if (missing.length > 0) return fail(`opens, and lacks ${missing.join(', ')}`, ADOPT)
  if (ca && cas.os !== ca)
    return fail('opens, and its CA is not that of the cluster: it is of another one, or from before a rotation', ADOPT)
  const opened = `${sealed}, opened again ${since(opening.takenAt, now)}`
  if (ca) return pass(`${opened}: its CA is that of the cluster`)
  if (isNew) return pass(`${opened}: there is no cluster yet to compare its CA with`)
  return unknown(
    `${opened}; its CA could not be compared, because this workspace is bound to no cluster yet`,
    'talos-preflight check binds it, where the cluster answers; for one that is to be made: --answer CRT-02.from=new',
  )
}

const and = (names: readonly string[]): string => names.join(' and ')

/** Whoever opens both holds the keys and the data. It is told by preflight.yaml, so no look is its evidence. */
function judgeRecipients(recipients: readonly Recipient[]): Finding {
  const say = (conclusion: Conclusion): Finding => ({ ...conclusion, object: { kind: 'recipients', name: 'who opens what' }, evidence: [] })
  const [secrets, backups] = [openersOf(recipients, 'secrets'), openersOf(recipients, 'backups')]
  const both = secrets.filter((name) => backups.includes(name))
  if (both.length > 0 && both.length === secrets.length && both.length === backups.length)
    return say(
      fail(
        `secrets and backups are opened by the same: ${and(both)}; one leaked identity gives the keys and the data that they protect`,
        `give each a recovery recipient of its own: ${ADD_RECOVERY}; take the one for both away: talos-preflight keys remove NAME`,
      ),
    )
  return say(
    pass(
      both.length > 0
        ? `secrets and backups have different recipients; both are opened by ${and(both)}`
        : 'secrets and backups have different recipients, and nobody opens both',
    ),
  )
}

export default step({
  id: 'CRT-02',
  category: 'certificates',
  title: 'Secrets bundle sealed',
  severity: 'high',
  why: 'The bundle is the root of every key: lost, the cluster cannot be rebuilt; in plain text, it belongs to whoever reads it.',
  references: [
    {
      title: 'Talos security checklist, protect secrets',
      url: 'https://docs.siderolabs.com/talos/v1.13/security/talos-security-checklist',
    },
    { title: 'age', url: 'https://age-encryption.org/v1' },
  ],
  questions: {
    from: choice('Where does the bundle come from?', {
      default: 'cluster',
      options: { cluster: 'the cluster that runs', new: 'a new one, for a cluster that is to be made' },
    }),
  },
  observes: { files: sealedFiles, openings: bundleOpenings },
  plansWith: { members, identity: openingIdentity },

  evaluate: ({ files, openings }, { from }, { now, identity, recipients }): Finding[] => {
    const opened = one(openings)
    const around: Around = { ca: identity.ca, isNew: from === 'new', now }
    const bundle = eachFinding({ files }, ({ files: sealed }) => judge(sealed, opened, around)).map((f) =>
      f.object.kind === 'bundle' ? { ...f, evidence: [...f.evidence, ...opened.evidence] } : f,
    )
    return [...bundle, ...(recipients.length > 0 ? [judgeRecipients(recipients)] : [])]
  },

  remediate: ({ files, openings, members: seen, identity }, { from }, context): Remediation => {
    const [sealed, opened] = [one(files), one(openings)]
    const cluster = openings[0]?.object ?? { kind: 'cluster', name: 'cluster' }
    const stop = (reason: string, remedy?: string): Remediation => ({
      parts: [],
      blocked: [{ object: cluster, reason, ...(remedy ? { remedy } : {}) }],
    })
    if (!sealed.ok) return stop(sealed.reason, sealed.remedy)
    const existing = bundlesOf(sealed.value)[0]
    if (from === 'new') {
      const [mine, proofs] = [one(identity), opened.ok ? opened.value : undefined]
      const canOpen = mine.ok && mine.value.kind !== 'none'
      if (existing && canOpen && proofs && !context.identity.ca && !proofs.some((o) => o.value.path === existing.path))
        return { parts: [openPart(cluster, mine, existing.path)], blocked: [] }
      if (existing)
        return stop(
          `there is a bundle already: ${existing.path}; a new one would be of no use to the cluster that was made from it`,
          `when that cluster runs: ${ADOPT}; for another cluster take another workspace`,
        )
      if (context.identity.ca) return stop('this workspace belongs to a cluster that runs: its bundle is adopted, never made anew', ADOPT)
      return { parts: [newBundlePart(cluster, one(identity))], blocked: [] }
    }
    const good = judge(sealed.value, opened, { ca: context.identity.ca, isNew: false, now: context.now }).verdict === 'pass'
    if (good && !context.renew) return { parts: [], blocked: [] }
    const made = adoptPart(cluster, one(seen), one(identity), context.identity)
    return 'actions' in made ? { parts: [made], blocked: [] } : { parts: [], blocked: [made] }
  },
})
