import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/contract.ts'
import { Failure, Refusal } from '../../src/engine/errors.ts'
import type { Entry } from '../../src/engine/journal.ts'
import { type Control, type PerformResult, type Progress, perform } from '../../src/engine/perform.ts'
import type { Plan } from '../../src/engine/plan.ts'
import { failed, inShort, planToLight, type World, world } from './world.ts'

const steady: Control = { mode: 'live', stopping: () => false, signal: new AbortController().signal, terminal: false }

async function performed(w: World, plan: Plan, control: Control = steady, from?: { part: string; action: number }) {
  const journal: Entry[] = []
  const progress: Progress[] = []
  const result = await perform(
    plan,
    w.ports,
    async (entry) => {
      journal.push(entry)
    },
    (p) => progress.push(p),
    control,
    from,
  )
  return { result, journal, progress }
}
const brief = ({ done, left, failed: why, stopped }: PerformResult) => ({
  done: done.map((p) => p.object.name),
  left: left.map((p) => p.object.name),
  failed: why ? `${why.part.object.name} ${why.action.id}: ${why.reason}` : undefined,
  stopped,
})
/** The plan with one action of every part changed. */
const withAction = (plan: Plan, id: string, change: (action: Action) => Action): Plan => ({
  ...plan,
  parts: plan.parts.map((p) => ({ ...p, actions: p.actions.map((a) => (a.id === id ? change(a) : a)) })),
})

describe('performing a plan', () => {
  test('writes the intent before each action and the outcome after it', async () => {
    const w = world({ a: false, b: false })
    const { result, journal } = await performed(w, planToLight('a', 'b'))
    expect(brief(result)).toEqual({ done: ['a', 'b'], left: [], failed: undefined, stopped: false })
    expect(inShort(journal)).toEqual([
      'intent a seal',
      'outcome a seal done',
      'intent a switch',
      'child 42',
      'outcome a switch done',
      'intent a lit',
      'outcome a lit done',
      'intent b seal',
      'outcome b seal done',
      'intent b switch',
      'child 42',
      'outcome b switch done',
      'intent b lit',
      'outcome b lit done',
    ])
    expect(w.lamps).toEqual({ a: { on: true }, b: { on: true } })
  })

  test('calls nothing before the intent is on disk', async () => {
    const w = world({ a: false })
    const plan = planToLight('a')
    await expect(
      perform(
        plan,
        w.ports,
        () => Promise.reject(new Failure('disk-full', 'the disk is full')),
        () => undefined,
        steady,
      ),
    ).rejects.toThrow('the disk is full')
    expect(w.calls).toEqual([])
  })

  test('keeps in the journal what taking back needs, and only with what was done', async () => {
    const w = world({ a: false })
    const good = (await performed(w, planToLight('a'))).journal.filter((e) => e.kind === 'outcome' && e.action === 'switch')
    expect(good[0]).toMatchObject({ result: 'done', record: { was: false } })
    const bad = world({ a: false })
    bad.answers.switch = () => failed('no current')
    const outcome = (await performed(bad, planToLight('a'))).journal.find((e) => e.kind === 'outcome' && e.action === 'switch')
    expect(outcome).toMatchObject({ result: 'failed', reason: 'no current' })
    expect(outcome).not.toHaveProperty('record')
  })

  test('says of an intent whether it may simply be done again, and what tells that it is done', async () => {
    const { journal } = await performed(world({ a: false }), planToLight('a'))
    const intents = journal.filter((e) => e.kind === 'intent')
    expect(intents.map((e) => [e.action, e.repeatable, e.done?.predicate])).toEqual([
      ['seal', true, undefined],
      ['switch', true, 'isOn'],
      ['lit', true, undefined],
    ])
    const blind = withAction(planToLight('a'), 'switch', (a) => {
      if (a.kind !== 'run') return a
      const { done: _, ...rest } = a
      return rest
    })
    expect((await performed(world({ a: false }), blind)).journal).toContainEqual(
      expect.objectContaining({ kind: 'intent', action: 'switch', repeatable: false }),
    )
  })

  test('seals the answer of a call under the time, says who can open it, and forgets the plaintext', async () => {
    const w = world({ a: false })
    let output = Buffer.alloc(0)
    w.answers.secret = () => {
      output = Buffer.from('the secret')
      return { ok: true, summary: '', output }
    }
    const { journal } = await performed(w, planToLight('a'))
    expect(w.sealed).toEqual([{ path: 'secrets/a-2026-11-23T12-00-00.age', plaintext: 'the secret' }])
    expect(journal.find((e) => e.kind === 'outcome' && e.action === 'seal')).toMatchObject({
      reason: 'secrets/a-2026-11-23T12-00-00.age, 2 recipients',
      outputs: { path: 'secrets/a-2026-11-23T12-00-00.age', sha256: 's', bytes: 10, recipients: ['you', 'safe'] },
    })
    expect(output.every((byte) => byte === 0)).toBe(true)
    expect(JSON.stringify(journal)).not.toContain('the secret')
  })

  test('waits for the next second where this one has a sealed file of that name already, as one that was killed leaves it', async () => {
    const w = world({ a: false }, '2026-11-23T12:00:00.250Z')
    w.files.set('secrets/a-2026-11-23T12-00-00.age', 'sealed before')
    const { journal } = await performed(w, planToLight('a'))
    expect(w.sealed.map((s) => s.path)).toEqual(['secrets/a-2026-11-23T12-00-01.age'])
    expect(journal.find((e) => e.kind === 'intent' && e.action === 'seal')).toMatchObject({ path: 'secrets/a-2026-11-23T12-00-01.age' })
    expect(w.now()).toBe('2026-11-23T12:00:01.000Z')
  })

  test('changes nothing where the seal before it failed', async () => {
    const w = world({ a: false })
    w.answers.secret = () => ({ ok: true, summary: '', output: Buffer.alloc(0) })
    expect(brief((await performed(w, planToLight('a'))).result).failed).toBe('a seal: there was nothing to seal: the answer was empty')
    const other = world({ a: false })
    other.ports.seal = () => Promise.reject(new Failure('not-sealed', 'age could not seal', 'see doctor'))
    expect((await performed(other, planToLight('a'))).result.failed).toMatchObject({ reason: 'age could not seal', remedy: 'see doctor' })
    expect([...w.calls, ...other.calls].filter((c) => c.verb === 'switch')).toEqual([])
  })

  test('stops at the first failure; the rest is still a plan', async () => {
    const w = world({ a: false, b: false, c: false })
    w.answers.switch = (call) => (call.args.name === 'b' ? failed('no current') : undefined)
    const { result, journal } = await performed(w, planToLight('a', 'b', 'c'))
    expect(brief(result)).toEqual({ done: ['a'], left: ['c'], failed: 'b switch: no current', stopped: false })
    expect(inShort(journal).at(-1)).toBe('outcome b switch failed')
    expect(w.lamps.c).toEqual({ on: false })
  })

  test('takes a call that failed for done where the object says that it is done', async () => {
    const w = world({ a: false })
    w.answers.switch = () => {
      w.lamps.a = { on: true }
      return failed('the line broke')
    }
    const { result, journal } = await performed(w, planToLight('a'))
    expect(brief(result).done).toEqual(['a'])
    expect(journal.find((e) => e.kind === 'outcome' && e.action === 'switch')).toMatchObject({
      result: 'done',
      reason: 'the lamp is on, though the call ended with: the line broke',
      record: { was: false },
    })
  })

  test('waits until the object can be seen before it says what became of a call that failed', async () => {
    for (const had of [true, false]) {
      const w = world({ a: false })
      w.answers.switch = () => {
        w.unseen.add('a')
        return failed('the line broke')
      }
      w.onSleep = () => {
        if (w.now() < '2026-11-23T12:00:50') return
        w.unseen.clear()
        w.lamps.a = { on: had }
      }
      const { result, journal } = await performed(w, planToLight('a'))
      expect(brief(result)).toMatchObject(had ? { done: ['a'], failed: undefined } : { done: [], failed: 'a switch: the line broke' })
      expect(journal).toContainEqual(
        expect.objectContaining({
          kind: 'outcome',
          action: 'switch',
          result: had ? 'done' : 'failed',
          ...(had ? { record: { was: false } } : {}),
        }),
      )
    }
  })

  test('does not call failed in the journal what it cannot tell about, so that a later start finds out', async () => {
    const w = world({ a: false, b: false })
    w.answers.switch = () => {
      w.unseen.add('a')
      return failed('the line broke')
    }
    const { result, journal } = await performed(w, planToLight('a', 'b'))
    expect([brief(result), result.failed?.remedy]).toEqual([
      {
        done: [],
        left: ['b'],
        failed: 'a switch: the line broke; whether it was done all the same cannot be seen: a cannot be seen',
        stopped: false,
      },
      'run the same command again once a can be seen: it finds out what became of it',
    ])
    expect(inShort(journal).slice(-2)).toEqual(['intent a switch', 'child 42'])
    expect(w.now()).toBe('2026-11-23T12:01:00.000Z')
  })

  test('brings to its end what it has begun where the journal cannot be written meanwhile, and then says that', async () => {
    const w = world({ a: false })
    const journal: string[] = []
    const ended = perform(
      planToLight('a'),
      w.ports,
      async (entry) => {
        if (entry.kind === 'child') throw new Failure('disk-full', 'the disk is full')
        journal.push(...inShort([entry]))
      },
      () => undefined,
      steady,
    )
    await expect(ended).rejects.toThrow('the disk is full')
    // the intent stays open
    expect([w.lamps.a, journal.at(-1)]).toEqual([{ on: true }, 'intent a switch'])
  })

  test('turns a refusal of a port into a failed action, and lets a bug through', async () => {
    const w = world({ a: false })
    w.answers.switch = () => {
      throw new Refusal('no-way', 'not with me', 'ask another')
    }
    expect((await performed(w, planToLight('a'))).result.failed).toMatchObject({ reason: 'not with me', remedy: 'ask another' })
    w.answers.switch = () => {
      throw new TypeError('undefined is not a lamp')
    }
    await expect(performed(w, planToLight('a'))).rejects.toThrow(TypeError)
  })

  test('goes on inside of a part where it is told to', async () => {
    const w = world({ a: true, b: false })
    const plan = planToLight('a', 'b')
    const { journal } = await performed(w, plan, steady, { part: plan.parts[0]?.digest ?? '', action: 2 })
    expect(inShort(journal).slice(0, 3)).toEqual(['intent a lit', 'outcome a lit done', 'intent b seal'])
  })

  test('writes a file into the workspace, and says so where there is none', async () => {
    const plan = withAction(planToLight('a'), 'seal', () => ({
      kind: 'write',
      id: 'seal',
      title: 'write',
      danger: 'read',
      path: 'generated/a',
      content: 'on\n',
    }))
    const w = world({ a: false })
    expect(brief((await performed(w, plan)).result).done).toEqual(['a'])
    expect(w.files.get('generated/a')).toBe('on\n')
    const { workspace: _, ...without } = w.ports
    w.ports = without
    expect(brief((await performed(w, plan)).result).failed).toBe('a seal: there is no workspace to write into')
  })
})

describe('waiting for a condition', () => {
  const slow = () => {
    const w = world({ a: false })
    w.answers.switch = () => ({ ok: true, summary: '', output: Buffer.alloc(0) })
    return w
  }

  test('looks at once and does not wait where it holds', async () => {
    const w = world({ a: false })
    await performed(w, planToLight('a'))
    expect(w.now()).toBe('2026-11-23T12:00:00.000Z')
  })

  test('looks again in growing steps until it holds', async () => {
    const w = slow()
    const slept: number[] = []
    w.onSleep = (ms) => {
      slept.push(ms)
      if (slept.length === 6) w.lamps.a = { on: true }
    }
    const { result, progress } = await performed(w, planToLight('a'))
    expect(brief(result).done).toEqual(['a'])
    expect(slept).toEqual([500, 1000, 2000, 4000, 5000, 5000])
    expect(progress.filter((p) => p.action === 'lit').map((p) => p.note ?? p.status)).toEqual([
      'running',
      'the lamp is off, again in 1 s',
      'the lamp is off, again in 1 s',
      'the lamp is off, again in 2 s',
      'the lamp is off, again in 4 s',
      'the lamp is off, again in 5 s',
      'the lamp is off, again in 5 s',
      'done',
    ])
  })

  test('ends at its deadline, not before, and says why and what the object says', async () => {
    const w = slow()
    const { result } = await performed(w, planToLight('a', 'b'))
    expect(w.now()).toBe('2026-11-23T12:01:00.000Z')
    expect(brief(result)).toMatchObject({ failed: 'a lit: after 60 s: the lamp is off; the node says: the bulb is loose', left: ['b'] })
  })

  test('takes the last look at the deadline', async () => {
    const w = slow()
    w.onSleep = () => {
      if (w.now() === '2026-11-23T12:01:00.000Z') w.lamps.a = { on: true }
    }
    expect(brief((await performed(w, planToLight('a'))).result).done).toEqual(['a'])
  })

  test('takes a look that failed again until the deadline, and then says why it could not see', async () => {
    const w = slow()
    w.unseen.add('a')
    let looks = 0
    w.onSleep = () => {
      if (++looks === 3) {
        w.unseen.clear()
        w.lamps.a = { on: true }
      }
    }
    expect(brief((await performed(w, planToLight('a'))).result).done).toEqual(['a'])
    const never = slow()
    never.unseen.add('a')
    never.answers.why = () => failed('nobody knows')
    expect(brief((await performed(never, planToLight('a'))).result).failed).toBe('a lit: after 60 s: a cannot be seen')
  })
})

describe('stopping', () => {
  test('finishes the object at hand and begins no other', async () => {
    const w = world({ a: false, b: false, c: false })
    let stop = false
    w.answers.switch = (call) => {
      stop = call.args.name === 'a'
      return undefined
    }
    const { result, journal } = await performed(w, planToLight('a', 'b', 'c'), {
      mode: 'live',
      stopping: () => stop,
      signal: new AbortController().signal,
      terminal: false,
    })
    expect(brief(result)).toEqual({ done: ['a'], left: ['b', 'c'], failed: undefined, stopped: true })
    expect(inShort(journal).at(-1)).toBe('outcome a lit done')
  })

  test('before the beginning leaves everything to be done', async () => {
    const w = world({ a: false })
    expect(
      brief(
        (
          await performed(w, planToLight('a'), {
            mode: 'live',
            stopping: () => true,
            signal: new AbortController().signal,
            terminal: false,
          })
        ).result,
      ),
    ).toEqual({
      done: [],
      left: ['a'],
      failed: undefined,
      stopped: true,
    })
    expect(w.calls).toEqual([])
  })

  test('a second time ends the waiting at once and says so in the journal', async () => {
    const w = world({ a: false, b: false })
    w.answers.switch = () => ({ ok: true, summary: '', output: Buffer.alloc(0) })
    const twice = new AbortController()
    w.onSleep = () => twice.abort()
    const { result, journal } = await performed(w, planToLight('a', 'b'), {
      mode: 'live',
      stopping: () => w.calls.length > 0,
      signal: twice.signal,
      terminal: false,
    })
    expect(brief(result)).toEqual({ done: [], left: ['b'], failed: undefined, stopped: true })
    expect(journal.at(-1)).toMatchObject({
      kind: 'outcome',
      action: 'lit',
      result: 'stopped',
      reason: 'stopped while waiting: the lamp is off',
    })
  })
})
