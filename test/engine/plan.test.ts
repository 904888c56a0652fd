import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Action, StepContext } from '../../src/contract.ts'
import { canonical } from '../../src/contract.ts'
import { Refusal } from '../../src/engine/errors.ts'
import { asFiles, digestOf, digestOfPlan, makePlan, type Plan, readPlan, whatChanged, writePlan } from '../../src/engine/plan.ts'
import { lampRef, lampStep, planToLight, world } from './world.ts'

const context: StepContext = {
  now: new Date('2026-11-23T12:00:00.000Z'),
  template: () => '',
  cluster: { name: 'lab', environment: 'lab' },
  identity: {},
  recipients: [],
  delivery: 'live',
  renew: false,
  waived: [],
}
const given = (applied: string[] = []) => ({
  answers: {},
  context,
  identity: { ca: 'ca', id: 'home' },
  applied: { 'LMP-01': applied.map((name) => ({ object: lampRef(name), record: null })) },
})
const refusal = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    if (error instanceof Refusal) return { code: error.code, message: error.message, hint: error.hint }
    throw error
  }
  throw new Error('was not refused')
}

describe('a plan', () => {
  test('is made of what the steps say of fresh observations, each part with a digest of its own', async () => {
    const { ports, unseen } = world({ a: false, b: true, c: false })
    unseen.add('c')
    const plan = makePlan({ kind: 'mend', steps: ['LMP-01'] }, [lampStep], await ports.observe(['lamps'], {}), given())
    expect(plan.parts).toEqual(planToLight('a').parts)
    expect(plan.blocked).toEqual([{ step: 'LMP-01', object: lampRef('c'), reason: 'c cannot be seen' }])
    expect(plan.identity).toEqual({ ca: 'ca', id: 'home' })
  })

  test('to take back is made of what was applied', async () => {
    const observed = await world({ a: true, b: true }).ports.observe(['lamps'], {})
    const plan = makePlan({ kind: 'undo', steps: ['LMP-01'] }, [lampStep], observed, given(['b']))
    expect(plan.parts.map((p) => [p.object.name, p.summary])).toEqual([['b', 'switch off']])
  })

  test('is refused for a step that a person has to mend', () => {
    const { remediate: _, ...byHand } = lampStep
    expect(refusal(() => makePlan({ kind: 'mend', steps: ['LMP-01'] }, [byHand], {}, given()))).toMatchObject({
      code: 'no-plan',
      message: 'LMP-01 has no plan: a person has to mend it',
    })
  })

  test('has the same digest wherever its keys stand, and another for any other content', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const turned = (v: unknown): unknown =>
          Array.isArray(v)
            ? v.map(turned)
            : typeof v === 'object' && v !== null
              ? Object.fromEntries(
                  Object.entries(v)
                    .toReversed()
                    .map(([k, x]) => [k, turned(x)]),
                )
              : v
        expect(digestOf(turned(value))).toBe(digestOf(value))
        expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)))
        expect(digestOf([value])).not.toBe(digestOf(value))
      }),
    )
    expect(digestOf({ a: undefined, b: 1 })).toBe(digestOf({ b: 1 }))
  })

  test('has a digest that depends on what it is for and what it does', () => {
    const plan = planToLight('a', 'b')
    const others: Plan[] = [
      { ...plan, identity: { ca: 'ca', id: 'other' } },
      { ...plan, stage: { kind: 'undo', steps: ['LMP-01'] } },
      { ...plan, parts: plan.parts.slice(0, 1) },
      { ...plan, parts: plan.parts.toReversed() },
    ]
    expect(new Set([plan, ...others].map(digestOfPlan)).size).toBe(5)
    expect(digestOfPlan(structuredClone(plan))).toBe(digestOfPlan(plan))
  })
})

describe('a plan in a file', () => {
  const plan = planToLight('a', 'b')

  test('is read as it was written', () => {
    expect(readPlan(writePlan(plan, 'live'), 'plan.json')).toEqual(plan)
    expect(JSON.parse(writePlan(plan, 'live'))).toMatchObject({ schema: 'talos-preflight/plan/v1' })
  })

  test('holds no time', () => {
    expect(writePlan(plan, 'live')).not.toMatch(/\d{4}-\d{2}-\d{2}T/)
  })

  test.each([
    ['is not a plan: it is not JSON', 'not JSON'],
    ['is not a plan of this version (talos-preflight/plan/v1)', '{}'],
    ['is not a plan of this version (talos-preflight/plan/v1)', 'null'],
    ['is not a plan of this version (talos-preflight/plan/v1)', '[]'],
    ['is not a plan of this version (talos-preflight/plan/v1)', writePlan(plan, 'live').replace('plan/v1', 'plan/v2')],
  ])('that %s is refused', (message, text) => {
    expect(refusal(() => readPlan(text, 'p.json'))).toMatchObject({
      code: 'bad-plan',
      message: `p.json ${message}`,
      hint: expect.stringContaining('plan STEP --out FILE'),
    })
  })

  test('with a piece missing or of another kind is refused, whichever it is', () => {
    const whole = JSON.parse(writePlan(plan, 'live')) as Record<string, unknown>
    const wrong: Record<string, unknown>[] = [
      ...['parts', 'stage', 'identity', 'blocked'].flatMap((key) => [null, 7, 'x', undefined].map((value) => ({ ...whole, [key]: value }))),
      { ...whole, stage: {} },
      { ...whole, parts: [null] },
      { ...whole, parts: [{}] },
      { ...whole, parts: [{ ...plan.parts[0], object: null }] },
      { ...whole, parts: [{ ...plan.parts[0], actions: {} }] },
    ]
    for (const value of wrong)
      expect(refusal(() => readPlan(JSON.stringify(value), 'p.json'))).toMatchObject({
        code: 'bad-plan',
        message: 'p.json is not a whole plan',
      })
  })

  test('that was changed by hand is refused, with the object', () => {
    const text = writePlan(plan, 'live').replace('"on": true', '"on": false')
    expect(refusal(() => readPlan(text, 'p.json'))).toMatchObject({
      code: 'plan-changed',
      message: 'p.json was changed after it was made: the part of a does not match its digest',
    })
  })
})

describe('whether a plan still holds', () => {
  const plan = planToLight('a', 'b')
  const never = () => false

  test('where nothing changed it does', () => {
    expect(whatChanged(plan, planToLight('b', 'a', 'c'), never)).toEqual([])
  })

  test('a part that needs another change, none at all, or is blocked now is named', () => {
    const fresh = planToLight('b')
    const [b] = fresh.parts
    if (!b) throw new Error('no part')
    const other: Plan = { ...fresh, parts: [{ ...b, digest: 'another' }], blocked: [] }
    expect(whatChanged(plan, other, never)).toEqual(['LMP-01 a: needs no change any more', 'LMP-01 b: needs another change now'])
    const blocked: Plan = { ...fresh, blocked: [{ step: 'LMP-01', object: lampRef('a'), reason: 'a cannot be seen' }] }
    expect(whatChanged(plan, blocked, never)).toEqual(['LMP-01 a: a cannot be seen'])
    const all: Plan['blocked'][number] = { step: 'LMP-01', object: { kind: 'cluster', name: 'cluster' }, reason: 'nothing is known' }
    expect(whatChanged(plan, { ...fresh, parts: [], blocked: [all] }, never)).toEqual([
      'LMP-01 a: nothing is known',
      'LMP-01 b: nothing is known',
    ])
  })

  test('a part that our journal says is done does not count', () => {
    expect(whatChanged(plan, planToLight('b'), (part) => part.object.name === 'a')).toEqual([])
  })

  test('for another cluster it does not hold at all', () => {
    expect(whatChanged(plan, { ...plan, identity: { ca: 'ca', id: 'other' } }, () => true)).toEqual(['the plan is for another cluster'])
  })
})

describe('a plan as files', () => {
  test('writes the file of each change and does nothing else', () => {
    const files = asFiles(planToLight('a', 'b'))
    expect(files.parts.map((p) => p.actions)).toEqual([
      [
        {
          kind: 'write',
          id: 'switch',
          title: 'write generated/LMP-01/a.txt',
          danger: 'read',
          path: 'generated/LMP-01/a.txt',
          content: 'on\n',
        },
      ],
      [
        {
          kind: 'write',
          id: 'switch',
          title: 'write generated/LMP-01/b.txt',
          danger: 'read',
          path: 'generated/LMP-01/b.txt',
          content: 'on\n',
        },
      ],
    ])
    expect(readPlan(writePlan(files, 'live'), 'p.json')).toEqual(files)
    expect(asFiles(files)).toEqual(files)
  })

  test('is blocked where no file says a change, whatever else the part would write', () => {
    const plan = planToLight('a', 'b')
    const parts = plan.parts.map((part) =>
      part.object.name === 'a'
        ? {
            ...part,
            actions: part.actions.flatMap((action): Action[] => {
              if (action.kind !== 'run') return [action]
              const { file: _, ...unsaid } = action
              return [action, { ...unsaid, id: 'sweep', title: 'sweep the floor' }]
            }),
          }
        : part,
    )
    const files = asFiles({ ...plan, parts })
    expect(files.parts.map((p) => p.object.name)).toEqual(['b'])
    expect(files.blocked).toEqual([
      {
        step: 'LMP-01',
        object: lampRef('a'),
        reason: 'no file can say this: sweep the floor',
        remedy: 'do it by hand, or where your configuration is kept',
      },
    ])
  })
})
