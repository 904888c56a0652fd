import { describe, expect, test } from 'vitest'
import { readJournal } from '../../src/engine/journal.ts'
import { sessionOf } from './sessions.ts'
import { type Trying, triedStep, tryingWorld } from './trying.ts'

/** A start of the program inside the window of a change that it was killed in, and after it. */

const mend = { kind: 'mend' as const, steps: ['LMP-02'] }
const yes = { how: '--yes' }
const steps = [triedStep()]
const seconds = (w: Trying) => (new Date(w.now()).getTime() - Date.parse('2026-11-23T12:00:00.000Z')) / 1000
const lastJournal = (w: Trying) => {
  const [path = '', text = ''] = [...w.files].findLast(([p]) => p.startsWith('journal/')) ?? []
  return readJournal(path.slice('journal/'.length), text)
}

/** Killed when it comes to this call of its try: before it has an effect, or behind it. */
async function killed(at: 'try' | 'keep', effect: 'none' | 'had'): Promise<Trying> {
  const w = tryingWorld({ a: false })
  const { session } = sessionOf(w, { steps })
  const plan = await session.plan(mend)
  const { call } = w.ports
  w.ports.call = async (given, hooks) => {
    if (given.verb !== at) return call(given, hooks)
    if (effect === 'had') await call(given, hooks)
    throw new Error('killed')
  }
  await session.apply(plan, yes).catch(() => undefined)
  w.ports.call = call
  w.order.length = 0
  // a later start has a later journal
  await w.ports.clock.sleep(1000)
  return w
}

async function resumed(w: Trying, options?: { takeBack: boolean }) {
  const { session } = sessionOf(w, { steps })
  const [left] = await session.open()
  if (!left) throw new Error('nothing was under way')
  return { session, left, became: await session.resume(left, options) }
}

describe('a start inside the window', () => {
  test('says what is being tried, waits for the way back, and sends nothing before', async () => {
    const w = await killed('try', 'had')
    const { session } = sessionOf(w, { steps })
    const [left] = await session.open()
    if (!left) throw new Error('nothing was under way')
    expect(left.intent).toMatchObject({ action: 'try', until: '2026-11-23T12:01:45.000Z' })
    const said = new Set<string>()
    session.subscribe(() => {
      const { activity } = session.state()
      if (activity.kind === 'looking' && activity.now) said.add(activity.now)
    })
    expect(await session.resume(left)).toEqual({ result: 'not done', reason: 'it was not kept, and went back: nothing stays lit' })
    expect([...said]).toEqual(['a was being tried; it takes itself back by 12:01:45 UTC, and nothing is sent to it before'])
    expect([w.order, seconds(w)]).toEqual([[], 105])
    expect(session.state().unfinished).toEqual([])
  })

  test('can plan it again behind it, and then it is kept', async () => {
    const w = await killed('try', 'had')
    const { session } = await resumed(w)
    const result = await session.apply(await session.plan(mend), yes)
    expect([result.done.map((p) => p.object.name), [...w.kept]]).toEqual([['a'], ['a']])
  })

  test('does not wait for what was kept already, and finishes the checks behind it', async () => {
    const w = await killed('keep', 'had')
    const { became } = await resumed(w)
    expect(became).toEqual({ result: 'done', reason: 'it stays lit' })
    expect([seconds(w), w.order]).toEqual([1, []])
    expect(lastJournal(w).lines.map((l) => l.kind)).toEqual(['opened', 'resolved', 'intent', 'outcome'])
  })

  test('stopped while it waits sends nothing, and the next one waits on', async () => {
    const w = await killed('keep', 'none')
    const { session } = sessionOf(w, { steps })
    const [left] = await session.open()
    if (!left) throw new Error('nothing was under way')
    const { onSleep } = w
    w.onSleep = (ms) => {
      onSleep(ms)
      session.stop()
      session.stop()
    }
    await expect(session.resume(left)).rejects.toThrow()
    expect([w.order, seconds(w) < 60]).toEqual([[], true])
    w.onSleep = onSleep
    expect((await resumed(w)).became.result).toBe('not done')
    expect(seconds(w)).toBeGreaterThanOrEqual(105)
  })
})

describe('a start after the window', () => {
  test('of a try that never reached the object says so', async () => {
    const w = await killed('try', 'none')
    await w.ports.clock.sleep(200_000)
    expect((await resumed(w)).became).toEqual({ result: 'not done', reason: 'it was not kept, and went back: nothing stays lit' })
  })

  test('finds what did not go back, offers to take it back, and does it only when it is told to', async () => {
    const w = await killed('keep', 'none')
    w.noWayBack = true
    const first = await resumed(w)
    expect(first.became).toEqual({
      result: 'cannot tell',
      reason: expect.stringContaining('it is still there though its time is over, and was never kept'),
      back: { verb: 'switch', args: { name: 'a', on: false } },
    })
    expect([w.order, w.lamps.a, first.session.state().unfinished]).toEqual([[], { on: true }, [first.left]])
    const second = await resumed(w, { takeBack: true })
    expect(second.became).toEqual({ result: 'not done', reason: 'it was still there and was taken back' })
    expect([w.order, w.lamps.a]).toEqual([['call switch'], { on: false }])
    expect(await sessionOf(w, { steps }).session.open()).toEqual([])
  })

  test('offers only what the plan names that was agreed to, and only where no journal was changed', async () => {
    const changes: ((text: string) => string)[] = [
      // the command of the journal alone
      (text) => text.replace('"back":{"verb":"switch"', '"back":{"verb":"destroy"'),
      (text) => text.replace('"operator":"ann@desk"', '"operator":"bob@desk"'),
    ]
    for (const [i, change] of changes.entries()) {
      const w = await killed('keep', 'none')
      w.noWayBack = true
      for (const [path, text] of w.files) if (path.startsWith('journal/')) w.files.set(path, change(text))
      const { became } = await resumed(w, { takeBack: true })
      expect(became).toEqual({
        result: 'cannot tell',
        reason: expect.stringMatching(/it is not offered to take it back: a journal was changed since \(.*the chain is broken\)$/),
      })
      expect([i, w.order, w.lamps.a]).toEqual([i, [], { on: true }])
    }
    const w = await killed('keep', 'none')
    w.noWayBack = true
    for (const path of w.files.keys()) if (path.startsWith('evidence/plans/')) w.files.delete(path)
    expect((await resumed(w, { takeBack: true })).became).toEqual({
      result: 'cannot tell',
      reason: expect.stringContaining('the plan that was agreed to is not there, or does not name the command'),
    })
    expect(w.order).toEqual([])
  })

  test('says where it could not be taken back, and offers it again', async () => {
    const w = await killed('keep', 'none')
    w.noWayBack = true
    w.answers.switch = () => ({ ok: false, reason: 'no current', output: Buffer.alloc(0) })
    const { became } = await resumed(w, { takeBack: true })
    expect(became).toMatchObject({ result: 'cannot tell', reason: 'it could not be taken back: no current' })
    expect(await sessionOf(w, { steps }).session.open()).toHaveLength(1)
  })

  test('cannot tell where the object cannot be seen, and keeps it open', async () => {
    const w = await killed('keep', 'none')
    w.unseen.add('a')
    expect((await resumed(w)).became).toEqual({ result: 'cannot tell', reason: 'a cannot be seen' })
    w.unseen.clear()
    expect((await resumed(w)).became.result).toBe('not done')
  })
})
