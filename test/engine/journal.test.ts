import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../src/contract.ts'
import { appliedFor, failedFor, unfinished } from '../../src/engine/history.ts'
import { type Entry, hashOf, headsOf, lineOf, readJournal, verifyJournals, writtenIn } from '../../src/engine/journal.ts'
import { lampRef } from './world.ts'

interface File {
  name: string
  text: string
}

/** A journal as a run writes it. Every line is a second later than the one before. */
function journalOf(name: string, entries: readonly Entry[], at = '2026-11-23T12:00:00.000Z'): File {
  let prev: string | null = null
  const lines = entries.map((entry, i) => {
    const line = lineOf(entry, { seq: i + 1, at: new Date(new Date(at).getTime() + i * 1000), prev })
    prev = hashOf(line)
    return line
  })
  return { name, text: lines.map((l) => `${l}\n`).join('') }
}
const read = (...files: File[]) => files.map((f) => readJournal(f.name, f.text))
const verified = (files: File[]) => verifyJournals(read(...files))
const headOf = (file: File): string => readJournal(file.name, file.text).head ?? ''
const seen = (...files: File[]): Record<string, string> => Object.fromEntries(files.map((f) => [f.name, headOf(f)]))

const opened = (heads: Record<string, string> = {}, pid = 1): Entry => ({
  kind: 'opened',
  tool: 'talos-preflight 0',
  mode: 'live',
  operator: 'ann@desk',
  command: 'apply LMP-01',
  process: { pid, started: '7' },
  heads,
})
const closed: Entry = { kind: 'closed', exitCode: 0 }
const consented: Entry = { kind: 'consented', digest: 'plan', by: 'ann@desk', how: '--yes' }
const planned = (names: string[], kind: 'mend' | 'undo' = 'mend'): Entry => ({
  kind: 'planned',
  stage: { kind, steps: ['LMP-01'] },
  digest: 'plan',
  path: 'evidence/plans/plan.json',
  parts: names.map((name) => ({ step: 'LMP-01', object: lampRef(name), digest: `part ${name}`, actions: ['seal', 'switch'] })),
  blocked: 0,
})
const where = (name: string, action: string, stage: 'mend' | 'undo' = 'mend') => ({
  stage,
  step: 'LMP-01',
  object: lampRef(name),
  part: `part ${name}`,
  action,
})
const intent = (name: string, action: string): Entry => ({
  kind: 'intent',
  ...where(name, action),
  title: `${action} ${name}`,
  repeatable: true,
})
const outcome = (
  name: string,
  action: string,
  result: 'done' | 'failed' | 'stopped' = 'done',
  record?: Json,
  stage: 'mend' | 'undo' = 'mend',
): Entry => ({
  kind: 'outcome',
  ...where(name, action, stage),
  result,
  ...(record !== undefined ? { record } : {}),
})
const child = (name: string, action: string): Entry => ({
  kind: 'child',
  part: `part ${name}`,
  action,
  process: { pid: 99, started: '5' },
  what: 'switch',
})
const resolved = (run: string, name: string, action: string, result: 'done' | 'not done', record?: Json): Entry => ({
  kind: 'resolved',
  run,
  ...where(name, action),
  result,
  reason: 'was looked at',
  ...(record !== undefined ? { record } : {}),
})
const whole = (name: string, record?: Json): Entry[] => [
  intent(name, 'seal'),
  outcome(name, 'seal'),
  intent(name, 'switch'),
  outcome(name, 'switch', 'done', record),
]

describe('the chain of a journal', () => {
  const entries = [opened(), planned(['a']), consented, ...whole('a'), closed]
  const file = journalOf('2026-a.jsonl', entries)

  test('holds as it was written', () => {
    expect(readJournal(file.name, file.text)).toMatchObject({ torn: false, problems: [], head: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(verified([file])).toEqual({ files: 1, lines: 8, torn: [], problems: [], heads: { '2026-a.jsonl': headOf(file) } })
    expect(verified([])).toEqual({ files: 0, lines: 0, torn: [], problems: [], heads: {} })
  })

  test('drops a last line that was cut while it was written, and notes it', () => {
    const cut = { ...file, text: file.text.slice(0, -20) }
    expect(readJournal(cut.name, cut.text)).toMatchObject({ torn: true, problems: [] })
    expect(verified([cut])).toMatchObject({ lines: 7, torn: ['2026-a.jsonl'], problems: [] })
  })

  test('holds where nothing at all was written yet', () => {
    expect(readJournal('a', '')).toEqual({ name: 'a', lines: [], hashes: [], head: null, torn: false, problems: [] })
    expect(readJournal('a', '{"seq":1')).toMatchObject({ lines: [], torn: true, problems: [] })
  })

  test('is broken behind a line that was changed', () => {
    const changed = { ...file, text: file.text.replace('"how":"--yes"', '"how":"--no!"') }
    expect(verified([changed]).problems).toEqual(['2026-a.jsonl: line 4 does not follow from line 3: the chain is broken'])
  })

  test('is broken where a line was taken out, put in or moved', () => {
    const lines = file.text.trimEnd().split('\n')
    const without = [...lines.slice(0, 3), ...lines.slice(4)]
    const doubled = [...lines.slice(0, 3), lines[2] ?? '', ...lines.slice(3)]
    const swapped = [...lines.slice(0, 3), lines[4] ?? '', lines[3] ?? '', ...lines.slice(5)]
    for (const text of [without, doubled, swapped])
      expect(verified([{ ...file, text: `${text.join('\n')}\n` }]).problems.length).toBeGreaterThan(0)
  })

  test('ends where a line is none, and says which', () => {
    for (const line of ['not JSON', 'null', '7', '"text"', '[]', '{}']) {
      const lines = file.text.trimEnd().split('\n')
      const text = `${[...lines.slice(0, 2), line, ...lines.slice(3)].join('\n')}\n`
      expect(readJournal('a', text)).toMatchObject({ problems: ['line 3 is no line of a journal'] })
      expect(readJournal('a', text).lines).toHaveLength(2)
    }
  })

  test.each<[string, object]>([
    ['a child without a process', { kind: 'child', part: 'p', action: 'a', what: 'w' }],
    ['an opening by nobody', { ...opened(), process: 7 }],
    ['a time that is none', { ...intent('a', 'switch'), until: '\u001b[2J' }],
    ['an action without a title', { ...intent('a', 'switch'), title: undefined }],
    ['a condition that is none', { ...intent('a', 'switch'), done: 'yes' }],
    ['a command that is none', { ...intent('a', 'switch'), back: { verb: 'switch' } }],
    ['an object without a name', { ...intent('a', 'switch'), object: { kind: 'lamp' } }],
    ['a plan of nothing', { ...planned(['a']), parts: [{ step: 'LMP-01', object: lampRef('a'), digest: 'd', actions: [7] }] }],
  ])('ends where a line has not what later starts read of it: %s', (_, entry) => {
    const made = journalOf('a', [opened(), planned(['a']), consented, entry as Entry, child('a', 'switch')])
    expect(read(made)[0]).toMatchObject({ problems: ['line 4 is no line of a journal'] })
    expect(unfinished(read(made))).toMatchObject([{ left: ['a'] }])
  })

  test('is broken by any other letter in any line but the last', () => {
    const last = file.text.trimEnd().lastIndexOf('\n')
    fc.assert(
      fc.property(fc.integer({ min: 0, max: last - 1 }), fc.string({ minLength: 1, maxLength: 1 }), (at, letter) => {
        fc.pre(file.text[at] !== letter)
        const text = file.text.slice(0, at) + letter + file.text.slice(at + 1)
        expect(verified([{ ...file, text }]).problems.length).toBeGreaterThan(0)
        // what a later start reads of it must not end that start
        for (const cut of [text, text.slice(0, last)])
          expect([
            unfinished(read({ ...file, text: cut })),
            appliedFor(read({ ...file, text: cut }), 'LMP-01'),
            failedFor(read({ ...file, text: cut }), 'LMP-01'),
          ]).toBeDefined()
      }),
      { numRuns: 1000 },
    )
  })

  test('begins with an opening line', () => {
    expect(verified([journalOf('a', [closed])]).problems).toEqual(['a: does not begin with an opening line'])
  })
})

describe('the journals of a workspace', () => {
  const first = journalOf('2026-01.jsonl', [opened(), closed])
  const second = journalOf('2026-02.jsonl', [opened(seen(first)), closed])
  const left = journalOf('2026-03-left.jsonl', [opened(seen(second)), closed])
  const right = journalOf('2026-03-right.jsonl', [opened(seen(second)), closed])
  const merge = journalOf('2026-04.jsonl', [opened(seen(left, right)), closed])

  test('follow each other by the heads that were seen, and two branches of git merge', () => {
    expect(headsOf(read(first, second))).toEqual(seen(second))
    expect(headsOf(read(first, second, left, right))).toEqual(seen(left, right))
    expect(verified([first, second, left, right, merge])).toMatchObject({ files: 5, lines: 10, problems: [], heads: seen(merge) })
  })

  test('miss one that was seen', () => {
    expect(verified([first, left, right, merge]).problems).toEqual([
      '2026-02.jsonl: is missing, 2026-03-left.jsonl saw it',
      '2026-02.jsonl: is missing, 2026-03-right.jsonl saw it',
    ])
  })

  test('show that one was cut after it was seen', () => {
    const cut = { ...first, text: first.text.slice(0, first.text.indexOf('\n') + 1) }
    expect(verified([cut, second]).problems).toEqual(['2026-01.jsonl: was changed or cut after 2026-02.jsonl saw it'])
  })

  test('show that a whole one was made anew', () => {
    const other = journalOf('2026-01.jsonl', [opened({}, 666), closed])
    expect(verified([other, second]).problems).toEqual(['2026-01.jsonl: was changed or cut after 2026-02.jsonl saw it'])
  })

  test('may go on after they were seen, as two runs at once do', () => {
    const begun = journalOf('2026-01.jsonl', [opened()])
    const beside = journalOf('2026-02.jsonl', [opened(seen(begun)), closed])
    expect(verified([first, beside]).problems).toEqual([])
  })
})

describe('what the journals have a digest of', () => {
  const sealed = (path: string, sha256: string, more: Record<string, Json> = { recipients: ['me'] }): Entry => ({
    ...(outcome('a', 'seal') as Extract<Entry, { kind: 'outcome' }>),
    outputs: { path, sha256, ...more },
  })
  const observed: Entry = { kind: 'observed', evidence: 'evidence/runs/1', sha256: 'o', looks: 1, failed: 0 }

  test('is what was seen, concluded, agreed to, proved and sealed, and not what was written for somebody to take', () => {
    const concluded: Entry = {
      kind: 'concluded',
      summary: {} as never,
      verdicts: {},
      findings: 'evidence/runs/1/findings.json',
      sha256: 'f',
    }
    const proved = sealed('secrets/a', 's', { recipients: ['me'], proof: 'evidence/proofs/p', proofSha256: 'p' })
    const file = journalOf('one', [
      opened(),
      observed,
      concluded,
      { ...planned(['a']), sha256: 'plan' } as Entry,
      planned(['b']),
      proved,
      sealed('generated/a.yaml', 'g', {}),
      outcome('a', 'switch'),
      closed,
    ])
    expect(writtenIn(read(file))).toEqual([
      { path: 'evidence/runs/1/observations.json', sha256: 'o', journal: 'one' },
      { path: 'evidence/runs/1/findings.json', sha256: 'f', journal: 'one' },
      { path: 'evidence/plans/plan.json', sha256: 'plan', journal: 'one' },
      { path: 'evidence/proofs/p', sha256: 'p', journal: 'one' },
      { path: 'secrets/a', sha256: 's', journal: 'one' },
    ])
  })

  test('has the last digest of each, whatever order the journals come in', () => {
    const first = journalOf('first', [opened(), sealed('secrets/a', 'old'), closed])
    const last = journalOf('last', [opened(), sealed('secrets/a', 'new'), closed], '2026-11-24T12:00:00.000Z')
    for (const files of [read(first, last), read(last, first)])
      expect(writtenIn(files)).toEqual([{ path: 'secrets/a', sha256: 'new', journal: 'last' }])
  })
})

describe('what was under way', () => {
  const run = (...entries: Entry[]) => journalOf('2026-01.jsonl', [opened(), planned(['a', 'b']), consented, ...entries])
  const found = (...files: File[]) => unfinished(read(...files))

  test('is the intent without an outcome, with the child that worked on it and what is left', () => {
    expect(found(run(...whole('a'), intent('b', 'seal'), outcome('b', 'seal'), intent('b', 'switch'), child('b', 'switch')))).toEqual([
      {
        run: '2026-01.jsonl',
        at: '2026-11-23T12:00:00.000Z',
        command: 'apply LMP-01',
        process: { pid: 1, started: '7' },
        intent: expect.objectContaining({ kind: 'intent', action: 'switch', object: lampRef('b') }),
        child: { pid: 99, started: '5' },
        done: ['a'],
        left: ['b'],
        steps: ['LMP-01'],
        stage: 'mend',
        plan: 'evidence/plans/plan.json',
        digest: 'plan',
      },
    ])
  })

  test('is nothing but the rest of the plan between two actions', () => {
    const [only, ...rest] = found(run(...whole('a')))
    expect(rest).toEqual([])
    expect(only).toMatchObject({ done: ['a'], left: ['b'] })
    expect(only).not.toHaveProperty('intent')
    expect(found(run())[0]).toMatchObject({ done: [], left: ['a', 'b'] })
  })

  test('is nothing where the run closed, was all done, or nobody had agreed', () => {
    for (const result of ['failed', 'stopped'] as const)
      expect(found(run(intent('a', 'seal'), outcome('a', 'seal', result), closed))).toEqual([])
    expect(found(run(...whole('a'), ...whole('b')))).toEqual([])
    expect(found(journalOf('a', [opened(), planned(['a'])]))).toEqual([])
    expect(found(journalOf('a', [opened()]))).toEqual([])
    expect(found(journalOf('a', []))).toEqual([])
  })

  test('is an action without an outcome also where the run closed, or went on with something else', () => {
    expect(found(run(intent('a', 'switch'), closed))).toMatchObject([{ intent: { action: 'switch' }, left: ['a', 'b'] }])
    const other: Entry[] = [{ ...planned(['b']), digest: 'other' } as Entry, { ...consented, digest: 'other' } as Entry]
    const wentOn = run(intent('a', 'switch'), ...other, ...whole('b'), closed)
    expect(found(wentOn)).toMatchObject([{ intent: { action: 'switch' }, left: ['a', 'b'], digest: 'plan' }])
    expect(found(run(intent('a', 'switch'), ...other, intent('b', 'switch'), closed)).map((u) => u.intent?.object.name)).toEqual(['b', 'a'])
    // what was done anew since is known
    expect(found(run(intent('a', 'switch'), ...other, ...whole('a'), closed))).toEqual([])
    const later = journalOf('2026-02.jsonl', [opened(), planned(['a']), consented, ...whole('a'), closed])
    expect(found(run(intent('a', 'switch'), closed), later)).toEqual([])
  })

  test('are the checks behind a change that is done, whatever became of the run, until they hold or fail', () => {
    const checked: Entry = {
      ...planned(['a', 'b']),
      parts: [{ step: 'LMP-01', object: lampRef('a'), digest: 'part a', actions: ['switch', 'lit', 'warm'], checks: ['lit', 'warm'] }],
    } as Entry
    const of = (...entries: Entry[]) => journalOf('2026-01.jsonl', [opened(), checked, consented, ...entries])
    const then = (...entries: Entry[]) => journalOf('2026-02.jsonl', [opened(), ...entries])
    const owed = (...files: File[]) => found(...files).map((u) => u.unchecked?.object.name)
    const switched = [intent('a', 'switch'), outcome('a', 'switch')]
    const open = of(intent('a', 'switch'))
    expect(owed(open)).toEqual([undefined])
    expect(owed(of(...switched))).toEqual(['a'])
    expect(owed(of(...switched, closed))).toEqual(['a'])
    expect(owed(of(...switched, intent('a', 'lit')))).toEqual(['a'])
    expect(owed(of(...switched, intent('a', 'lit'), outcome('a', 'lit')))).toEqual(['a'])
    expect(owed(of(...switched), then(planned(['b']), consented, ...whole('b'), closed))).toEqual(['a'])
    expect(owed(open, then(resolved('2026-01.jsonl', 'a', 'switch', 'done')))).toEqual(['a'])
    expect(owed(open, then(resolved('2026-01.jsonl', 'a', 'switch', 'done'), intent('a', 'lit'), outcome('a', 'lit'), closed))).toEqual([
      'a',
    ])
    for (const result of ['failed', 'stopped'] as const)
      expect(owed(of(...switched), then(outcome('a', 'lit', result), closed))).toEqual(['a'])
    // over: they hold, one failed, the run itself was stopped at one, or the change was not done
    expect(owed(of(...switched), then(outcome('a', 'lit'), outcome('a', 'warm'), closed))).toEqual([])
    expect(owed(of(...switched), then(resolved('2026-01.jsonl', 'a', 'lit', 'not done'), closed))).toEqual([])
    for (const result of ['failed', 'stopped'] as const) expect(owed(of(...switched, outcome('a', 'lit', result), closed))).toEqual([])
    expect(owed(open, then(resolved('2026-01.jsonl', 'a', 'switch', 'not done'), closed))).toEqual([])
    expect(owed(of(intent('a', 'switch'), outcome('a', 'switch', 'failed'), closed))).toEqual([])
  })

  test('is told in texts that may be drawn', () => {
    const evil = '\u001b[2Jswitch\u202e'
    const file = journalOf('2026-01.jsonl', [
      { ...opened(), command: `apply ${evil}` } as Entry,
      planned([evil]),
      consented,
      { ...intent(evil, 'switch'), title: evil } as Entry,
    ])
    expect(found(file)).toMatchObject([
      { command: 'apply switch', left: ['switch'], intent: { title: 'switch', object: { kind: 'lamp', name: 'switch' } } },
    ])
  })

  test('does not take an earlier try of the same action for this one', () => {
    const again = run(intent('a', 'seal'), outcome('a', 'seal', 'failed'), intent('a', 'seal'))
    expect(found(again)[0]?.intent).toMatchObject({ action: 'seal' })
  })

  test('is settled by a later run that looked', () => {
    const open = run(intent('a', 'switch'))
    const later = journalOf('2026-02.jsonl', [opened(seen(open)), resolved('2026-01.jsonl', 'a', 'switch', 'not done'), closed])
    expect(found(open)).toHaveLength(1)
    expect(found(open, later)).toEqual([])
    const other = journalOf('2026-02.jsonl', [opened(seen(open)), resolved('2026-00.jsonl', 'a', 'switch', 'not done'), closed])
    expect(found(open, other)).toHaveLength(1)
  })

  test('is over where a later run went on, unless an action was open', () => {
    const between = run(...whole('a'))
    const open = run(intent('a', 'switch'))
    const later = journalOf('2026-02.jsonl', [opened(), planned(['b']), consented, ...whole('b'), closed])
    expect(found(between, later)).toEqual([])
    expect(found(open, later)).toHaveLength(1)
  })

  test('is told newest first', () => {
    const older = { ...run(intent('a', 'switch')), name: '2026-01.jsonl' }
    const newer = { ...run(intent('b', 'switch')), name: '2026-02.jsonl' }
    expect(found(older, newer).map((u) => u.run)).toEqual(['2026-02.jsonl', '2026-01.jsonl'])
  })
})

describe('what was applied', () => {
  const made = (...files: File[]) => appliedFor(read(...files), 'LMP-01')
  const at = (day: number) => `2026-11-${day}T12:00:00.000Z`

  test('is what was done with something to take back, oldest first', () => {
    const first = journalOf(
      '1',
      [opened(), outcome('a', 'switch', 'done', { n: 1 }), outcome('b', 'switch', 'failed', { n: 2 }), outcome('c', 'seal')],
      at(20),
    )
    const second = journalOf('2', [opened(), outcome('a', 'switch', 'done', { n: 3 })], at(21))
    expect(made(second, first)).toEqual([
      { object: lampRef('a'), record: { n: 1 } },
      { object: lampRef('a'), record: { n: 3 } },
    ])
  })

  test('is only what was done for this step', () => {
    expect(appliedFor(read(journalOf('1', [opened(), outcome('a', 'switch', 'done', 1)])), 'OTH-01')).toEqual([])
  })

  test('is over for an object that was taken back, until it is done again', () => {
    const mend = journalOf('1', [opened(), outcome('a', 'switch', 'done', 1), outcome('b', 'switch', 'done', 2)], at(20))
    const undo = journalOf('2', [opened(), outcome('a', 'switch', 'done', null, 'undo')], at(21))
    const again = journalOf('3', [opened(), outcome('a', 'switch', 'done', 3)], at(22))
    expect(made(mend, undo).map((x) => [x.object.name, x.record])).toEqual([['b', 2]])
    expect(made(mend, undo, again).map((x) => [x.object.name, x.record])).toEqual([
      ['b', 2],
      ['a', 3],
    ])
  })

  test('is also what a later start found to be done', () => {
    const later = journalOf('2', [opened(), resolved('1', 'a', 'switch', 'done', 7), resolved('1', 'b', 'switch', 'not done', 8)])
    expect(made(later)).toEqual([{ object: lampRef('a'), record: 7 }])
  })
})

describe('what failed', () => {
  const failed = (...files: File[]) => failedFor(read(...files), 'LMP-01')
  const at = (day: number) => `2026-11-${day}T12:00:00.000Z`
  const fails = (name: string, action: string, reason: string, stage: 'mend' | 'undo' = 'mend'): Entry => ({
    ...(outcome(name, action, 'failed', undefined, stage) as Extract<Entry, { kind: 'outcome' }>),
    reason,
  })
  const file = journalOf('1.jsonl', [opened(), outcome('a', 'seal'), fails('a', 'switch', 'the fuse\nblew')], at(20))

  test('is told with its day and the line that says so, until the same is done', () => {
    const sha256 = headOf(file)
    expect(failed(file)).toEqual([
      {
        object: lampRef('a'),
        sentence: 'the last attempt to mend it (2026-11-20 12:00 UTC) failed: the fuse blew',
        line: { journal: '1.jsonl', seq: 3, at: '2026-11-20T12:00:02.000Z', sha256 },
      },
    ])
    expect(failed(file, journalOf('2', [opened(), outcome('a', 'seal')], at(21)))).toHaveLength(1)
    expect(failed(file, journalOf('2', [opened(), outcome('a', 'switch')], at(21)))).toEqual([])
    expect(failed(journalOf('2', [opened(), outcome('a', 'switch')], at(19)), file)).toHaveLength(1)
    expect(failedFor(read(file), 'OTH-01')).toEqual([])
  })

  test('is the newest of an object, and also what a later start found not to be done', () => {
    const later = journalOf('2', [opened(), resolved('1', 'a', 'switch', 'not done'), fails('b', 'switch', 'it was dark')], at(21))
    expect(failed(later, file).map((x) => [x.object.name, x.sentence])).toEqual([
      ['a', 'the last attempt to mend it (2026-11-21 12:00 UTC) was interrupted: was looked at'],
      ['b', 'the last attempt to mend it (2026-11-21 12:00 UTC) failed: it was dark'],
    ])
  })

  test('is nothing that was stopped, nothing of an undo, and nothing without a reason', () => {
    const undo = fails('a', 'switch', 'it was dark', 'undo')
    expect(failed(journalOf('1', [opened(), outcome('a', 'switch', 'stopped'), outcome('b', 'switch', 'failed'), undo]))).toEqual([])
  })
})
