import { describe, expect, test } from 'vitest'
import { type Action, type AnyStep, type Json, type Part, type RunAction, step, unanswered } from '../../src/contract.ts'
import type { Entry } from '../../src/engine/journal.ts'
import { type Control, perform } from '../../src/engine/perform.ts'
import { digestOf, makePlan, type Plan, readPlan, writePlan } from '../../src/engine/plan.ts'
import { failed, inShort, lampRef, lamps, type World, world } from './world.ts'

/** Parts that make something, look whether it works, and take it away again, whatever came of it. */

const steady: Control = { mode: 'live', stopping: () => false, signal: new AbortController().signal, terminal: false }
const run = (id: string, args: { [key: string]: Json }, more: Partial<RunAction> = {}): RunAction => ({
  kind: 'run',
  id,
  title: id,
  danger: 'change',
  call: { verb: id, args },
  undo: { none: 'it is taken away at the end' },
  cancel: 'after this object',
  restarts: 'nothing',
  ...more,
})
const isOn = { observation: 'lamps', predicate: 'isOn', args: null, sentence: 'it is lit' }
const lit = (more: Partial<Extract<Action, { kind: 'expect' }>> = {}): Action => ({
  kind: 'expect',
  id: 'lit',
  title: 'is lit',
  danger: 'read',
  condition: isOn,
  deadlineSeconds: 20,
  ...more,
})
const clear = run('clear', {}, { always: true })
const told = (seconds: number): Action => ({
  kind: 'prove',
  id: 'told',
  title: 'see whether it is lit',
  danger: 'read',
  observation: 'lamps',
  of: { settles: { predicate: 'isOn', args: null, sentence: 'it is lit' }, seconds },
  required: true,
})

const partOf = (actions: Action[]): Part => ({ object: lampRef('a'), summary: 'try it', actions })
const stepOf = (actions: Action[]): AnyStep =>
  step({
    id: 'LMP-03',
    category: 'lamps',
    title: 'Lamps work',
    severity: 'low',
    why: 'One sees better.',
    references: [],
    observes: { seen: lamps },
    evaluate: () => [],
    remediate: () => ({ parts: [partOf(actions)], blocked: [] }),
  })
const given = { answers: {}, identity: { id: 'home' }, applied: {} }
const planned = (actions: Action[]): Plan =>
  makePlan({ kind: 'mend', steps: ['LMP-03'] }, [stepOf(actions)], {}, { ...given, context: undefined as never })

async function performed(w: World, actions: Action[], control: Control = steady) {
  const journal: Entry[] = []
  const result = await perform(
    planned(actions),
    w.ports,
    async (entry) => {
      journal.push(entry)
    },
    () => undefined,
    control,
  )
  return { result, journal, short: inShort(journal), calls: w.calls.map((c) => c.verb) }
}
const seconds = (w: World) => (new Date(w.now()).getTime() - Date.parse('2026-11-23T12:00:00.000Z')) / 1000

describe('what is always done', () => {
  test('is done at the end of a part that went well, once', async () => {
    const { calls, result } = await performed(world({ a: true }), [run('make', {}), lit(), clear])
    expect([calls, result.done.length]).toEqual([['make', 'clear'], 1])
  })

  test('is done where an action before it failed, and the first failure is what counts', async () => {
    const w = world({ a: true })
    w.answers.make = () => failed('no current')
    const { calls, short, result } = await performed(w, [run('make', {}), lit(), clear])
    expect([calls, result.failed?.reason]).toEqual([['make', 'clear'], 'no current'])
    expect(short.slice(-3)).toEqual(['intent a clear', 'child 42', 'outcome a clear done'])
  })

  test('is done where it was stopped in the middle, and where a wait ran out', async () => {
    const stop = new AbortController()
    const w = world({ a: false })
    w.onSleep = () => stop.abort()
    const stopped = await performed(w, [run('make', {}), lit(), clear], {
      ...steady,
      mode: 'live',
      stopping: () => w.calls.length > 0,
      signal: stop.signal,
    })
    expect([stopped.calls, stopped.result.stopped]).toEqual([['make', 'clear'], true])
    const late = await performed(world({ a: false }), [run('make', {}), lit(), clear])
    expect([late.calls, late.result.failed?.reason]).toEqual([['make', 'clear'], 'after 20 s: the lamp is off'])
  })

  test('and fails as well is in the journal, and the first failure still counts', async () => {
    const w = world({ a: true })
    w.answers.make = () => failed('no current')
    w.answers.clear = () => failed('nobody there')
    const { journal, result } = await performed(w, [run('make', {}), clear])
    expect(result.failed?.reason).toBe('no current')
    expect(journal.at(-1)).toMatchObject({ action: 'clear', result: 'failed', reason: 'nobody there' })
  })

  test('is not done for what was not begun', async () => {
    expect((await performed(world({ a: true }), [run('make', {}), clear], { ...steady, stopping: () => true })).calls).toEqual([])
  })
})

describe('outputs of what was waited for', () => {
  const named = run('use', { of: '{lamp}', list: ['{lamp}', 'is {lamp}'] })

  test('stand in the place of their names, and only where a whole argument is the name', async () => {
    const w = world({ a: true })
    w.ports.outputs = () => ({ lamp: 'bright' })
    const { journal } = await performed(w, [lit({ outputs: true }), named])
    expect(w.calls.at(-1)?.args).toEqual({ of: 'bright', list: ['bright', 'is {lamp}'] })
    expect(journal.find((e) => e.kind === 'outcome' && e.action === 'lit')).toMatchObject({ outputs: { lamp: 'bright' } })
  })

  test('are not there where nothing gives them, and that is found before anything runs', () => {
    expect(() => planned([lit(), named])).toThrow('use: nothing before it gives "{lamp}"')
    expect(() => planned([named, lit({ outputs: true })])).toThrow('use: nothing before it gives "{lamp}"')
    expect(() => planned([lit({ outputs: true }), named])).not.toThrow()
  })

  test('stay names in the plan, so that its digest does not depend on them', () => {
    const plan = planned([lit({ outputs: true }), named])
    expect(readPlan(writePlan(plan, 'live'), 'p.json').parts[0]?.actions[1]).toEqual(named)
    expect(plan.parts[0]?.digest).toBe(digestOf({ step: 'LMP-03', object: lampRef('a'), actions: plan.parts[0]?.actions }))
  })
})

describe('what must hold for a time', () => {
  test('is looked at again and again until the time is over', async () => {
    const w = world({ a: true })
    const { result } = await performed(w, [lit({ steadySeconds: 12 })])
    expect([result.done.length, seconds(w)]).toEqual([1, 12])
  })

  test('begins anew at every break', async () => {
    const w = world({ a: true })
    w.onSleep = () => {
      w.lamps.a = { on: !(seconds(w) > 4 && seconds(w) < 7) }
    }
    const { result } = await performed(w, [lit({ steadySeconds: 12, deadlineSeconds: 60 })])
    expect(result.done.length).toBe(1)
    expect(seconds(w)).toBeGreaterThanOrEqual(19)
  })

  test('fails with the last reason where it does not hold long enough in time', async () => {
    const w = world({ a: true })
    w.onSleep = () => {
      w.lamps.a = { on: seconds(w) < 18 }
    }
    const { result } = await performed(w, [lit({ steadySeconds: 30 })])
    expect(result.failed?.reason).toBe('after 20 s: the lamp is off')
  })

  test('and is stopped meanwhile is not called done', async () => {
    const stop = new AbortController()
    const w = world({ a: true })
    w.onSleep = () => stop.abort()
    const { result } = await performed(w, [lit({ steadySeconds: 12 })], { ...steady, signal: stop.signal })
    expect([result.stopped, result.done]).toEqual([true, []])
  })
})

describe('a proof of what settles', () => {
  const proofOf = (w: World) => {
    const [, text = '{}'] = [...w.files].find(([path]) => path.startsWith('evidence/proofs/lamps/')) ?? []
    return JSON.parse(text) as { value?: unknown; takenAt?: string }
  }

  test('is taken as soon as it is so', async () => {
    const w = world({ a: false })
    w.onSleep = () => {
      if (seconds(w) >= 3) w.lamps.a = { on: true }
    }
    expect((await performed(w, [told(30)])).result.done).toHaveLength(1)
    expect(proofOf(w)).toMatchObject({ value: { on: true }, takenAt: '2026-11-23T12:00:03.500Z' })
  })

  test('is taken as well where it is not so when the time is over: that is what was found', async () => {
    const w = world({ a: false })
    expect((await performed(w, [told(30)])).result.done).toHaveLength(1)
    expect(proofOf(w)).toMatchObject({ value: { on: false }, takenAt: '2026-11-23T12:00:30.000Z' })
  })

  test('says itself that it is refused where it is not as it must be, and nothing behind it is done', async () => {
    const expects = { predicate: 'isOn', args: null, sentence: 'it is lit' }
    const [off, on] = [world({ a: false }), world({ a: true })]
    const { result, calls, journal } = await performed(off, [{ ...told(5), expects } as Action, run('make', {})])
    expect([result.failed?.reason, calls]).toEqual(['the lamp is off', []])
    expect(proofOf(off)).toMatchObject({ value: { on: false }, refused: 'the lamp is off' })
    // it stays evidence: the journal has its digest
    expect(journal.at(-1)).toMatchObject({ result: 'failed', outputs: { proof: expect.any(String), proofSha256: expect.any(String) } })
    await performed(on, [{ ...told(5), expects } as Action])
    expect(proofOf(on)).not.toHaveProperty('refused')
  })

  test('is not taken where nothing can be seen', async () => {
    const w = world({ a: false })
    w.unseen.add('a')
    const { result, calls } = await performed(w, [run('make', {}), told(30), clear])
    expect([result.failed?.reason, calls]).toEqual(['a cannot be seen', ['make', 'clear']])
    expect([...w.files.keys()].filter((path) => path.startsWith('evidence/'))).toEqual([])
  })
})

describe('a proof of a file that was sealed before', () => {
  const again = (required: boolean): Action => ({
    kind: 'prove',
    id: 'open',
    title: 'open it again',
    danger: 'read',
    observation: 'opened',
    of: { file: 'secrets/bundle.age' },
    required,
  })

  test('looks at that file, and changes nothing', async () => {
    const w = world({})
    w.proofs.opened = { look: { ok: true, value: { whole: true }, evidence: [] }, of: 'abcdef0123' }
    const { result, calls } = await performed(w, [again(true)])
    expect([result.done.length, calls, w.proved]).toEqual([1, [], [{ observation: 'opened', of: 'secrets/bundle.age', terminal: false }]])
    expect([...w.files.keys()]).toEqual(['evidence/proofs/opened/2026-11-23T12-00-00-abcdef01.json'])
  })

  test('that does not open fails where it is insisted on, and is only missing where it is not', async () => {
    expect((await performed(world({}), [again(true)])).result.failed?.reason).toBe('nothing to see')
    const { journal } = await performed(world({}), [again(false)])
    expect(journal.at(-1)).toMatchObject({ result: 'unproved', reason: 'nothing to see' })
  })
})

describe('a part that waits for an answer', () => {
  test('names the question, and how it is answered', () => {
    const asking: AnyStep = {
      ...stepOf([]),
      remediate: () => ({ parts: [], blocked: [unanswered(lampRef('a'), 'LMP-03', 'colour', 'nobody said which colour', 'red')] }),
    }
    const plan = makePlan({ kind: 'mend', steps: ['LMP-03'] }, [asking], {}, { ...given, context: undefined as never })
    expect(plan.blocked).toEqual([
      {
        step: 'LMP-03',
        object: lampRef('a'),
        reason: 'nobody said which colour',
        remedy: 'answer it in the wizard, in preflight.yaml, or with --answer LMP-03.colour=red',
        question: 'colour',
      },
    ])
    expect(readPlan(writePlan(plan, 'live'), 'p.json').blocked).toEqual(plan.blocked)
  })
})
