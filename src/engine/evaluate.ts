import {
  type Answers,
  type AnyStep,
  type Applied,
  type Finding,
  isOfProofs,
  type Json,
  type Look,
  type ObjectRef,
  type Observable,
  plainLine,
  type Questions,
  SEVERITIES,
  type Severity,
  type Sighting,
  type StepContext,
  VERDICTS,
  type Verdict,
  type Word,
} from '../contract.ts'
import { EXIT, Refusal } from './errors.ts'

/**
 * Evaluates steps. Pure: the same observations, answers, attempts and day give the same findings, so a report can be evaluated again
 * later from evidence and journal alone.
 */

/** Sightings by the name of their observation. */
export type Observed = Record<string, Sighting<unknown>[]>

export interface JudgedFinding extends Finding {
  attestation?: Word
  waiver?: Word
}

/** What became of the last attempt to mend an object, where that is not what was wanted. */
export interface Attempt {
  object: ObjectRef
  /** A sentence without a final period, safe to draw. */
  sentence: string
  /** The line that says so: its journal and number, when it was written, and its hash, which the line behind it names. */
  line: { journal: string; seq: number; at: string; sha256: string }
}

/** How a step is counted; disjoint. */
export type Count = 'pass' | 'fail' | 'unknown' | 'notApplicable' | 'attested' | 'waived'

export interface StepResult {
  id: string
  category: string
  title: string
  severity: Severity
  /** The worst of its findings. */
  verdict: Verdict
  /** What is left when attestations and waivers are taken into account. */
  count: Count
  findings: JudgedFinding[]
  /** A plan can be made for it. */
  canMend: boolean
  /** Something was done for it that can be taken back. */
  canUndo: boolean
}

export type Summary = Record<Count, number>

/** Raw answers as the profile holds them: step, question, text. */
export type RawAnswers = Record<string, Record<string, string>>

/** The observations that these steps need, each once. */
export function observationsFor(steps: readonly AnyStep[], purpose: 'evaluate' | 'remediate'): Observable<unknown>[] {
  const needed = new Map<string, Observable<unknown>>()
  for (const step of steps) {
    const observes: Observable<unknown>[] = Object.values({ ...step.observes, ...(purpose === 'remediate' ? step.plansWith : {}) })
    for (const observable of observes) needed.set(observable.name, observable)
  }
  return [...needed.values()]
}

/**
 * The answers of a step: what the profile says, else the defaults.
 *
 * @throws Refusal for an answer that its question does not take.
 */
export function answersFor(step: AnyStep, raw: RawAnswers): Answers<Questions> {
  const given = raw[step.id] ?? {}
  const questions: Questions = step.questions
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(questions, name))
      throw new Refusal(
        'unknown-question',
        `${step.id} has no question "${name}"`,
        `it has: ${Object.keys(questions).join(', ') || 'none'}`,
      )
  }
  const answers: Record<string, Json> = {}
  for (const [name, question] of Object.entries(questions)) {
    const text = given[name]
    if (text === undefined) {
      answers[name] = question.default as Json
      continue
    }
    const parsed = question.parse(text)
    if ('error' in parsed) throw new Refusal('bad-answer', `${step.id} ${name}: ${parsed.error}`, `expected ${question.hint}`)
    answers[name] = parsed.value as Json
  }
  return answers
}

const seenBy = (step: AnyStep, observed: Observed, keys: Record<string, Observable<unknown>>): Record<string, Sighting<unknown>[]> =>
  Object.fromEntries(Object.entries(keys).map(([key, observable]) => [key, observed[observable.name] ?? [missing(step, observable)]]))

const missing = (step: AnyStep, observable: Observable<unknown>): Sighting<unknown> => ({
  object: { kind: observable.scope, name: observable.scope },
  look: { ok: false, reason: `${observable.title} was not looked at for ${step.id}`, evidence: [] },
})

const seenForEvaluate = (step: AnyStep, observed: Observed) => seenBy(step, observed, step.observes)
export const seenForRemediate = (step: AnyStep, observed: Observed) => seenBy(step, observed, { ...step.observes, ...step.plansWith })

export const worst = (verdicts: readonly Verdict[]): Verdict => VERDICTS.find((v) => verdicts.includes(v)) ?? 'unknown'

/** Counts up to and including its last day, in UTC. */
export const counts = (word: Word, now: Date): boolean =>
  word.until >= now.toISOString().slice(0, 10) && word.on <= now.toISOString().slice(0, 10)

const covers = (word: Word, step: string, finding: Finding): boolean =>
  word.step === step && (!word.object || word.object === `${finding.object.kind}/${finding.object.name}`)

export function evaluate(
  steps: readonly AnyStep[],
  observed: Observed,
  given: {
    answers: RawAnswers
    attestations: readonly Word[]
    waivers: readonly Word[]
    context: StepContext
    /** By step; what failed before stands in the findings of what is still to mend. */
    failed?: Record<string, readonly Attempt[]>
    /** By step; what the journals say was done for it and not taken back. */
    applied?: Record<string, readonly Applied[]>
  },
): StepResult[] {
  return steps.map((step) => {
    const concluded: Finding[] = step.evaluate(seenForEvaluate(step, observed), answersFor(step, given.answers), given.context)
    const findings = withAttempts(concluded, given.failed?.[step.id] ?? []).map((finding): JudgedFinding => {
      const { now } = given.context
      const covering = (words: readonly Word[]) => words.filter((w) => covers(w, step.id, finding))
      if (finding.verdict === 'unknown') return withWord(finding, 'attestation', covering(given.attestations), now)
      return finding.verdict === 'fail' ? withWord(finding, 'waiver', covering(given.waivers), now) : finding
    })
    const { id, category, title, severity } = step
    return {
      id,
      category,
      title,
      severity,
      verdict: worst(findings.map((f) => f.verdict)),
      count: countOf(findings),
      findings,
      canMend: step.remediate !== undefined,
      canUndo: step.undo !== undefined && (given.applied?.[id] ?? []).length > 0,
    }
  })
}

/** With a word that counts; else with the sentence that the last one counts no more, because else the verdict would turn without a word. */
function withWord(finding: Finding, kind: 'attestation' | 'waiver', words: readonly Word[], now: Date): JudgedFinding {
  const word = words.find((w) => counts(w, now))
  if (word) return { ...finding, [kind]: word }
  const ended = words.filter((w) => w.until < now.toISOString().slice(0, 10)).toSorted((a, b) => (a.until < b.until ? 1 : -1))[0]
  return ended ? { ...finding, reason: `${finding.reason}; the ${kind} of ${plainLine(ended.by)} ended on ${ended.until}` } : finding
}

/** Words about an object that a step says nothing of, although it saw all that it looks at. */
export const aboutNothing = (words: readonly Word[], results: readonly StepResult[]): Word[] =>
  words.filter((w) => {
    const findings = results.find((r) => r.id === w.step)?.findings ?? []
    return findings.length > 0 && findings.every((f) => f.verdict !== 'unknown' && !covers(w, w.step, f))
  })

/** An attempt on something that has no finding of its own stands in the first that is still to mend. */
function withAttempts(findings: readonly Finding[], attempts: readonly Attempt[]): Finding[] {
  const isOpen = ({ verdict }: Finding) => verdict === 'fail' || verdict === 'unknown'
  const isOf = (attempt: Attempt) => (f: Finding) => f.object.kind === attempt.object.kind && f.object.name === attempt.object.name
  return findings.map((finding) => {
    if (!isOpen(finding)) return finding
    const own = attempts.filter((a) => (findings.find(isOf(a)) ?? findings.find(isOpen)) === finding)
    if (own.length === 0) return finding
    const { name } = finding.object
    return {
      ...finding,
      // what failed names the object somewhere, which is not where a reader looks for it
      reason: [finding.reason.includes(name) ? finding.reason : `${name}: ${finding.reason}`, ...own.map((a) => a.sentence)].join('; '),
      evidence: [
        ...finding.evidence,
        ...own.map(({ line: { journal, seq, at, sha256 } }) => ({
          kind: 'file' as const,
          what: plainLine(`line ${seq} of the journal ${journal}`),
          takenAt: at,
          sha256,
        })),
      ],
    }
  })
}

function countOf(findings: readonly JudgedFinding[]): Count {
  const open = findings.filter((f) => !f.attestation && !f.waiver)
  if (open.some((f) => f.verdict === 'fail')) return 'fail'
  if (open.some((f) => f.verdict === 'unknown') || findings.length === 0) return 'unknown'
  if (findings.some((f) => f.waiver)) return 'waived'
  if (findings.some((f) => f.attestation)) return 'attested'
  return worst(open.map((f) => f.verdict)) === 'notApplicable' ? 'notApplicable' : 'pass'
}

export function summarize(results: readonly StepResult[]): Summary {
  const summary: Summary = { pass: 0, fail: 0, unknown: 0, notApplicable: 0, attested: 0, waived: 0 }
  for (const result of results) summary[result.count]++
  return summary
}

/**
 * What the exit code 4 is about: the looks at the cluster, or all where it was not to be looked at. This machine can always be looked
 * at, and so can what is kept of earlier looks; neither tells anything of a cluster that does not answer.
 */
function looksThatCount(observed: Observed): Look<unknown>[] {
  const all = Object.entries(observed).flatMap(([name, sightings]) =>
    sightings.map(({ object, look }) => ({ look, ofCluster: object.kind !== 'workstation' && !isOfProofs(name) })),
  )
  const ofCluster = all.filter((l) => l.ofCluster)
  return (ofCluster.length > 0 ? ofCluster : all).map((l) => l.look)
}

/** 4 where no look at the cluster succeeded, 1 for a failure at or above `failOn`, 3 for an unknown there, else 0. */
export function exitCodeFor(
  results: readonly StepResult[],
  observed: Observed,
  options: { failOn: Severity; allowUnknown: boolean },
): number {
  const looks = looksThatCount(observed)
  if (looks.length > 0 && looks.every((look) => !look.ok)) return EXIT.broken
  const atOrAbove = results.filter((r) => SEVERITIES.indexOf(r.severity) >= SEVERITIES.indexOf(options.failOn))
  if (atOrAbove.some((r) => r.count === 'fail')) return EXIT.failed
  if (!options.allowUnknown && atOrAbove.some((r) => r.count === 'unknown')) return EXIT.unknown
  return EXIT.ok
}
