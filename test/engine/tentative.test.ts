import { describe, expect, test } from 'vitest'
import type { Action, TryAction } from '../../src/contract.ts'
import type { Entry } from '../../src/engine/journal.ts'
import { type Control, type Progress, perform } from '../../src/engine/perform.ts'
import { digestOf, type Plan, type PlannedPart } from '../../src/engine/plan.ts'
import { lampRef, refused, type Trying, tryingWorld, tryToLight } from './trying.ts'
import { inShort } from './world.ts'

/** A change that goes back by itself unless it is kept. */

const steady: Control = { mode: 'live', stopping: () => false, signal: new AbortController().signal, terminal: false }

function planToTry(more: Partial<TryAction>, ...names: string[]): Plan {
  const parts = names.map((name): PlannedPart => {
    const object = lampRef(name)
    const actions: Action[] = [tryToLight(name, more)]
    return { step: 'LMP-02', object, summary: 'switch on', actions, digest: digestOf([object, actions]) }
  })
  return { stage: { kind: 'mend', steps: ['LMP-02'] }, identity: { id: 'home' }, parts, blocked: [] }
}

async function tried(w: Trying, more: Partial<TryAction> = {}, control: Control = steady, names = ['a']) {
  const journal: Entry[] = []
  const progress: Progress[] = []
  const result = await perform(
    planToTry(more, ...names),
    w.ports,
    async (entry) => {
      journal.push(entry)
      w.order.push(...inShort([entry]))
    },
    (p) => progress.push(p),
    control,
  )
  const { failed } = result
  return { result, why: failed && { reason: failed.reason, ...(failed.remedy ? { remedy: failed.remedy } : {}) }, journal, progress }
}
const seconds = (w: Trying) => (new Date(w.now()).getTime() - Date.parse('2026-11-23T12:00:00.000Z')) / 1000
const sent = (w: Trying) => w.calls.map((c) => c.verb)

describe('what is tried and holds', () => {
  test('is kept with the same call, inside of its window, and what keeps it is seen', async () => {
    const w = tryingWorld({ a: false })
    const { result, journal } = await tried(w)
    expect(result.done.map((p) => p.object.name)).toEqual(['a'])
    expect(w.order).toEqual(['intent a try', 'call try', 'child 42', 'tried', 'call keep', 'child 42', 'outcome a try done'])
    expect(journal.at(-1)).toMatchObject({ result: 'done', reason: 'kept after 0 s', record: { was: false } })
  })

  test('has its deadline in the journal before it is sent, with what tells of it and what takes it back', async () => {
    const w = tryingWorld({ a: false })
    const { journal } = await tried(w)
    expect(journal[0]).toMatchObject({
      kind: 'intent',
      // the window of a minute, and a margin behind it
      until: '2026-11-23T12:01:45.000Z',
      done: { predicate: 'isKept' },
      tried: { predicate: 'isOn' },
      back: { verb: 'switch', args: { name: 'a', on: false } },
    })
    expect(journal.find((e) => e.kind === 'tried')).toMatchObject({ action: 'try', until: '2026-11-23T12:01:45.000Z' })
  })

  test('is told of with what is waited for and how long it would take to come back', async () => {
    const w = tryingWorld({ a: false })
    w.seen.door = () => (seconds(w) < 3 ? 'shut' : 'open')
    const probe = {
      condition: { observation: 'door', predicate: 'differs', args: 'shut', sentence: 'the door opens' },
      deadlineSeconds: 30,
    }
    const { progress } = await tried(w, { probes: [probe] })
    expect(progress.map((p) => p.note)).toContain('the door opens: door is as before, again in 1 s; comes back by itself in 60 s')
    expect(progress.at(-1)).toMatchObject({ status: 'done' })
    expect(progress.filter((p) => p.until).map((p) => p.until)).toContain('2026-11-23T12:01:45.000Z')
  })

  test('counts as kept by what is kept, and not by how the call ended', async () => {
    const w = tryingWorld({ a: false })
    w.answers.keep = () => {
      w.kept.add('a')
      return refused('the line broke')
    }
    expect((await tried(w)).result.done).toHaveLength(1)
  })

  test('counts as kept though the first looks at it fail, as when a stop reaches them', async () => {
    const w = tryingWorld({ a: false })
    w.answers.keep = () => {
      w.kept.add('a')
      w.unseen.add('a')
      return undefined
    }
    const { onSleep } = w
    w.onSleep = (ms) => {
      onSleep(ms)
      if (seconds(w) > 10) w.unseen.clear()
    }
    const { result, journal } = await tried(w)
    expect([result.done.length, sent(w)]).toEqual([1, ['try', 'keep']])
    expect(journal.at(-1)).toMatchObject({ result: 'done', record: { was: false } })
  })

  test('and is not seen until long after its window is not taken back, because it may be kept', async () => {
    for (const seenAgain of [true, false]) {
      const w = tryingWorld({ a: false })
      w.answers.keep = () => {
        w.kept.add('a')
        w.unseen.add('a')
        return undefined
      }
      const { observeOne } = w.ports
      // it is there again when the time for the way back is over
      w.ports.observeOne = (name, object, signal) => {
        if (seenAgain && seconds(w) > 148) w.unseen.clear()
        return observeOne(name, object, signal)
      }
      const { result, why, journal } = await tried(w)
      expect(sent(w)).toEqual(['try', 'keep'])
      if (seenAgain)
        expect([result.done.length, journal.at(-1)]).toEqual([1, expect.objectContaining({ result: 'done', record: { was: false } })])
      else
        expect([why?.reason, journal.at(-1)?.kind]).toEqual([
          'it could not be seen when it was to be kept: a cannot be seen; whether it was kept cannot be seen: a cannot be seen',
          'child',
        ])
    }
  })

  test('is compared with what was there just before it, and not with what the plan says', async () => {
    const w = tryingWorld({ a: false })
    let fuse = 7
    w.seen.fuse = () => fuse
    w.answers.why = () => undefined
    const probe = (args: number) => ({
      condition: { observation: 'fuse', predicate: 'differs', args, sentence: 'the fuse is another' },
      sinceBefore: true as const,
      deadlineSeconds: 5,
    })
    // the plan was made when it was 3
    expect((await tried(w, { probes: [probe(3)] })).why?.reason).toContain('the fuse is another: fuse is as before')
    const again = tryingWorld({ a: false })
    again.seen.fuse = () => fuse
    again.answers.keep = () => {
      again.kept.add('a')
      return undefined
    }
    const { ports } = again
    const { call } = ports
    again.ports.call = async (given, hooks) => {
      if (given.verb === 'try') fuse = 3
      return call(given, hooks)
    }
    expect((await tried(again, { probes: [probe(3)] })).result.done).toHaveLength(1)
  })
})

describe('what is tried and does not hold', () => {
  const dark = { condition: { observation: 'lamps', predicate: 'isOff', args: null, sentence: 'it is dark' }, deadlineSeconds: 10 }
  /** A world whose lamp nobody can see from 5 seconds on, and again after that many. */
  const unseenUntil = (end = Number.POSITIVE_INFINITY): Trying => {
    const w = tryingWorld({ a: false })
    w.answers.why = () => undefined
    const { onSleep } = w
    w.onSleep = (ms) => {
      onSleep(ms)
      if (seconds(w) > 5) w.unseen.add('a')
      if (seconds(w) > end) w.unseen.clear()
    }
    return w
  }

  test('is left to go back by itself, is seen to have gone back, and nothing is sent meanwhile', async () => {
    const w = tryingWorld({ a: false })
    const { why, journal } = await tried(w, { probes: [{ ...dark, explain: { verb: 'why', args: { name: 'a' } } }] })
    expect(why?.reason).toBe('it is dark: the lamp is on; it says: the bulb is loose; it went back by itself, and a is as before')
    const [first, ...asked] = sent(w)
    expect([first, [...new Set(asked)], w.lamps.a]).toEqual(['try', ['why'], { on: false }])
    expect(seconds(w)).toBeGreaterThanOrEqual(60)
    expect(journal.at(-1)).not.toHaveProperty('record')
  })

  test('gives the reason that was there once, where nothing is said any more at the end', async () => {
    const w = tryingWorld({ a: false })
    const { call } = w.ports
    let asked = 0
    w.ports.call = async (given, hooks) => {
      const ran = await call(given, hooks)
      return given.verb === 'why' && ++asked > 1 && ran.ok ? { ...ran, summary: '' } : ran
    }
    const { why } = await tried(w, { probes: [{ ...dark, explain: { verb: 'why', args: { name: 'a' } } }] })
    expect(asked).toBeGreaterThan(1)
    expect(why?.reason).toContain('; it says: the bulb is loose;')
  })

  test('gives the reason that is there only when the time of the probe is over', async () => {
    const w = tryingWorld({ a: false })
    const { call } = w.ports
    w.ports.call = async (given, hooks) => {
      const ran = await call(given, hooks)
      return given.verb === 'why' && seconds(w) < 30 && ran.ok ? { ...ran, summary: '' } : ran
    }
    const { why } = await tried(w, { probes: [{ ...dark, explain: { verb: 'why', args: { name: 'a' } } }] })
    expect(why?.reason).toBe('it is dark: the lamp is on; it says: the bulb is loose; it went back by itself, and a is as before')
  })

  test('stops what comes behind it, which stays a plan', async () => {
    const w = tryingWorld({ a: false, b: false })
    const { result } = await tried(w, { probes: [dark] }, steady, ['a', 'b'])
    expect([result.failed?.part.object.name, result.left.map((p) => p.object.name), w.lamps.b]).toEqual(['a', ['b'], { on: false }])
  })

  test('is taken back by a call where the way back was lost, and not before its time is over', async () => {
    const w = tryingWorld({ a: false })
    w.noWayBack = true
    const { why } = await tried(w, { probes: [dark] })
    expect(why?.reason).toBe('it is dark: the lamp is on; it did not go back by itself and was taken back, and a is as before')
    expect([sent(w), w.lamps.a]).toEqual([['try', 'switch'], { on: false }])
    expect(seconds(w)).toBeGreaterThanOrEqual(150)
  })

  test('and cannot be taken back either says so, and that a person has to look', async () => {
    const w = tryingWorld({ a: false })
    w.noWayBack = true
    w.answers.switch = () => refused('no current')
    expect((await tried(w, { probes: [dark] })).why).toEqual({
      reason: 'it is dark: the lamp is on; it did not go back, and taking it back failed: no current',
      remedy: 'look at a by hand before anything else',
    })
    const deaf = tryingWorld({ a: false })
    deaf.noWayBack = true
    deaf.answers.switch = () => ({ ok: true, summary: '', output: Buffer.alloc(0) })
    expect((await tried(deaf, { probes: [dark] })).why?.reason).toContain('it did not go back, and taking it back changed nothing')
  })

  test('is not called gone back where nobody can see it: that is waited for', async () => {
    const w = unseenUntil(80)
    const { why, progress } = await tried(w, { probes: [dark] })
    expect(why?.reason).toMatch(/it went back by itself, and a is as before$/)
    expect(progress.map((p) => p.note)).toContain('its time is over; a cannot be seen')
  })

  test('and of which nobody sees whether it went back is left to the next start', async () => {
    const w = unseenUntil()
    const { why, journal } = await tried(w, { probes: [dark] })
    expect(why?.reason).toMatch(/; whether it went back cannot be seen: a cannot be seen$/)
    expect(journal.at(-1)?.kind).not.toBe('outcome')
  })

  test('because keeping it did nothing goes back', async () => {
    const w = tryingWorld({ a: false })
    w.answers.keep = () => ({ ok: true, summary: '', output: Buffer.alloc(0) })
    expect((await tried(w)).why?.reason).toBe(
      'it was to be kept, and is not: nothing stays lit; it went back by itself, and a is as before',
    )
    const broken = tryingWorld({ a: false })
    broken.answers.keep = () => refused('the line broke')
    expect((await tried(broken)).why?.reason).toMatch(/^it could not be kept: the line broke; it went back by itself/)
  })

  test('because somebody stops it is not kept', async () => {
    const w = tryingWorld({ a: false })
    w.seen.door = () => 'shut'
    const probe = {
      condition: { observation: 'door', predicate: 'differs', args: 'shut', sentence: 'the door opens' },
      deadlineSeconds: 30,
    }
    const { why } = await tried(w, { probes: [probe] }, { ...steady, stopping: () => sent(w).includes('try') })
    expect(why?.reason).toBe('stopped while "the door opens" was waited for; it went back by itself, and a is as before')
    expect([sent(w), seconds(w) >= 60]).toEqual([['try'], true])
  })
})

describe('a try that does not begin', () => {
  test('because the call was refused is over at once', async () => {
    const w = tryingWorld({ a: false })
    w.answers.try = () => ({ ok: false, reason: 'no such lamp', remedy: 'buy one', output: Buffer.alloc(0) })
    expect((await tried(w)).why).toEqual({ reason: 'no such lamp', remedy: 'buy one' })
    expect([sent(w), seconds(w)]).toEqual([['try'], 0])
  })

  test('though the call failed after it had its effect goes on as one that began', async () => {
    const w = tryingWorld({ a: false })
    w.answers.try = () => {
      w.lamps.a = { on: true }
      return refused('the line broke')
    }
    expect((await tried(w)).result.done).toHaveLength(1)
  })

  test('and cannot be seen is taken for one that did: its time is waited for, and nothing is sent', async () => {
    const w = tryingWorld({ a: false })
    w.answers.try = () => {
      w.unseen.add('a')
      return refused('the line broke')
    }
    const { onSleep } = w
    w.onSleep = (ms) => {
      onSleep(ms)
      if (seconds(w) >= 60) w.unseen.clear()
    }
    expect((await tried(w)).why?.reason).toBe('the line broke; it went back by itself, and a is as before')
    expect([sent(w), seconds(w) >= 60]).toEqual([['try'], true])
  })

  test('because what it would be compared with cannot be seen sends nothing', async () => {
    const w = tryingWorld({ a: false })
    w.blind.add('fuse')
    const probe = { condition: { observation: 'fuse', predicate: 'differs', args: null, sentence: 'x' }, sinceBefore: true as const }
    expect((await tried(w, { probes: [{ ...probe, deadlineSeconds: 5 }] })).why?.reason).toBe('nothing was tried: fuse cannot be seen')
    expect(sent(w)).toEqual([])
  })
})

describe('somebody else in the window', () => {
  /** They come while this probe runs. */
  const visit = (w: Trying, change: () => unknown) => {
    w.seen.door = () => {
      if (sent(w).includes('try') && seconds(w) > 1 && w.hands.a !== 9) {
        w.hands.a = 9
        change()
      }
      return seconds(w) > 3 ? 'open' : 'shut'
    }
    const condition = { observation: 'door', predicate: 'differs', args: 'shut', sentence: 'the door opens' }
    return { condition, deadlineSeconds: 30 }
  }

  test('is told of, and neither kept nor touched', async () => {
    const w = tryingWorld({ a: false })
    w.seen.door = () => {
      // they come while the probes run
      if (sent(w).includes('try') && seconds(w) > 1) w.hands.a = 9
      return seconds(w) > 3 ? 'open' : 'shut'
    }
    const probe = {
      condition: { observation: 'door', predicate: 'differs', args: 'shut', sentence: 'the door opens' },
      deadlineSeconds: 30,
    }
    expect((await tried(w, { probes: [probe] })).why).toEqual({
      reason: 'somebody else changed a while it was tried (a 9, was 1), so it was not kept; what they did was not touched',
      remedy: 'look at what a holds now, then plan again',
    })
    expect(sent(w)).toEqual(['try'])
  })

  test('who started from what was tried has kept it: it is done, and can be taken back', async () => {
    const w = tryingWorld({ a: false })
    const { why, result, journal } = await tried(w, { probes: [visit(w, () => w.kept.add('a'))] })
    expect([why, result.done.length, sent(w)]).toEqual([undefined, 1, ['try']])
    expect(journal.at(-1)).toMatchObject({
      kind: 'outcome',
      result: 'done',
      reason: 'somebody else changed a while it was tried (a 9, was 1), and that keeps it; what they did was not touched',
      record: { was: false },
    })
  })

  test('and nobody can see whether they kept it: the next start finds out', async () => {
    const w = tryingWorld({ a: false })
    const { why, journal } = await tried(w, { probes: [visit(w, () => w.unseen.add('a'))] })
    expect(why?.reason).toBe(
      'somebody else changed a while it was tried (a 9, was 1); whether that keeps it cannot be seen: a cannot be seen',
    )
    expect([journal.at(-1)?.kind, sent(w)]).toEqual(['tried', ['try']])
  })

  test('cannot be ruled out where nothing tells of it: it is not kept', async () => {
    const w = tryingWorld({ a: false })
    w.blind.add('hands')
    const { why } = await tried(w)
    expect(why?.reason).toBe(
      'whether somebody else changed it meanwhile cannot be seen, so it is not kept; it went back by itself, and a is as before',
    )
    expect(sent(w)).toEqual(['try'])
  })
})
