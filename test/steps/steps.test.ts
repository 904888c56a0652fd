import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type AnyStep, type Applied, type Question, SEVERITIES, type StepContext } from '../../src/contract.ts'
import { OBSERVATIONS } from '../../src/domain/all-observations.ts'
import { Refusal } from '../../src/engine/errors.ts'
import { answersFor, evaluate, type Observed, observationsFor } from '../../src/engine/evaluate.ts'
import { asFiles, makePlan, type Plan, type Stage } from '../../src/engine/plan.ts'
import { STEPS } from '../../steps/index.ts'
import { checkPlan, checkRules, type ExpectedPlan, nameOf } from './plan-rules.ts'

/**
 * Each case is a folder `<step>/<what it is about>/`: `answers.json` as the profile holds them, `observations.json` by name,
 * `expected.json`, and `context.json` where the day, the delivery or earlier changes matter. Reasons and remedies are parts of texts.
 */

interface Expected {
  refused?: { code: string; reason: string }
  findings?: { object: string; verdict: string; reason: string; remedy?: string; evidence?: number }[]
  plan?: ExpectedPlan
  undo?: ExpectedPlan
}
interface CaseContext {
  now?: string
  delivery?: StepContext['delivery']
  identity?: StepContext['identity']
  recipients?: StepContext['recipients']
  renew?: boolean
  waived?: string[]
  applied?: Applied[]
}

const folder = fileURLToPath(new URL('.', import.meta.url))
const casesOf = (id: string): string[] => (existsSync(`${folder}${id}`) ? readdirSync(`${folder}${id}`).toSorted() : [])
const read = <T>(path: string): T => JSON.parse(readFileSync(`${folder}${path}.json`, 'utf8')) as T
const template = (path: string): string => readFileSync(new URL(`../../templates/${path}`, import.meta.url), 'utf8')

/** A step that changed what it was given would change what other steps see. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value)
    for (const inner of Object.values(value)) frozen(inner)
  }
  return value
}

function refusalOf(run: () => unknown): { code: string; reason: string } {
  try {
    run()
  } catch (error) {
    if (error instanceof Refusal) return { code: error.code, reason: error.message }
    throw error
  }
  throw new Error('was not refused')
}

function planOf(step: AnyStep, kind: Stage['kind'], observed: Observed, raw: Record<string, string>, given: CaseContext): Plan {
  const plan = makePlan({ kind, steps: [step.id] }, [step], observed, {
    answers: { [step.id]: raw },
    context: contextOf(given),
    identity: { ca: 'ca', id: 'id' },
    applied: { [step.id]: given.applied ?? [] },
  })
  return given.delivery === 'gitops' ? asFiles(plan) : plan
}

const contextOf = (given: CaseContext): StepContext => ({
  now: new Date(given.now ?? '2026-11-23T12:00:00.000Z'),
  template,
  cluster: { name: 'lab', environment: 'lab' },
  identity: given.identity ?? {},
  recipients: given.recipients ?? [],
  delivery: given.delivery ?? 'live',
  renew: given.renew ?? false,
  waived: given.waived ?? [],
})

describe.each(STEPS.map((step) => [step.id, step] as const))('%s', (id, step) => {
  test.each(casesOf(id))('%s', (name) => {
    const raw = frozen(read<Record<string, string>>(`${id}/${name}/answers`))
    const observed = frozen(read<Observed>(`${id}/${name}/observations`))
    const expected = read<Expected>(`${id}/${name}/expected`)
    const given: CaseContext = existsSync(`${folder}${id}/${name}/context.json`) ? frozen(read(`${id}/${name}/context`)) : {}
    const evaluated = () =>
      evaluate([step], observed, { answers: { [id]: raw }, attestations: [], waivers: [], context: contextOf(given) })[0]
    if (expected.refused) {
      expect(refusalOf(evaluated)).toEqual({ code: expected.refused.code, reason: expect.stringContaining(expected.refused.reason) })
      return
    }
    const findings = evaluated()?.findings ?? []
    expect(evaluated()?.findings).toEqual(findings)
    expect(findings.map((f) => ({ object: nameOf(f), verdict: f.verdict, reason: f.reason }))).toEqual(
      expected.findings?.map((f) => ({ object: f.object, verdict: f.verdict, reason: expect.stringContaining(f.reason) })),
    )
    for (const [index, wanted] of (expected.findings ?? []).entries()) {
      if (wanted.remedy) expect(findings[index]?.remedy).toContain(wanted.remedy)
      if (wanted.evidence !== undefined) expect(findings[index]?.evidence).toHaveLength(wanted.evidence)
    }
    for (const finding of findings) {
      expect(finding.reason).toMatch(/[^.\s]$/)
      if (finding.verdict === 'fail' && !step.remediate) expect(finding.remedy).toMatch(/\S/)
    }
    for (const [kind, wanted] of [
      ['mend', expected.plan],
      ['undo', expected.undo],
    ] as const) {
      if (!wanted) continue
      if (wanted.refused) {
        const refused = refusalOf(() => planOf(step, kind, observed, raw, given))
        expect(refused).toEqual({ code: wanted.refused.code, reason: expect.stringContaining(wanted.refused.reason) })
        continue
      }
      const plan = planOf(step, kind, observed, raw, given)
      expect(planOf(step, kind, observed, raw, given)).toEqual(plan)
      checkPlan(plan, wanted)
      checkRules(plan)
    }
  })
})

describe('every step of the checklist', () => {
  test('has an id of its own', () => {
    expect(new Set(STEPS.map((s) => s.id)).size).toBe(STEPS.length)
    for (const step of STEPS) expect(step.id).toMatch(/^[A-Z0-9]+-\d{2}$/)
  })

  test('lies where its category and id say', () => {
    const root = fileURLToPath(new URL('../../steps/', import.meta.url))
    for (const step of STEPS) expect([step.id, existsSync(`${root}${step.category}/${step.id}/step.ts`)]).toEqual([step.id, true])
    const folders = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('/step.ts'))
    expect(folders).toHaveLength(STEPS.length)
  })

  describe.each(STEPS.map((step) => [step.id, step] as const))('%s', (id, step) => {
    test('has at least four cases', () => {
      expect(casesOf(id).length).toBeGreaterThanOrEqual(4)
    })

    test('says why in one sentence, how bad it is, and where that is written', () => {
      expect(step.title).toMatch(/^\S.*[^.]$/)
      expect(step.why).toMatch(/^[A-Z].*\.$/)
      expect(SEVERITIES).toContain(step.severity)
      expect(step.references.length).toBeGreaterThan(0)
      for (const reference of step.references) {
        expect(reference.title).toMatch(/\S/)
        expect(new URL(reference.url).protocol).toBe('https:')
      }
    })

    test('asks with a hint, and each default is an answer to its own question', () => {
      for (const [name, question] of Object.entries(step.questions as Record<string, Question>)) {
        expect([name, question.label]).toEqual([name, expect.stringMatching(/\S/)])
        expect([name, question.hint]).toEqual([name, expect.stringMatching(/\S/)])
        expect([name, question.parse(question.format(question.default))]).toEqual([name, { value: question.default }])
      }
      expect(answersFor(step, {})).toEqual(
        Object.fromEntries(Object.entries(step.questions as Record<string, Question>).map(([name, q]) => [name, q.default])),
      )
    })

    test('needs observations that are declared', () => {
      for (const observable of observationsFor([step], 'remediate')) expect(OBSERVATIONS[observable.name]).toBe(observable)
    })

    test('says unknown with the reason where every look failed, and never guesses', () => {
      const observed: Observed = Object.fromEntries(
        observationsFor([step], 'remediate').map((o) => [
          o.name,
          [
            {
              object: { kind: o.scope, name: 'x' },
              look: { ok: false as const, reason: 'the lamp is out', remedy: 'light it', evidence: [] },
            },
          ],
        ]),
      )
      const result = evaluate([step], observed, { answers: {}, attestations: [], waivers: [], context: contextOf({}) })[0]
      expect(new Set(result?.findings.map((f) => `${f.verdict}: ${f.reason}: ${f.remedy}`))).toEqual(
        new Set(['unknown: the lamp is out: light it']),
      )
    })

    test('says unknown where nothing was looked at', () => {
      const result = evaluate([step], {}, { answers: {}, attestations: [], waivers: [], context: contextOf({}) })[0]
      expect(result?.verdict).toBe('unknown')
      for (const finding of result?.findings ?? []) expect(finding.reason).toContain('was not looked at')
    })
  })
})
