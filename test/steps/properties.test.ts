import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Finding, type StepContext, VERDICTS } from '../../src/contract.ts'
import { evaluate, type Observed, observationsFor } from '../../src/engine/evaluate.ts'
import { makePlan } from '../../src/engine/plan.ts'
import { STEPS } from '../../steps/index.ts'
import { context, sightings } from './observed.ts'
import { ANSWERS } from './observed-hardening.ts'

/** Whatever is observed: a step says something of it, and never that what it could not see is good. */

const of =
  (kind: string, test: (name: string) => boolean = () => true) =>
  (f: Finding, object: string) =>
    f.object.kind === kind && test(f.object.name.replace(`${object}:`, '')) && (f.object.name.startsWith(`${object}:`) || kind !== 'port')

const ofNode = (f: Finding, object: string) => f.object.kind === 'node' && f.object.name === object

/** The findings that rest on a look, by the observation and the object that was looked at. */
const RESTS: Record<string, Record<string, (finding: Finding, object: string) => boolean>> = {
  'CRT-02': { sealedFiles: of('bundle'), 'openedBundle.proofs': of('bundle') },
  'CRT-06': { wire: of('port'), firewallChain: (f, object) => f.reason.startsWith(`${object}: its firewall`) },
  'ACC-07': {
    anonymousAnswers: of('port'),
    kubeletAccess: (f, object) => of('port')(f, object) && f.reason.includes('what it runs with'),
    anonymousBindings: (f) => /[Bb]inding/.test(f.object.kind),
  },
  'K8S-01': {
    apiServerPod: (f, object) => f.object.kind === 'node' && f.object.name === object,
    storageWrites: of('cluster', (name) => name === 'API server'),
    'checkedSnapshot.proofs': of('cluster', (name) => name === 'lab'),
  },
  'BAK-02': { 'checkedSnapshot.proofs': () => true },
  'BAK-03': { sealedFiles: () => true, 'openedBackup.proofs': () => true },
  'INF-02': { firewallChain: ofNode, members: of('node') },
  'K8S-02': { admission: ofNode, privilegedAnswer: of('cluster', (name) => name === 'a privileged pod') },
  'K8S-04': {
    namespaces: of('namespace'),
    networkPolicies: of('namespace'),
    workloads: of('cluster', (name) => name === 'enforcement'),
    'enforcementProbe.proofs': of('cluster', (name) => name === 'enforcement'),
  },
  'MON-01': { auditPolicy: ofNode },
}
/** What says that there is nothing to worry about. */
const isGood = ({ verdict }: Finding): boolean => verdict === 'pass' || verdict === 'notApplicable'
/** What passes in them needs no plan. */
const MENDED_WHOLE = ['CRT-02', 'BAK-02', 'BAK-03']
/** Nothing of what these plan is taken anew. */
const CHANGED = ['INF-02', 'K8S-02', 'K8S-04', 'MON-01']

const SENTENCE = /^\S[^\n]*[^.\s]$|^\S$/
const NO_WORD = /NaN|\[object|undefined/

describe.each(Object.keys(RESTS))('%s, whatever is observed,', (id) => {
  const step = STEPS.find((s) => s.id === id)
  if (!step) throw new Error(`no step ${id}`)
  const seenWith = (calm: boolean): fc.Arbitrary<Observed> =>
    fc.record(Object.fromEntries(observationsFor([step], 'remediate').map(({ name, scope }) => [name, sightings(name, scope, calm)])))
  // a change needs so many looks that one of them nearly always fails
  const observed = CHANGED.includes(id) ? fc.oneof(seenWith(false), seenWith(true)) : seenWith(false)
  const raw = ANSWERS[id] ?? fc.constant<Record<string, string>>({})
  const given = fc.tuple(observed, context, raw)
  const evaluated = (seen: Observed, c: StepContext, answers: Record<string, string>) =>
    evaluate([step], seen, { answers: { [id]: answers }, attestations: [], waivers: [], context: c })[0]?.findings ?? []
  const planned = (seen: Observed, c: StepContext, answers: Record<string, string>) =>
    makePlan({ kind: 'mend', steps: [id] }, [step], seen, { answers: { [id]: answers }, context: c, identity: {}, applied: {} })

  test('says something of it, in a sentence', () => {
    fc.assert(
      fc.property(given, ([seen, c, answers]) => {
        const findings = evaluated(seen, c, answers)
        expect(findings.length).toBeGreaterThan(0)
        for (const { verdict, reason, remedy, object } of findings) {
          expect(VERDICTS).toContain(verdict)
          for (const text of [reason, remedy ?? 'x', object.name]) expect(text).toMatch(SENTENCE)
          expect(`${reason} ${remedy ?? ''}`).not.toMatch(NO_WORD)
        }
        expect(evaluated(seen, c, answers)).toEqual(findings)
      }),
    )
  })

  test('never says that what it could not see is good', () => {
    fc.assert(
      fc.property(given, ([seen, c, answers]) => {
        const findings = evaluated(seen, c, answers)
        for (const [name, rests] of Object.entries(RESTS[id] ?? {}))
          for (const { object, look: taken } of seen[name] ?? []) {
            if (taken.ok) continue
            expect(findings.filter((f) => isGood(f) && rests(f, object.name))).toEqual([])
          }
      }),
    )
  })

  test.runIf(step.remediate)('plans what can be performed, or says why not', () => {
    fc.assert(
      fc.property(given, ([seen, c, answers]) => {
        const plan = planned(seen, c, answers)
        expect(planned(seen, c, answers)).toEqual(plan)
        const outcomes = plan.parts.length + plan.blocked.length
        for (const { reason, remedy, question } of plan.blocked) {
          for (const text of [reason, remedy ?? 'x']) expect(text).toMatch(SENTENCE)
          expect(`${reason} ${remedy ?? ''}`).not.toMatch(NO_WORD)
          if (question) expect(Object.keys(step.questions)).toContain(question)
        }
        for (const part of plan.parts) {
          expect(part.summary).toMatch(SENTENCE)
          expect(part.actions.length).toBeGreaterThan(0)
          expect(JSON.stringify(part)).not.toMatch(NO_WORD)
          const config = seen.hardeningConfig?.find((s) => s.object.name === part.object.name)
          // a config that was not seen is not changed
          if (part.actions.some((a) => a.kind === 'try')) expect(config?.look.ok).toBe(true)
        }
        const findings = evaluated(seen, c, answers)
        // only files can be written where nothing may be touched
        if (c.delivery === 'live' && findings.some((f) => f.remedy === `talos-preflight plan ${id}`)) expect(outcomes).toBeGreaterThan(0)
        if (c.renew && !CHANGED.includes(id)) expect(outcomes).toBeGreaterThan(0)
        const about = findings.filter((f) => f.object.kind !== 'recipients')
        if (!c.renew && MENDED_WHOLE.includes(id) && about.every((f) => f.verdict === 'pass')) expect(plan.parts).toEqual([])
        if (!c.renew && MENDED_WHOLE.includes(id) && about.some((f) => f.verdict === 'fail')) expect(outcomes).toBeGreaterThan(0)
      }),
    )
  })
})
