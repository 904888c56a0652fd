import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WORDS } from '../../src/cli/words.ts'
import type { SessionState } from '../../src/engine/state.ts'
import { draw } from '../../src/ui/tui/draw.ts'
import { bindingsFor } from '../../src/ui/tui/keys.ts'
import { width } from '../../src/ui/tui/lines.ts'
import { type Command, type Form, placeOf, shownSteps, TABS, type Ui, type View } from '../../src/ui/tui/model.ts'
import { themeFor } from '../../src/ui/tui/theme.ts'
import { update } from '../../src/ui/tui/update.ts'
import { withDoors } from '../../src/ui/tui/updates/doors.ts'
import { erase, typeText } from '../../src/ui/tui/updates/form.ts'
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

/** A key of the keyboard that reached the model, or text that was typed or pasted. */
const action = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...COMMANDS).map((command) => ({ command })) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map((text) => ({ text })) },
  { weight: 1, arbitrary: fc.constantFrom('character' as const, 'line' as const).map((what) => ({ erase: what })) },
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
    else if ('erase' in a) view = { ...view, ui: erase(view.ui, a.erase) }
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
    ])
  })

  test('the error goes with the next character', () => {
    const wrong = waive({ why: '' }).ui
    expect((typeText(viewOf(wrong, undefined), 'x').overlays[0] as Form).error).toBeUndefined()
  })

  test.each(['typed', 'pasted'])('a private identity that is %s in the place of a recipient goes nowhere', (how) => {
    const key = `AGE-SECRET-KEY-1${'Q'.repeat(58)}`
    const form = FIXTURES['form-recipient'].ui.overlays[0] as Form
    let ui: Ui = {
      ...FIXTURES['form-recipient'].ui,
      overlays: [{ ...form, at: 1, fields: form.fields.map((f) => ({ ...f, value: '', cursor: 0 })) }],
    }
    let refused = ''
    for (const text of how === 'typed' ? key : [` ${key}\n`]) {
      ui = typeText(viewOf(ui, sessionWith()), text)
      expect(JSON.stringify(ui)).not.toContain('AGE-SECRET-KEY-')
      refused ||= (ui.overlays[0] as Form).error ?? ''
    }
    expect(refused).toContain('this is a private identity, not a recipient')
  })

  test('only answers that were changed are saved, and then it is looked again', () => {
    const form = FIXTURES['form-answer'].ui.overlays[0] as Form
    const enter = (fields: Form['fields']) =>
      update(viewOf({ ...FIXTURES['form-answer'].ui, overlays: [{ ...form, at: fields.length - 1, fields }] }, sessionWith()), 'enter')
    expect(enter(form.fields).effects).toEqual([])
    expect(enter(form.fields.map((f) => (f.name === 'keepMetrics' ? { ...f, value: 'no' } : f))).effects).toEqual([
      { kind: 'answer', step: 'INF-02', question: 'keepMetrics', text: 'no' },
      { kind: 'look', steps: ['INF-02'] },
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

describe('an earlier run that ended in the middle', () => {
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
