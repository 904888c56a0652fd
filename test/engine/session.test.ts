import { describe, expect, test } from 'vitest'
import type { Word } from '../../src/contract.ts'
import { Failure, Refusal } from '../../src/engine/errors.ts'
import { readJournal, verifyJournals } from '../../src/engine/journal.ts'
import { writePlan } from '../../src/engine/plan.ts'
import { sessionOf } from './sessions.ts'
import { inShort, type World, world } from './world.ts'

const mend = { kind: 'mend' as const, steps: ['LMP-01'] }
const undo = { kind: 'undo' as const, steps: ['LMP-01'] }
const yes = { how: '--yes' }

const journals = (w: World) =>
  [...w.files].filter(([path]) => path.startsWith('journal/')).map(([path, text]) => readJournal(path.slice(8), text))
const lastJournal = (w: World) => inShort(journals(w).at(-1)?.lines ?? [])
const verified = (w: World) => verifyJournals(journals(w))
const refusedBy = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'was not refused',
    (error) => (error instanceof Refusal ? error.code : String(error)),
  )
/** A later start of the program in the same workspace. */
const later = (w: World): void => {
  void w.ports.clock.sleep(60_000)
}

describe('looking', () => {
  test('keeps observations and findings as evidence, binds the workspace to the cluster, and says what it came to', async () => {
    const w = world({ a: true, b: false })
    const { session, saved } = sessionOf(w)
    const report = await session.look()
    expect(report.summary).toEqual({ pass: 0, fail: 1, unknown: 0, notApplicable: 0, attested: 0, waived: 0 })
    expect(saved).toEqual([{ ca: 'ca', id: 'home' }])
    await session.close(1)
    expect(lastJournal(w)).toEqual(['opened', 'identified', 'observed', 'concluded', 'closed'])
    expect(verified(w)).toMatchObject({ problems: [], heads: { [journals(w)[0]?.name ?? '']: session.state().journalHead } })
    expect([...w.files.keys()].filter((path) => path.startsWith('evidence/runs/'))).toEqual([
      'evidence/runs/2026-11-23T12-00-00/observations.json',
      'evidence/runs/2026-11-23T12-00-00/findings.json',
    ])
  })

  test('without a workspace writes nothing at all', async () => {
    const w = world({ a: false })
    const { workspace: _, ...without } = w.ports
    w.ports = without
    const { session, saved } = sessionOf(w)
    await session.look()
    await session.close(1)
    expect([w.files.size, saved, session.state().journalHead]).toEqual([0, [], null])
  })

  test('refuses another cluster than the one that the workspace is bound to', async () => {
    const w = world({ a: false })
    const { session } = sessionOf(w, { pinned: { ca: 'ca', id: 'away' } })
    expect(await refusedBy(session.look())).toBe('other-cluster')
    expect(await refusedBy(session.plan(mend))).toBe('other-cluster')
    expect(w.files.size).toBe(0)
  })

  test('takes a word into account at once, and keeps it', async () => {
    const w = world({ a: false })
    const { session, saved } = sessionOf(w)
    await session.look()
    const word: Word = { step: 'LMP-01', by: 'ann@desk', why: 'it is day', on: '2026-11-23', until: '2026-11-24' }
    await session.waive(word)
    expect(session.state().report?.summary).toMatchObject({ fail: 0, waived: 1 })
    expect(saved.at(-1)).toEqual(['waivers', word])
    expect(lastJournal(w).at(-1)).toBe('said')
  })

  test('keeps an answer, and writes down who gave it', async () => {
    const w = world({ a: false })
    const { session, saved } = sessionOf(w)
    await session.answer('lmp-01', 'needed', 'no')
    expect(saved).toEqual([['LMP-01', 'needed', 'no']])
    expect(journals(w)[0]?.lines.at(-1)).toMatchObject({ kind: 'answered', step: 'LMP-01', question: 'needed', text: 'no', by: 'ann@desk' })
  })

  test('knows no step that is not there', async () => {
    expect(await refusedBy(sessionOf(world({})).session.look(['NOT-01']))).toBe('unknown-step')
  })
})

describe('applying', () => {
  test('writes plan and consent before anything is done, and looks again behind it', async () => {
    const w = world({ a: false, b: true, c: false })
    const { session } = sessionOf(w)
    const result = await session.apply(await session.plan(mend), yes)
    expect(result.done.map((p) => p.object.name)).toEqual(['a', 'c'])
    await session.close(0)
    const part = (name: string) => [
      `intent ${name} seal`,
      `outcome ${name} seal done`,
      `intent ${name} switch`,
      'child 42',
      `outcome ${name} switch done`,
      `intent ${name} lit`,
      `outcome ${name} lit done`,
    ]
    expect(lastJournal(w)).toEqual([
      'opened',
      'identified',
      'planned',
      'consented',
      ...part('a'),
      ...part('c'),
      'observed',
      'concluded',
      'closed',
    ])
    expect(session.state().report?.summary).toMatchObject({ pass: 1, fail: 0 })
    expect(verified(w).problems).toEqual([])
  })

  test('is taken back by what the journals say, and only that', async () => {
    const w = world({ a: false, b: true })
    const first = sessionOf(w).session
    await first.apply(await first.plan(mend), yes)
    await first.close(0)
    later(w)
    const { session } = sessionOf(w)
    const plan = await session.plan(undo)
    expect(plan.parts.map((p) => p.object.name)).toEqual(['a'])
    await session.apply(plan, yes)
    await session.close(0)
    expect(w.lamps).toEqual({ a: { on: false }, b: { on: true } })
    expect((await session.plan(undo)).parts).toEqual([])
    expect(verified(w)).toMatchObject({ files: 2, problems: [] })
  })

  test('refuses a plan that does not hold any more, and changes nothing', async () => {
    const w = world({ a: false, b: false })
    const { session } = sessionOf(w)
    const plan = await session.plan(mend)
    w.lamps.a = { on: true }
    expect(await refusedBy(session.apply(plan, yes))).toBe('plan-stale')
    expect(w.calls).toEqual([])
  })

  test('refuses where nothing can be sealed, where there is nothing to do, nowhere to write, and nobody says who it is', async () => {
    const w = world({ a: false })
    const plan = await sessionOf(w).session.plan(mend)
    w.ports.cannotSeal = () => ({ reason: 'nobody could open it', remedy: 'name somebody who can' })
    expect(await refusedBy(sessionOf(w).session.apply(plan, yes))).toBe('cannot-seal')
    w.ports.cannotSeal = () => undefined
    expect(await refusedBy(sessionOf(w).session.apply({ ...plan, parts: [] }, yes))).toBe('nothing-to-do')
    expect(await refusedBy(sessionOf(w).session.apply({ ...plan, identity: {} }, yes))).toBe('no-identity')
    const { workspace: _, ...without } = w.ports
    w.ports = without
    expect(await refusedBy(sessionOf(w).session.apply(plan, yes))).toBe('no-workspace')
    expect(w.calls).toEqual([])
  })

  test('as files touches nothing, neither to mend nor to take back', async () => {
    const w = world({ a: false })
    const live = sessionOf(w).session
    await live.apply(await live.plan(mend), yes)
    await live.close(0)
    const calls = w.calls.length
    later(w)
    const { session } = sessionOf(w, { delivery: 'gitops' })
    const back = await session.plan(undo)
    expect(back.parts.map((p) => p.actions.map((a) => a.kind))).toEqual([['write']])
    await session.apply(back, yes)
    expect(w.files.get('generated/LMP-01/a.txt')).toBe('off\n')
    w.lamps.a = { on: false }
    await session.apply(await session.plan(mend), yes)
    expect(w.files.get('generated/LMP-01/a.txt')).toBe('on\n')
    expect(w.calls.length).toBe(calls)
    expect(w.lamps).toEqual({ a: { on: false } })
  })

  test('of a plan in a file goes on with what is left of it', async () => {
    const w = world({ a: false, b: false })
    const first = sessionOf(w).session
    const text = writePlan(await first.plan(mend), 'live')
    w.answers.switch = (call) => (call.args.name === 'b' ? { ok: false, reason: 'no current', output: Buffer.alloc(0) } : undefined)
    expect((await first.apply(await first.revive(text, 'p.json'), yes)).failed?.reason).toBe('no current')
    await first.close(4)
    delete w.answers.switch
    later(w)
    const { session } = sessionOf(w)
    const rest = await session.revive(text, 'p.json')
    expect(rest.parts.map((p) => p.object.name)).toEqual(['b'])
    expect((await session.apply(rest, yes)).done.map((p) => p.object.name)).toEqual(['b'])
  })

  test('that failed stands in the finding with its reason, also in that of a later start, until it is done', async () => {
    const w = world({ a: false, b: false })
    const { session } = sessionOf(w)
    w.answers.switch = () => ({ ok: false, reason: 'no current', output: Buffer.alloc(0) })
    await session.apply(await session.plan(mend), yes)
    const reasons = (of: typeof session) => of.state().report?.results[0]?.findings.map((f) => f.reason)
    const said = ['a is dark; the last attempt to mend it (2026-11-23 12:00 UTC) failed: no current', 'b is dark']
    expect(reasons(session)).toEqual(said)
    await session.close(4)

    delete w.answers.switch
    later(w)
    const next = sessionOf(w).session
    await next.look()
    expect(reasons(next)).toEqual(said)
    const [line] = next.state().report?.results[0]?.findings[0]?.evidence.slice(-1) ?? []
    const [journal] = journals(w)
    const failed = journal?.lines.find((l) => l.kind === 'outcome' && l.result === 'failed')
    expect(line).toEqual({
      kind: 'file',
      what: `line ${failed?.seq} of the journal ${journal?.name}`,
      takenAt: failed?.at,
      sha256: journal?.lines[failed?.seq ?? 0]?.prev,
    })

    await next.apply(await next.plan(mend), yes)
    w.lamps.a = { on: false }
    await next.look()
    expect(reasons(next)).toEqual(['a is dark', 'b is lit'])
  })

  test('of a plan in a file is made again with what was answered for it', async () => {
    const w = world({ a: false })
    const kept = await sessionOf(w).session.plan({ ...mend, answers: { 'LMP-01': { needed: 'no' } } })
    const { session } = sessionOf(w, { answers: { 'LMP-01': { needed: 'yes' } } })
    await session.revive(writePlan(kept, 'live'), 'p.json')
    expect(session.state().answers).toEqual({ 'LMP-01': { needed: 'no' } })
    for (const answers of [[], { 'LMP-01': 'no' }, { 'LMP-01': { needed: 1 } }])
      expect(
        await refusedBy(session.revive(writePlan({ ...kept, stage: { ...kept.stage, answers: answers as never } }, 'live'), 'p.json')),
      ).toBe('bad-plan')
  })

  test('of a plan in a file is refused where somebody else changed what it is about', async () => {
    const w = world({ a: false, b: false })
    const text = writePlan(await sessionOf(w).session.plan(mend), 'live')
    w.lamps.a = { on: true }
    expect(await refusedBy(sessionOf(w).session.revive(text, 'p.json'))).toBe('plan-stale')
  })

  test('stopped once finishes the object at hand', async () => {
    const w = world({ a: false, b: false })
    const { session } = sessionOf(w)
    const plan = await session.plan(mend)
    w.answers.switch = () => {
      session.stop()
      return undefined
    }
    const result = await session.apply(plan, yes)
    expect([result.stopped, result.done.map((p) => p.object.name), result.left.map((p) => p.object.name)]).toEqual([true, ['a'], ['b']])
    expect(session.state().activity).toEqual({ kind: 'idle' })
  })
})

describe('a journal that cannot be written', () => {
  /** The disk is full for lines that have this in them: half of such a line is written. */
  const full = (w: World, text: () => string | undefined, error: () => Error): void => {
    const { workspace } = w.ports
    if (!workspace) return
    const { append } = workspace
    workspace.append = async (journal, line) => {
      const stop = text()
      if (stop === undefined || !line.includes(stop)) return append(journal, line)
      const path = `journal/${journal}`
      w.files.set(path, `${w.files.get(path) ?? ''}${line.slice(0, 40)}`)
      throw error()
    }
  }
  const diskFull = () => new Failure('disk-full', 'the disk is full', 'make room')

  test('for once is written again, in a file of its own, and every file reads well', async () => {
    const w = world({ a: false })
    let stop: string | undefined = '"kind":"observed"'
    full(w, () => stop, diskFull)
    const { session } = sessionOf(w)
    await expect(session.look()).rejects.toThrow('the disk is full')
    await expect(session.look()).rejects.toThrow('the disk is full')
    stop = undefined
    await session.look()
    await session.apply(await session.plan(mend), yes)
    await session.close(0)
    expect(verified(w)).toMatchObject({ problems: [], files: 3 })
    expect(verified(w).torn).toHaveLength(2)
    expect(session.state().report?.summary).toMatchObject({ pass: 1 })
  })

  test.each([
    ['the intent', '"kind":"intent"', Refusal, false],
    ['the outcome', '"action":"switch","result"', Failure, true],
    ['the look behind it', '"kind":"concluded"', Failure, true],
  ] as const)('for %s of a change: nothing is refused any more once one was begun', async (_, text, kind, changed) => {
    const w = world({ a: false })
    let stop: string | undefined = text
    full(
      w,
      () => stop,
      () => new Refusal('read-only', 'the file system is read-only', 'take another'),
    )
    const { session } = sessionOf(w)
    const ended: unknown = await session.apply(await session.plan(mend), yes).catch((error: unknown) => error)
    expect(ended).toBeInstanceOf(kind)
    expect([(ended as Failure).code, w.lamps.a]).toEqual(['read-only', { on: changed }])
    await session.close(4)
    stop = undefined
    later(w)
    const next = sessionOf(w).session
    for (const left of await next.open()) await next.resume(left)
    expect((await next.plan(undo)).parts).toHaveLength(changed ? 1 : 0)
    expect(verified(w).problems).toEqual([])
  })
})

describe('a start after a run that ended in the middle', () => {
  /** A run that was killed while it switched lamp a; `had` says whether the switch had its effect. */
  async function killed(had: boolean): Promise<World> {
    const w = world({ a: false, b: false })
    const { session } = sessionOf(w)
    const plan = await session.plan(mend)
    w.answers.switch = () => {
      if (had) w.lamps.a = { on: true }
      throw new Error('killed')
    }
    await session.apply(plan, yes).catch(() => undefined)
    delete w.answers.switch
    later(w)
    return w
  }

  test('says what was under way, and that it was done; then makes the checks behind it', async () => {
    const w = await killed(true)
    const { session } = sessionOf(w)
    const [left] = await session.open()
    if (!left) throw new Error('nothing was under way')
    expect(left).toMatchObject({ intent: { action: 'switch' }, child: { pid: 42 }, done: [], left: ['a', 'b'], stage: 'mend' })
    expect(await session.resume(left)).toEqual({ result: 'done', reason: 'the lamp is on' })
    expect(lastJournal(w)).toEqual(['opened', 'resolved', 'intent a lit', 'outcome a lit done'])
    await session.close(0)
    later(w)
    const after = sessionOf(w).session
    expect(await after.open()).toEqual([])
    expect((await after.plan(undo)).parts.map((p) => p.object.name)).toEqual(['a'])
  })

  test('says that it was not done, and plans it again', async () => {
    const w = await killed(false)
    const { session } = sessionOf(w)
    const [left] = await session.open()
    if (!left) throw new Error('nothing was under way')
    expect(await session.resume(left)).toEqual({ result: 'not done', reason: 'the lamp is off' })
    const result = await session.apply(await session.plan(mend), yes)
    expect(result.done.map((p) => p.object.name)).toEqual(['a', 'b'])
    expect(verified(w).problems).toEqual([])
  })

  test('finds out about a change whose end nobody could see, and can take it back', async () => {
    const w = world({ a: false })
    const first = sessionOf(w).session
    w.answers.switch = () => {
      w.lamps.a = { on: true }
      w.unseen.add('a')
      return { ok: false, reason: 'the line broke', output: Buffer.alloc(0) }
    }
    expect((await first.apply(await first.plan(mend), yes)).failed?.reason).toContain('the line broke; whether it was done')
    delete w.answers.switch
    w.unseen.clear()
    later(w)
    const { session } = sessionOf(w)
    const [left] = await session.open()
    if (!left) throw new Error('nothing was under way')
    expect((await session.resume(left)).result).toBe('done')
    expect((await session.plan(undo)).parts.map((p) => p.object.name)).toEqual(['a'])
  })

  test('says that it cannot tell where the object cannot be seen', async () => {
    const w = await killed(true)
    w.unseen.add('a')
    const { session } = sessionOf(w)
    const [left] = await session.open()
    if (!left) throw new Error('nothing was under way')
    expect(await session.resume(left)).toEqual({ result: 'cannot tell', reason: 'a cannot be seen' })
  })

  test('goes on where a person says so of an object that is gone for good, and has who and why in the journal', async () => {
    for (const [begun, line] of [
      [await killed(true), undefined],
      [world({ a: false, b: false }), CHECK],
    ] as const) {
      const w = line === undefined ? begun : await killedAtLine(begun, line)
      w.unseen.add('a')
      const { session, left } = await opened(w)
      expect((await session.resume(left)).result).toBe('cannot tell')
      expect(await failureOf(session.apply(await session.plan(mend), yes))).toMatchObject({ code: 'cannot-tell' })
      await session.leave(left, 'a was taken out of service')
      expect(session.state().unfinished).toEqual([])
      await session.close(0)
      later(w)
      expect(await sessionOf(w).session.open()).toEqual([])
      expect([...w.files.values()].join('')).toContain('"reason":"a was taken out of service","by":')
    }
  })

  test('waits for a child that outlived the run', async () => {
    const w = await killed(true)
    let looks = 0
    w.ports.processes.alive = (ref) => ref.pid === 42 && ++looks <= 3
    const { session } = sessionOf(w)
    const [left] = await session.open()
    if (!left) throw new Error('nothing was under way')
    const before = new Date(w.now()).getTime()
    await session.resume(left)
    expect(new Date(w.now()).getTime() - before).toBe(3000)
  })

  test('leaves a run alone whose process still lives', async () => {
    const w = await killed(true)
    w.ports.processes.alive = (ref) => ref.pid === 1
    expect(await sessionOf(w).session.open()).toEqual([])
  })

  test('is not led astray by a journal that was changed by hand', async () => {
    const w = await killed(true)
    for (const [path, text] of w.files)
      if (path.startsWith('journal/')) w.files.set(path, text.replace('"kind":"planned"', '"kind":"planned","parts":7,"was"'))
    expect(await sessionOf(w).session.open()).toEqual([])
    expect(verified(w).problems.length).toBeGreaterThan(0)
  })

  /** A run that is killed when it comes to this line of its journal; nothing of it is written any more. */
  async function killedAtLine(w: World, line: RegExp, of = sessionOf(w).session, plan = of.plan(mend)): Promise<World> {
    const { append } = w.ports.workspace as NonNullable<typeof w.ports.workspace>
    let dead = false
    const workspace = w.ports.workspace as { append: typeof append }
    const made = await plan
    workspace.append = async (journal, text) => {
      dead ||= line.test(text)
      if (dead) throw new Error('killed')
      return append(journal, text)
    }
    await of.apply(made, yes).catch(() => undefined)
    workspace.append = append
    later(w)
    return w
  }
  const CHECK = /"kind":"intent".*"action":"lit"/
  const CHECKED = /"kind":"outcome".*"action":"lit"/
  async function opened(w: World) {
    const { session } = sessionOf(w)
    const [left] = await session.open()
    if (!left) throw new Error('nothing was under way')
    return { session, left }
  }
  const failureOf = (work: Promise<unknown>): Promise<unknown> => work.catch((error) => error)

  test.each([
    ['between a change and the check behind it', CHECK, undefined],
    ['in the check behind a change', CHECKED, 'lit'],
  ])('%s makes that check', async (_, line, action) => {
    const { session, left } = await opened(await killedAtLine(world({ a: false, b: false }), line))
    expect([left.intent?.action, left.unchecked?.object.name, left.done]).toEqual([action, 'a', []])
    expect(await session.resume(left)).toEqual({ result: 'done', reason: 'the checks behind the change of a were made, and hold' })
    expect(session.state().unfinished).toEqual([])
  })

  test('with a check that does not hold stops there, once, and calls nothing', async () => {
    for (const line of [CHECK, CHECKED]) {
      const w = await killedAtLine(world({ a: false, b: false }), line)
      w.lamps.a = { on: false }
      const calls = w.calls.length
      const { session, left } = await opened(w)
      const error = await failureOf(session.resume(left))
      expect(error).toMatchObject({
        code: 'action-failed',
        message: 'a, is lit: after 60 s: the lamp is off',
        hint: 'an earlier run changed a and ended before this was checked: look at a before anything else is changed\nb not begun: the rest is still a plan',
      })
      expect([w.calls.length, session.state().unfinished]).toEqual([calls, []])
      await session.close(4)
      later(w)
      const next = sessionOf(w).session
      expect(await next.open()).toEqual([])
      await next.look()
      expect(next.state().report?.results[0]?.findings[0]?.reason).toContain('was interrupted: after 60 s: the lamp is off')
    }
  })

  test('that is killed, stopped or ends with a fault while it makes the check leaves it to the next one', async () => {
    const w = await killedAtLine(world({ a: false, b: false }), CHECK)
    const { observeOne } = w.ports
    w.ports.observeOne = async () => {
      throw new Error('a fault')
    }
    const first = await opened(w)
    await expect(first.session.resume(first.left)).rejects.toThrow('a fault')
    await first.session.close(4)
    w.ports.observeOne = observeOne
    later(w)
    w.lamps.a = { on: false }
    const second = await opened(w)
    w.onSleep = () => {
      second.session.stop()
      second.session.stop()
    }
    await expect(second.session.resume(second.left)).rejects.toThrow('interrupted')
    expect(second.session.state().unfinished).toEqual([second.left])
    await second.session.close(130)
    w.onSleep = () => undefined
    w.lamps.a = { on: true }
    later(w)
    const third = await opened(w)
    expect((await third.session.resume(third.left)).result).toBe('done')
    await third.session.close(0)
    later(w)
    expect(await sessionOf(w).session.open()).toEqual([])
  })

  test('keeps the check open while the object cannot be seen', async () => {
    for (const line of [CHECK, CHECKED]) {
      const w = await killedAtLine(world({ a: false, b: false }), line)
      w.unseen.add('a')
      const { session, left } = await opened(w)
      const reason = 'the checks behind it cannot be made: a cannot be seen'
      expect(await session.resume(left)).toEqual({ result: 'cannot tell', reason })
      expect(session.state().unfinished).toEqual([left])
      await session.close(4)
      later(w)
      const next = await opened(w)
      expect(await failureOf(next.session.apply(await next.session.plan(mend), yes))).toMatchObject({ code: 'cannot-tell' })
      w.unseen.clear()
      expect((await next.session.resume(next.left)).result).toBe('done')
      expect(next.session.state().unfinished).toEqual([])
    }
  })

  test('says that it does not know any more what to check, once, where the plan is not what was agreed to', async () => {
    const changes: ((w: World, path: string) => void)[] = [
      (w, path) => w.files.delete(path),
      (w, path) => w.files.set(path, 'null'),
      (w, path) => w.files.set(path, (w.files.get(path) ?? '').replace('"renew"', '"new"').replace('"home"', '"away"')),
    ]
    for (const change of changes) {
      const w = await killedAtLine(world({ a: false, b: false }), CHECK)
      change(w, [...w.files.keys()].find((path) => path.startsWith('evidence/plans/')) ?? '')
      const { session, left } = await opened(w)
      expect(await failureOf(session.resume(left))).toMatchObject({
        code: 'action-failed',
        message: expect.stringMatching(/^a, lit: evidence\/plans\/\w+\.json, which says what to check, is not there or is not what/),
      })
      expect(session.state().unfinished).toEqual([])
      await session.close(4)
      later(w)
      expect(await sessionOf(w).session.open()).toEqual([])
    }
  })

  test('finds an action without an outcome also where the run closed behind an unexpected error', async () => {
    const w = world({ a: false, b: false })
    const { session } = sessionOf(w)
    const plan = await session.plan(mend)
    w.answers.switch = () => {
      throw new Error('a fault')
    }
    await session.apply(plan, yes).catch(() => undefined)
    await session.close(4)
    delete w.answers.switch
    later(w)
    const next = await opened(w)
    expect(next.left.intent).toMatchObject({ action: 'switch' })
    expect((await next.session.resume(next.left)).result).toBe('not done')
  })

  test('begins nothing else while it cannot be told what became of it', async () => {
    const w = await killed(true)
    w.unseen.add('a')
    const { session, left } = await opened(w)
    expect((await session.resume(left)).result).toBe('cannot tell')
    expect(session.state().unfinished).toEqual([left])
    const plan = await session.plan(mend)
    const calls = w.calls.length
    const error = await failureOf(session.apply(plan, yes))
    expect(error).toMatchObject({ code: 'cannot-tell', message: 'it cannot be told whether "switch on" on a was done' })
    expect(w.calls.length).toBe(calls)
    w.unseen.clear()
    expect((await session.resume(left)).result).toBe('done')
    expect((await session.apply(await session.plan(mend), yes)).done.map((p) => p.object.name)).toEqual(['b'])
  })

  test('looks at no other cluster than the one that was changed', async () => {
    const w = await killed(true)
    w.identity = { ca: 'ca', id: 'away' }
    const { session } = sessionOf(w, { pinned: { ca: 'ca', id: 'home' } })
    const [left] = await session.open()
    if (!left) throw new Error('nothing was under way')
    expect(await refusedBy(session.resume(left))).toBe('other-cluster')
    expect(session.state().unfinished).toEqual([left])
  })

  test.each([
    ['in the change', /"kind":"outcome".*"action":"switch"/],
    ['between the change and the check', CHECK],
    ['in the check', CHECKED],
  ])('goes on with a plan in a file, of which a run was killed %s', async (_, line) => {
    const w = world({ a: false, b: false })
    const first = sessionOf(w).session
    const text = writePlan(await first.plan(mend), 'live')
    await killedAtLine(w, line, first, first.revive(text, 'p.json'))
    const { session, left } = await opened(w)
    await session.resume(left)
    const rest = await session.revive(text, 'p.json')
    expect(rest.parts.map((p) => p.object.name)).toEqual(['b'])
    expect((await session.apply(rest, yes)).done.map((p) => p.object.name)).toEqual(['b'])
  })
})
