import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WORDS } from '../../src/cli/words.ts'
import type { SessionState } from '../../src/engine/state.ts'
import { withSuffix } from '../../src/ui/report/text.ts'
import { draw } from '../../src/ui/tui/draw.ts'
import { field } from '../../src/ui/tui/forms.ts'
import { bindingsFor } from '../../src/ui/tui/keys.ts'
import { width } from '../../src/ui/tui/lines.ts'
import { type Command, type Form, placeOf, shownSteps, TABS, type Ui, type View } from '../../src/ui/tui/model.ts'
import { themeFor } from '../../src/ui/tui/theme.ts'
import { update } from '../../src/ui/tui/update.ts'
import { withDoors } from '../../src/ui/tui/updates/doors.ts'
import { edit, typeText } from '../../src/ui/tui/updates/field.ts'
import { FIXTURES, type ScreenName } from './fixtures.ts'
import { CONTEXTS, LOOKING, NOW, PERFORMING, REVIEWING, RUN, sessionWith, uiWith, viewOf, worldWith } from './states.ts'

const NAMES = Object.keys(FIXTURES) as ScreenName[]
const viewAt = (name: ScreenName): View => viewOf(FIXTURES[name].ui, FIXTURES[name].session)

const COMMANDS: Command[] = [
  'enter',
  'back',
  'up',
  'down',
  'left',
  'right',
  'page.up',
  'page.down',
  'help',
  'quit',
  'interrupt',
  'filter',
  'next',
  'attest',
  'waive',
  'look',
  'undo',
  'commands',
  'keys',
  'stop',
  'door.practise',
  'door.check',
  'door.setup',
  'door.incident',
  'create',
  'protect',
  'recipient',
  'takeBack',
  'submit',
]

const SESSIONS: (SessionState | undefined)[] = [
  undefined,
  sessionWith(),
  sessionWith({}, null),
  sessionWith({}, []),
  sessionWith({ activity: LOOKING }),
  sessionWith({ activity: REVIEWING }),
  sessionWith({ activity: PERFORMING, run: RUN }),
]

const EDITS = ['backspace', 'delete', 'ctrl+u', 'ctrl+k', 'ctrl+w', 'ctrl+a', 'ctrl+e', 'home', 'end']

/** A key of the keyboard that reached the model, or text that was typed or pasted. */
const action = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...COMMANDS).map((command) => ({ command })) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map((text) => ({ text })) },
  { weight: 1, arbitrary: fc.constantFrom(...EDITS).map((key) => ({ edit: key })) },
  { weight: 1, arbitrary: fc.nat(SESSIONS.length - 1).map((session) => ({ session })) },
)
const start = fc.constantFrom(...NAMES)

/** Follows keys from a state, and hands each state on the way to `look`. */
function follow(
  name: ScreenName,
  actions: readonly (typeof action extends fc.Arbitrary<infer A> ? A : never)[],
  look: (view: View) => void,
): View {
  let view = viewAt(name)
  for (const a of actions) {
    if ('command' in a) view = { ...view, ui: update(view, a.command).ui }
    else if ('text' in a) view = { ...view, ui: typeText(view, a.text) }
    else if ('edit' in a) view = { ...view, ui: edit(view.ui, a.edit) ?? view.ui }
    // an open cluster stays open; what it does changes at any moment
    else if (view.session) view = { ...view, session: SESSIONS[a.session] ?? view.session }
    look(view)
  }
  return view
}

const theme = themeFor({ LANG: 'C.UTF-8' }, true)
const drawn = (view: View, size = { columns: 80, rows: 24 }) =>
  draw({
    view,
    world: view.session ? worldWith() : undefined,
    host: { product: 'talos-preflight', version: '0.1.0' },
    theme,
    size,
    now: NOW,
  })

describe('whatever is pressed, in whatever state', () => {
  test('nothing throws, and every state on the way can be drawn with the right number of lines, none of them too wide', () => {
    fc.assert(
      fc.property(start, fc.array(action, { maxLength: 40 }), (name, actions) => {
        follow(name, actions, (view) => {
          const lines = drawn(view)
          expect(lines.length).toBe(24)
          for (const line of lines) expect(line.reduce((n, s) => n + width(s.text), 0)).toBeLessThanOrEqual(80)
        })
      }),
      { numRuns: 150 },
    )
  })

  test('the selection stays inside of what there is', () => {
    fc.assert(
      fc.property(start, fc.array(action, { maxLength: 60 }), (name, actions) => {
        follow(name, actions, ({ ui, session }) => {
          expect(ui.door).toBeGreaterThanOrEqual(0)
          expect(ui.door).toBeLessThan(4)
          expect(TABS).toContain(ui.tab)
          expect(ui.scroll).toBeGreaterThanOrEqual(0)
          if (placeOf(ui, session) === 'checklist' && shownSteps(ui).length > 0) expect(ui.steps.map((s) => s.id)).toContain(ui.selected)
          for (const overlay of ui.overlays) {
            if (overlay.kind === 'contexts') {
              const usable = ui.doors?.contexts.filter((c) => c.usable) ?? []
              expect(overlay.selected).toBeGreaterThanOrEqual(0)
              expect(overlay.selected).toBeLessThan(Math.max(1, usable.length))
            }
            if (overlay.kind === 'form') {
              expect(overlay.at).toBeGreaterThanOrEqual(0)
              expect(overlay.at).toBeLessThan(overlay.fields.length)
              for (const f of overlay.fields) {
                expect(f.cursor).toBeGreaterThanOrEqual(0)
                if (f.options) expect(f.options).toContain(f.value)
                else expect(f.cursor).toBeLessThanOrEqual([...f.value].length)
              }
            }
          }
        })
      }),
      { numRuns: 300 },
    )
  })

  test('nothing is begun in the middle of something else', () => {
    const begins = ['look', 'plan', 'apply', 'resume', 'open']
    fc.assert(
      fc.property(start, fc.constantFrom(...COMMANDS), fc.constantFrom(LOOKING, REVIEWING, PERFORMING), (name, command, activity) => {
        const view = viewAt(name)
        fc.pre(view.session !== undefined && view.ui.overlays.length === 0)
        const { effects } = update({ ...view, session: { ...sessionWith({ activity, run: RUN }) } }, command)
        expect(effects.filter((e) => begins.includes(e.kind))).toEqual([])
      }),
    )
  })

  test('a value never holds anything that moves the cursor, reorders text or cannot be seen', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
        const ui = texts.reduce((at, text) => typeText(viewOf(at, undefined), text), FIXTURES['form-filter'].ui)
        const value = (ui.overlays.at(-1) as Form).fields[0]?.value ?? ''
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
        expect(value).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069]/)
      }),
    )
  })
})

describe('esc is back, and nothing is lost', () => {
  /** Keeps what the operator chose, typed and made; leaves out where they were looking at it. */
  const kept = ({ overlays, opened, made, category, focus, filter, selected, scroll, tab, ...rest }: Ui) => rest

  test.each(NAMES.filter((name) => FIXTURES[name].ui.overlays.length > 0))('from %s to what is under it', (name) => {
    const { ui } = FIXTURES[name]
    const bound = bindingsFor(viewAt(name)).some((b) => b.keys.includes('escape'))
    const after = update(viewAt(name), 'back').ui
    if (bound) expect(after).toEqual({ ...ui, overlays: ui.overlays.slice(0, -1) })
    else expect(kept(after)).toEqual(kept(ui))
  })

  test.each(NAMES.filter((name) => name.startsWith('step-')))('from %s to the checklist, with the same step selected', (name) => {
    const { ui, session } = FIXTURES[name]
    const after = update(viewAt(name), 'back')
    expect(after.effects).toEqual([])
    expect(placeOf(after.ui, session)).toBe('checklist')
    expect(after.ui).toMatchObject({ selected: ui.selected, category: ui.category, filter: ui.filter, focus: ui.focus })
  })

  test('it never begins anything, wherever it is pressed', () => {
    fc.assert(
      fc.property(start, fc.array(action, { maxLength: 30 }), (name, actions) => {
        const view = follow(name, actions, () => undefined)
        const { effects } = update(view, 'back')
        // leaving the last word on an earlier run goes on with the first look
        expect(effects.filter((e) => !(e.kind === 'look' && view.ui.overlays.at(-1)?.kind === 'unfinished'))).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  test('what was typed in a form under another one is still there afterwards', () => {
    const ui = typeText(viewOf(FIXTURES['form-waive'].ui, undefined), ' and so on')
    const over = { ...ui, overlays: [...ui.overlays, { kind: 'note' as const, title: 'something happened', lines: [] }] }
    expect(update(viewOf(over, sessionWith()), 'back').ui).toEqual(ui)
  })
})

describe('the doors', () => {
  const doors = (contexts = CONTEXTS) => ({ place: '', contexts, problems: [] })
  const check = (ui: Ui) => update(viewOf(ui, undefined), 'door.check')

  test('one usable context is opened at once, several are asked for, none is said', () => {
    const [first] = CONTEXTS
    expect(check(uiWith({ doors: doors(first ? [first] : []) })).effects).toEqual([
      { kind: 'open', choice: { kind: 'check', context: 'edge-prod' } },
    ])
    expect(check(uiWith({ doors: doors() })).ui.overlays).toEqual([{ kind: 'contexts', selected: 0 }])
    expect(check(uiWith({ doors: doors([]) })).ui.overlays[0]).toMatchObject({ kind: 'error', code: 'no-such-context' })
    expect(check(uiWith({ doors: doors(CONTEXTS.filter((c) => !c.usable)) })).ui.overlays[0]).toMatchObject({
      kind: 'error',
      message: 'none of the contexts found can be used',
    })
  })

  test('a check that is asked for before the clusters are known is remembered', () => {
    const early = check(uiWith({ doors: undefined }))
    expect(early.effects).toEqual([])
    const [first] = CONTEXTS
    expect(withDoors(early.ui, doors(first ? [first] : []), WORDS).effects).toMatchObject([{ kind: 'open' }])
    expect(withDoors(uiWith({ doors: undefined }), doors(), WORDS).effects).toEqual([])
  })

  test.each(['door.practise', 'up', 'down'] as const)('and forgotten when something else is done meanwhile: %s', (command) => {
    const early = check(uiWith({ doors: undefined }))
    const meanwhile = update(viewOf(early.ui, undefined), command)
    expect(withDoors(meanwhile.ui, doors(), WORDS).effects).toEqual([])
    expect(withDoors(meanwhile.ui, doors(), WORDS).ui.overlays).toEqual([])
  })

  test('in a workspace the check is the first choice, and what is named already is not asked for', () => {
    const here = { ...doors(), workspace: true, named: 'edge-reader' }
    const known = withDoors(uiWith({ doors: undefined }), here, WORDS)
    expect(known.ui.door).toBe(1)
    expect(update(viewOf(known.ui, undefined), 'enter').effects).toEqual([{ kind: 'open', choice: { kind: 'check' } }])
    expect(check(uiWith({ doors: { ...here, named: 'lab' } })).ui.overlays).toEqual([{ kind: 'contexts', selected: 0 }])
    expect(withDoors(uiWith({ doors: undefined }), doors(), WORDS).ui.door).toBe(0)
    expect(withDoors(uiWith({ doors: undefined, door: 2 }), here, WORDS).ui.door).toBe(2)
  })

  test('a context that has expired is never offered', () => {
    let view = viewOf(check(uiWith({ doors: doors() })).ui, undefined)
    const offered = new Set<string>()
    for (let i = 0; i < 5; i++) {
      const { effects } = update(view, 'enter')
      for (const e of effects) if (e.kind === 'open' && e.choice.kind === 'check') offered.add(e.choice.context ?? '')
      view = { ...view, ui: update(view, 'down').ui }
    }
    expect([...offered]).toEqual(['edge-prod', 'edge-reader'])
  })
})

describe('forms', () => {
  const waive = (fields: Partial<Record<string, string>>) => {
    const form = FIXTURES['form-waive'].ui.overlays[0] as Form
    const filled: Form = {
      ...form,
      at: form.fields.length - 1,
      fields: form.fields.map((f) => ({ ...f, value: fields[f.name] ?? f.value, cursor: 0 })),
    }
    return update(viewOf({ ...FIXTURES['form-waive'].ui, overlays: [filled] }, sessionWith()), 'enter')
  }

  test('a waiver needs a reason and a day that is not over', () => {
    expect((waive({ why: '  ' }).ui.overlays[0] as Form).error).toBe('whoever reads it later needs a reason')
    expect((waive({ until: 'tomorrow' }).ui.overlays[0] as Form).error).toBe('a day as in 2026-12-31')
    expect((waive({ until: '2026-13-45' }).ui.overlays[0] as Form).error).toBe('a day as in 2026-12-31')
    expect((waive({ until: '2026-11-22' }).ui.overlays[0] as Form).error).toBe('that day is over; today is 2026-11-23')
    expect(waive({ until: '2026-11-23' }).effects).toEqual([
      { kind: 'word', word: 'waive', step: 'INF-02', object: 'node/cp1', why: 'appliance, replaced in May', until: '2026-11-23' },
      { kind: 'forget', draft: expect.any(String) },
    ])
  })

  test('the error goes with the next character', () => {
    const wrong = waive({ why: '' }).ui
    expect((typeText(viewOf(wrong, undefined), 'x').overlays[0] as Form).error).toBeUndefined()
  })

  const KEY = `AGE-SECRET-KEY-1${'Q'.repeat(58)}`
  const FORMS = NAMES.filter((name) => name.startsWith('form-') && name !== 'form-barred')

  describe.each(FORMS)('a private key goes nowhere in %s', (name) => {
    const form = FIXTURES[name].ui.overlays[0] as Form
    const at = form.fields.findIndex((f) => !f.options)
    const ui: Ui = { ...FIXTURES[name].ui, overlays: [{ ...form, at }] }
    const shown = (now: Ui) =>
      drawn({ ...viewAt(name), ui: now })
        .map((l) => l.map((s) => s.text).join(''))
        .join('\n')

    test.each<[string, string[]]>([
      ['typed', [...KEY]],
      ['in one breath', [KEY]],
      ['in lower case', [KEY.toLowerCase()]],
      ['behind something else', [`see ${KEY}`]],
      ['as the whole file', [`# created: 2026-11-23\n# public key: age1qqqqqq\n${KEY}\n`]],
      ['in PEM', [...'-----BEGIN OPENSSH PRIVATE KEY-----', ...'b3BlbnNzaC1rZXktdjEAAAAA']],
    ])('%s', (_, texts) => {
      let now = ui
      for (const text of texts) {
        now = typeText(viewOf(now, sessionWith()), text)
        expect(shown(now).toUpperCase()).not.toMatch(/KEY-1Q|B3BL/)
      }
      expect(JSON.stringify(now).toUpperCase()).not.toMatch(/KEY-1Q|B3BL/)
      expect(shown(now)).toMatch(/\*{8} *\n +a private key was typed or pasted here[\s\S]*ctrl\+u/)
      for (const command of ['enter', 'submit', 'down', 'up'] as const)
        expect(update(viewOf(now, sessionWith()), command)).toEqual({ ui: now, effects: [] })
      expect(JSON.stringify(update(viewOf(now, sessionWith()), 'back').ui.drafts)).not.toContain('barred')
      const emptied = edit(now, 'ctrl+u') as Ui
      expect((typeText(viewOf(emptied, sessionWith()), 'so').overlays[0] as Form).fields[at]?.value).toBe('so')
    })
  })

  test('what only speaks of keys is no key', () => {
    for (const text of ['kept on a stick with age-plugin-yubikey', 'age1qqqqqqqqqq', 'the private key is in the safe']) {
      const ui = typeText(viewOf(FIXTURES['form-attest'].ui, sessionWith()), text)
      expect(JSON.stringify(ui)).not.toContain('barred')
    }
  })

  test('an error stays with its field', () => {
    const wrong = FIXTURES['form-error']
    const moved = update(viewOf(wrong.ui, sessionWith()), 'down').ui.overlays[0] as Form
    expect(moved).toMatchObject({ at: 1 })
    expect(moved.error).toBeUndefined()
    expect((update(viewOf(wrong.ui, sessionWith()), 'up').ui.overlays[0] as Form).error).toMatch(/neither yes nor no/)
  })

  test('what was typed is there again when the form is opened again, until it is done', () => {
    const opened = update(viewOf(uiWith(), sessionWith()), 'waive').ui
    const typed = typeText(viewOf(update(viewOf(opened, sessionWith()), 'down').ui, sessionWith()), 'an appliance')
    const left = update(viewOf(typed, sessionWith()), 'back').ui
    expect(left.overlays).toEqual([])
    const again = update(viewOf(left, sessionWith()), 'waive').ui
    expect((again.overlays[0] as Form).fields.map((f) => f.value)).toEqual(['the whole step', 'an appliance', '2027-02-21'])
    expect((update(viewOf(left, sessionWith()), 'filter').ui.overlays[0] as Form).fields[0]?.value).toBe('')
    const { ui, effects } = update(viewOf(again, sessionWith()), 'submit')
    expect(effects).toMatchObject([{ kind: 'word', why: 'an appliance' }, { kind: 'forget' }])
    expect((update(viewOf(ui, sessionWith()), 'waive').ui.overlays[0] as Form).fields[1]?.value).toBe('an appliance')
  })

  test.each<[string, string[], string, number]>([
    ['ctrl+a', ['ctrl+a'], 'two old words', 0],
    ['home and delete', ['home', 'delete'], 'wo old words', 0],
    ['delete at the end', ['delete'], 'two old words', 13],
    ['ctrl+w', ['ctrl+w'], 'two old ', 8],
    ['ctrl+w twice', ['ctrl+w', 'ctrl+w'], 'two ', 4],
    ['ctrl+u', ['ctrl+u'], '', 0],
    ['home and ctrl+k', ['home', 'ctrl+k'], '', 0],
    ['home and end', ['home', 'end'], 'two old words', 13],
    ['ctrl+a and ctrl+e', ['ctrl+a', 'ctrl+e', 'backspace'], 'two old word', 12],
  ])('%s edits the line', (_, keys, value, cursor) => {
    let ui = typeText(
      viewOf(
        {
          ...FIXTURES['form-filter'].ui,
          overlays: [{ ...(FIXTURES['form-filter'].ui.overlays[0] as Form), fields: [field('words', 'Words', '')] }],
        },
        undefined,
      ),
      'two old words',
    )
    for (const key of keys) ui = edit(ui, key) ?? ui
    expect((ui.overlays[0] as Form).fields[0]).toMatchObject({ value, cursor })
  })

  test('only answers that were changed are saved, and then it is looked again', () => {
    const form = FIXTURES['form-answer'].ui.overlays[0] as Form
    const enter = (fields: Form['fields']) =>
      update(viewOf({ ...FIXTURES['form-answer'].ui, overlays: [{ ...form, at: fields.length - 1, fields }] }, sessionWith()), 'enter')
    expect(enter(form.fields).effects).toEqual([])
    expect(enter(form.fields.map((f) => (f.name === 'keepMetrics' ? { ...f, value: 'no' } : f))).effects).toEqual([
      { kind: 'answer', step: 'INF-02', question: 'keepMetrics', text: 'no' },
      { kind: 'look', steps: ['INF-02'] },
      { kind: 'forget', draft: expect.any(String) },
    ])
    expect((enter(form.fields.map((f) => (f.name === 'keepMetrics' ? { ...f, value: 'maybe' } : f))).ui.overlays[0] as Form).error).toMatch(
      /neither yes nor no/,
    )
  })
})

describe('the plan', () => {
  test('that was not made because something else was under way is made with enter', () => {
    const busy = update(viewOf(uiWith({ opened: 'INF-02', tab: 'findings' }), sessionWith({ activity: LOOKING })), 'right')
    expect(busy.ui.tab).toBe('plan')
    expect(busy.effects).toEqual([])
    expect(update(viewOf(busy.ui, sessionWith()), 'enter').effects).toEqual([{ kind: 'plan', stage: { kind: 'mend', steps: ['INF-02'] } }])
  })
})

describe('commands that are proposed', () => {
  test('say that they are for the simulated cluster, where there is one', () => {
    const { ui, session } = FIXTURES['step-findings']
    const lines = draw({
      view: viewOf(ui, session),
      world: worldWith({ suffix: ' --practice=default' }),
      host: { product: 'talos-preflight', version: '0.1.0' },
      theme,
      size: { columns: 80, rows: 24 },
      now: NOW,
    })
    expect(lines.map((l) => l.map((s) => s.text).join('')).join('\n')).toContain('talos-preflight plan INF-02 --practice=default')
    for (const [text, said] of [
      ['talos-preflight apply --undo INF-02 INF-10, then look', 'talos-preflight apply --undo INF-02 INF-10 --practice, then look'],
      ['talos-preflight keys add NAME RECIPIENT --role recovery', 'talos-preflight keys add NAME RECIPIENT --practice --role recovery'],
      ['see talos-preflight doctor', 'see talos-preflight doctor'],
    ] as const)
      expect(withSuffix(text, 'talos-preflight', ' --practice')).toBe(said)
  })
})

describe('an earlier run that ended in the middle', () => {
  test('is left with q, also while it is waited for, and then nothing else is begun', () => {
    expect(update(viewAt('unfinished'), 'quit').effects).toEqual([{ kind: 'quit' }])
    expect(update(viewAt('unfinished-waiting'), 'quit').effects).toEqual([{ kind: 'quit' }])
    expect(update(viewAt('unfinished-waiting'), 'enter').effects).toEqual([])
    expect(bindingsFor(viewAt('unfinished-waiting')).map((b) => b.command)).toEqual(['help', 'quit'])
  })

  test.each(['unfinished', 'unfinished-not-begun'] as const)('%s: enter finds out, and then goes on', (name) => {
    const view = viewAt(name)
    expect(update(view, 'enter').effects).toMatchObject([{ kind: 'resume' }])
    const settled = { ...view, session: sessionWith({ unfinished: [] }, null) }
    expect(update(settled, 'enter')).toMatchObject({ ui: { overlays: [] }, effects: [{ kind: 'look' }] })
    expect(update(view, 'back').effects).toEqual([])
  })

  test('of which nobody could tell is looked at again, or left open', () => {
    const view = viewAt('unfinished-open')
    expect(update(view, 'enter').effects).toMatchObject([{ kind: 'resume' }])
    expect(update(view, 'back')).toMatchObject({ ui: { overlays: [] }, effects: [{ kind: 'look' }] })
    expect(update(view, 'takeBack').effects).toEqual([])
  })

  test('that left something tried takes it back, or leaves it open, and is read to its end', () => {
    const view = viewAt('unfinished-back')
    expect(update(view, 'takeBack').effects).toMatchObject([{ kind: 'resume', takeBack: true }])
    expect(update(view, 'enter').effects).toEqual([])
    expect(update(view, 'back')).toMatchObject({ ui: { overlays: [] }, effects: [{ kind: 'look' }] })
    expect(update({ ...view, scrollMost: 3 }, 'page.down').ui.overlays).toMatchObject([{ scroll: 3 }])
  })
})
