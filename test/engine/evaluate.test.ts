import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AnyStep,
  about,
  type Conclusion,
  eachFinding,
  type Finding,
  fail,
  notApplicable,
  one,
  pass,
  proofsOf,
  SEVERITIES,
  type Severity,
  type StepContext,
  step,
  unknown,
  VERDICTS,
  type Verdict,
  type Word,
} from '../../src/contract.ts'
import { Refusal } from '../../src/engine/errors.ts'
import {
  aboutNothing,
  answersFor,
  evaluate,
  exitCodeFor,
  type Observed,
  observationsFor,
  summarize,
  worst,
} from '../../src/engine/evaluate.ts'
import { lampRef, lampStep, lamps, world } from './world.ts'

const today = '2026-11-23'
const context = (day = today): StepContext => ({
  now: new Date(`${day}T12:00:00.000Z`),
  template: () => '',
  cluster: { name: 'lab', environment: 'lab' },
  identity: {},
  recipients: [],
  delivery: 'live',
  renew: false,
  waived: [],
})

const conclusions: Record<Verdict, Conclusion> = {
  pass: pass('good'),
  fail: fail('bad', 'mend it'),
  unknown: unknown('dark'),
  notApplicable: notApplicable('not here'),
}
/** A step that concludes this of objects `0`, `1` … */
const stepThat = (verdicts: readonly Verdict[], more: Partial<AnyStep> = {}): AnyStep => ({
  ...step({
    id: 'TST-01',
    category: 'tests',
    title: 'Test',
    severity: 'medium',
    why: 'To see.',
    references: [],
    observes: {},
    evaluate: () => verdicts.map((v, i): Finding => ({ ...conclusions[v], object: lampRef(String(i)), evidence: [] })),
  }),
  ...more,
})
const word = (more: Partial<Word> = {}): Word => ({ step: 'TST-01', by: 'ann', why: 'so', on: '2026-11-01', until: '2026-11-30', ...more })
const resultOf = (verdicts: readonly Verdict[], words: { attestations?: Word[]; waivers?: Word[] } = {}, day = today) => {
  const [result] = evaluate(
    [stepThat(verdicts)],
    {},
    { answers: {}, attestations: words.attestations ?? [], waivers: words.waivers ?? [], context: context(day) },
  )
  if (!result) throw new Error('no result')
  return result
}

describe('a verdict', () => {
  test('is the worst of the findings', () => {
    expect(worst(['pass', 'fail', 'unknown', 'notApplicable'])).toBe('fail')
    expect(worst(['pass', 'unknown', 'notApplicable'])).toBe('unknown')
    expect(worst(['pass', 'notApplicable'])).toBe('pass')
    expect(worst(['notApplicable'])).toBe('notApplicable')
    expect(worst([])).toBe('unknown')
  })

  test('is the same for the same observations, answers and day', async () => {
    const observed = await world({ a: true, b: false }).ports.observe(['lamps'], {})
    const again = () => evaluate([lampStep], observed, { answers: {}, attestations: [], waivers: [], context: context() })
    expect(again()).toEqual(again())
    expect(again()[0]).toMatchObject({
      verdict: 'fail',
      count: 'fail',
      canMend: true,
      canUndo: false,
      findings: [
        { object: lampRef('a'), verdict: 'pass', reason: 'a is lit' },
        { object: lampRef('b'), verdict: 'fail', reason: 'b is dark', remedy: 'switch it on' },
      ],
    })
  })

  test('has something to take back where the journals say that something was done', async () => {
    const observed = await world({ a: true }).ports.observe(['lamps'], {})
    const [result] = evaluate([lampStep], observed, {
      answers: {},
      attestations: [],
      waivers: [],
      context: context(),
      applied: { [lampStep.id]: [{ object: lampRef('a'), record: {} }] },
    })
    expect(result?.canUndo).toBe(true)
  })

  test('of an object that could not be seen is unknown by itself, with the evidence of the try', async () => {
    const evidence = [{ kind: 'command' as const, what: 'look', takenAt: '2026-11-23T12:00:00.000Z', sha256: '0' }]
    const observed: Observed = {
      lamps: [{ object: lampRef('a'), look: { ok: false, reason: 'too dark', remedy: 'come closer', evidence } }],
    }
    const [result] = evaluate([lampStep], observed, { answers: {}, attestations: [], waivers: [], context: context() })
    expect(result?.findings).toEqual([{ object: lampRef('a'), verdict: 'unknown', reason: 'too dark', remedy: 'come closer', evidence }])
  })

  test('holds what failed before, where there is something to mend', () => {
    const attempt = (name: string) => ({
      object: lampRef(name),
      sentence: `${name} was tried`,
      line: { journal: 'j', seq: 7, at: '2026-11-20T12:00:00.000Z', sha256: 'f' },
    })
    const given = { answers: {}, attestations: [], waivers: [], context: context() }
    const reasons = (...names: string[]) =>
      evaluate([stepThat(['pass', 'unknown', 'fail'])], {}, { ...given, failed: { 'TST-01': names.map(attempt) } })[0]?.findings.map(
        (f) => f.reason,
      )
    expect(reasons()).toEqual(['good', 'dark', 'bad'])
    expect(reasons('0', '1', '2')).toEqual(['good', '1: dark; 1 was tried', '2: bad; 2 was tried'])
    expect(reasons('somewhere')).toEqual(['good', '1: dark; somewhere was tried', 'bad'])
  })

  test('of one object in two looks needs both', () => {
    const seen = (names: string[]) =>
      names.map((name) => ({ object: lampRef(name), look: { ok: true as const, value: name, evidence: [] } }))
    const findings = eachFinding({ left: seen(['a', 'b']), right: seen(['b']) }, ({ left, right }) => pass(`${left}${right}`))
    expect(findings.map((f) => [f.object.name, f.verdict, f.reason])).toEqual([
      ['a', 'unknown', 'a was not looked at (right)'],
      ['b', 'pass', 'bb'],
    ])
  })

  test('may be of several objects in one look', () => {
    const seen = [{ object: lampRef('all'), look: { ok: true as const, value: ['x', 'y'], evidence: [] } }]
    const findings = eachFinding({ seen }, ({ seen: names }) => [...names.map((n) => about(lampRef(n), pass(n))), unknown('the rest')])
    expect(findings.map((f) => f.object.name)).toEqual(['x', 'y', 'all'])
    expect(one([])).toEqual({ ok: false, reason: 'was not looked at', evidence: [] })
  })
})

describe("a human's word", () => {
  test.each(VERDICTS)('as an attestation covers %s only where it is unknown', (verdict) => {
    const finding = resultOf([verdict], { attestations: [word()] }).findings[0]
    expect(finding?.attestation).toEqual(verdict === 'unknown' ? word() : undefined)
    expect(finding?.verdict).toBe(verdict)
  })

  test.each(VERDICTS)('as a waiver covers %s only where it fails', (verdict) => {
    const finding = resultOf([verdict], { waivers: [word()] }).findings[0]
    expect(finding?.waiver).toEqual(verdict === 'fail' ? word() : undefined)
    expect(finding?.verdict).toBe(verdict)
  })

  test('leaves the verdict as it is and is counted apart', () => {
    expect(resultOf(['fail', 'pass'], { waivers: [word()] })).toMatchObject({ verdict: 'fail', count: 'waived' })
    expect(resultOf(['unknown', 'pass'], { attestations: [word()] })).toMatchObject({ verdict: 'unknown', count: 'attested' })
    expect(resultOf(['fail', 'unknown'], { waivers: [word()], attestations: [word()] }).count).toBe('waived')
  })

  test('for one object covers no other', () => {
    const result = resultOf(['fail', 'fail'], { waivers: [word({ object: 'lamp/1' })] })
    expect(result.findings.map((f) => f.waiver !== undefined)).toEqual([false, true])
    expect(result.count).toBe('fail')
    expect(resultOf(['fail'], { waivers: [word({ object: 'node/0' })] }).count).toBe('fail')
  })

  test('for another step covers nothing', () => {
    expect(resultOf(['fail'], { waivers: [word({ step: 'TST-02' })] }).count).toBe('fail')
  })

  test.each([
    ['2026-10-31', 'fail'],
    ['2026-11-01', 'waived'],
    ['2026-11-30', 'waived'],
    ['2026-12-01', 'fail'],
  ])('counts from its first to its last day: on %s it is %s', (day, count) => {
    expect(resultOf(['fail'], { waivers: [word()] }, day).count).toBe(count)
    expect(resultOf(['unknown'], { attestations: [word()] }, day).count).toBe(count === 'waived' ? 'attested' : 'unknown')
  })

  test('that counts no more is named where it would have counted', () => {
    const reason = (verdict: Verdict, day: string, ...words: Word[]) =>
      resultOf([verdict], { attestations: words, waivers: words }, day).findings[0]?.reason
    const old = word({ by: 'bob', until: '2026-11-02' })
    expect(reason('fail', '2026-12-01', old, word())).toBe('bad; the waiver of ann ended on 2026-11-30')
    expect(reason('unknown', '2026-12-01', word())).toBe('dark; the attestation of ann ended on 2026-11-30')
    expect(reason('fail', '2026-11-20', old, word())).toBe('bad')
    expect(reason('fail', '2026-10-01', word())).toBe('bad')
    expect(reason('pass', '2026-12-01', word())).toBe('good')
  })

  test('about an object that nobody knows is told, where all was seen', () => {
    const words = [word({ object: 'lamp/0' }), word({ object: 'lamp/9' }), word(), word({ step: 'TST-02', object: 'lamp/9' })]
    expect(aboutNothing(words, [resultOf(['fail', 'pass'])])).toEqual([words[1]])
    expect(aboutNothing(words, [resultOf(['fail', 'unknown'])])).toEqual([])
    expect(aboutNothing(words, [resultOf([])])).toEqual([])
  })

  test('that still counts is found behind one that has ended', () => {
    expect(resultOf(['fail'], { waivers: [word({ until: '2026-11-02' }), word({ why: 'again' })] }).findings[0]?.waiver?.why).toBe('again')
  })
})

describe('the summary', () => {
  test('counts every step once, whatever was found and said', () => {
    const verdict = fc.constantFrom(...VERDICTS)
    const one = fc.record({ verdicts: fc.array(verdict, { maxLength: 4 }), waived: fc.boolean(), attested: fc.boolean() })
    fc.assert(
      fc.property(fc.array(one, { maxLength: 5 }), (list) => {
        const results = list.map(({ verdicts, waived, attested }) =>
          resultOf(verdicts, {
            waivers: waived ? [word({ object: 'lamp/0' })] : [],
            attestations: attested ? [word({ object: 'lamp/1' })] : [],
          }),
        )
        const summary = summarize(results)
        expect(Object.values(summary).reduce((a, b) => a + b, 0)).toBe(results.length)
        for (const result of results) {
          const open = result.findings.filter((f) => !f.waiver && !f.attestation)
          if (open.some((f) => f.verdict === 'fail')) expect(result.count).toBe('fail')
          if (result.count === 'pass') expect(open.every((f) => f.verdict === 'pass' || f.verdict === 'notApplicable')).toBe(true)
        }
      }),
    )
  })

  test('counts a step without findings as unknown, and one that is nowhere applicable as such', () => {
    expect(resultOf([]).count).toBe('unknown')
    expect(resultOf(['notApplicable', 'notApplicable']).count).toBe('notApplicable')
    expect(resultOf(['notApplicable', 'pass']).count).toBe('pass')
  })
})

describe('the exit code', () => {
  const looked: Observed = { lamps: [{ object: lampRef('a'), look: { ok: true, value: 1, evidence: [] } }] }
  const blind: Observed = { lamps: [{ object: lampRef('a'), look: { ok: false, reason: 'dark', evidence: [] } }] }
  const results = (...list: [Verdict, Severity][]) => list.map(([verdict, severity]) => ({ ...resultOf([verdict]), severity }))
  const code = (list: [Verdict, Severity][], options: { failOn?: Severity; allowUnknown?: boolean; observed?: Observed } = {}) =>
    exitCodeFor(results(...list), options.observed ?? looked, {
      failOn: options.failOn ?? 'medium',
      allowUnknown: options.allowUnknown ?? false,
    })

  test('is 0 where all pass, are waived, attested or not applicable', () => {
    expect(
      code([
        ['pass', 'critical'],
        ['notApplicable', 'critical'],
      ]),
    ).toBe(0)
    expect(
      exitCodeFor([resultOf(['fail'], { waivers: [word()] }), resultOf(['unknown'], { attestations: [word()] })], looked, {
        failOn: 'low',
        allowUnknown: false,
      }),
    ).toBe(0)
    expect(code([])).toBe(0)
  })

  test('is 1 for a failure at or above the severity that counts, and a failure wins over an unknown', () => {
    expect(code([['fail', 'medium']])).toBe(1)
    expect(code([['fail', 'low']])).toBe(0)
    expect(
      code([
        ['fail', 'high'],
        ['unknown', 'critical'],
      ]),
    ).toBe(1)
    for (const failOn of SEVERITIES)
      for (const severity of SEVERITIES)
        expect(code([['fail', severity]], { failOn })).toBe(SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(failOn) ? 1 : 0)
  })

  test('is 3 for something unknown there, unless that is allowed', () => {
    expect(code([['unknown', 'medium']])).toBe(3)
    expect(code([['unknown', 'medium']], { allowUnknown: true })).toBe(0)
    expect(code([['unknown', 'low']])).toBe(0)
    expect(
      code([
        ['unknown', 'high'],
        ['fail', 'low'],
      ]),
    ).toBe(3)
  })

  test('is 4 where no look at the cluster succeeded, whatever else was seen', () => {
    const here: Observed = { desk: [{ object: { kind: 'workstation', name: 'desk' }, look: { ok: true, value: 1, evidence: [] } }] }
    const kept: Observed = { [proofsOf('lamps')]: looked.lamps ?? [] }
    expect(code([['unknown', 'medium']], { observed: { ...blind, ...here, ...kept }, allowUnknown: true })).toBe(4)
    expect(code([['pass', 'medium']], { observed: here })).toBe(0)
    expect(code([['pass', 'medium']], { observed: { ...here, ...kept } })).toBe(0)
  })

  test('is 4 where no look at all succeeded', () => {
    expect(code([['unknown', 'medium']], { observed: blind })).toBe(4)
    expect(code([['unknown', 'medium']], { observed: { ...blind, more: looked.lamps ?? [] } })).toBe(3)
    expect(code([['unknown', 'medium']], { observed: blind, allowUnknown: true })).toBe(4)
  })
})

describe('answers', () => {
  const refusal = (run: () => unknown) => {
    try {
      run()
    } catch (error) {
      if (error instanceof Refusal) return [error.code, error.message, error.hint]
      throw error
    }
    throw new Error('was not refused')
  }

  test('are those of the profile, else the defaults', () => {
    expect(answersFor(lampStep, {})).toEqual({ needed: true })
    expect(answersFor(lampStep, { 'LMP-01': { needed: 'no' }, 'OTH-01': { x: 'y' } })).toEqual({ needed: false })
  })

  test('to questions that are none, or of another kind, are refused', () => {
    expect(refusal(() => answersFor(lampStep, { 'LMP-01': { nedded: 'no' } }))).toEqual([
      'unknown-question',
      'LMP-01 has no question "nedded"',
      'it has: needed',
    ])
    expect(refusal(() => answersFor(lampStep, { 'LMP-01': { needed: 'perhaps' } }))).toEqual([
      'bad-answer',
      'LMP-01 needed: "perhaps" is neither yes nor no',
      'expected yes or no',
    ])
    expect(refusal(() => answersFor(stepThat([]), { 'TST-01': { toString: 'x' } }))?.[2]).toBe('it has: none')
  })
})

test('an observation that two steps need is taken once, and what only a plan needs is not taken to look', () => {
  const other = stepThat([], { id: 'TST-02', observes: { again: lamps }, plansWith: { more: { ...lamps, name: 'more' } } })
  expect(observationsFor([lampStep, other], 'evaluate').map((o) => o.name)).toEqual(['lamps'])
  expect(observationsFor([lampStep, other], 'remediate').map((o) => o.name)).toEqual(['lamps', 'more'])
})
