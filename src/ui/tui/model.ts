import { plain } from '../../contract.ts'
import type { StepResult } from '../../engine/evaluate.ts'
import type { Unfinished } from '../../engine/journal.ts'
import type { Plan, Stage } from '../../engine/plan.ts'
import type { PartReview, SessionState } from '../../engine/session.ts'
import type { Choice, Door, DoorsInfo, KeysInfo, StepInfo, Words } from '../host.ts'

/**
 * The wizard's own state: what is selected, open and being typed. What is shown follows from this and the session's state; there is
 * no command that goes to a screen. Interruptions are a stack on top.
 */

export const TABS = ['why', 'answers', 'findings', 'plan', 'run', 'evidence'] as const
export type Tab = (typeof TABS)[number]

export const DOORS: readonly Door[] = ['practise', 'check', 'setup', 'incident']

export interface Field {
  name: string
  label: string
  hint: string
  value: string
  /** Where the next character goes, in characters. */
  cursor: number
  /** Values to choose from instead of typing. */
  options?: string[]
}

export interface Form {
  kind: 'form'
  form: 'attest' | 'waive' | 'answer' | 'recipient' | 'init' | 'filter'
  title: string
  about: string[]
  fields: Field[]
  at: number
  error?: string
}

export type Overlay =
  | { kind: 'help' }
  | { kind: 'error'; message: string; hint: string; code: string }
  | { kind: 'note'; title: string; lines: string[] }
  | { kind: 'contexts'; selected: number }
  | { kind: 'review' }
  | { kind: 'commands'; scroll: number; copied: boolean }
  | { kind: 'keys'; info?: KeysInfo; said: string[] }
  | { kind: 'unfinished'; said: string[] }
  | { kind: 'quit' }
  | Form

export interface MadePlan {
  stage: Stage
  plan: Plan
  reviews: readonly PartReview[]
}

export interface Ui {
  doors: DoorsInfo | undefined
  door: number
  opening: boolean
  /** The check was asked for before it was known which clusters there are. */
  early: boolean
  /** Steps and their categories, once a cluster is open. */
  steps: readonly StepInfo[]
  /** The category that is selected; empty: all. */
  category: string
  focus: 'categories' | 'steps'
  selected: string
  opened: string
  tab: Tab
  scroll: number
  filter: string
  made: MadePlan | undefined
  overlays: readonly Overlay[]
}

export const initialUi: Ui = {
  doors: undefined,
  door: 0,
  opening: false,
  early: false,
  steps: [],
  category: '',
  focus: 'steps',
  selected: '',
  opened: '',
  tab: 'findings',
  scroll: 0,
  filter: '',
  made: undefined,
  overlays: [],
}

/** What the program is to do beside changing what is shown. */
export type Effect =
  | { kind: 'open'; choice: Choice }
  | { kind: 'look'; steps?: string[] }
  | { kind: 'plan'; stage: Stage }
  | { kind: 'apply' }
  | { kind: 'stop' }
  | { kind: 'copy' }
  | { kind: 'word'; word: 'attest' | 'waive'; step: string; object: string; why: string; until: string }
  | { kind: 'answer'; step: string; question: string; text: string }
  | { kind: 'keys' }
  | { kind: 'keys.create' }
  | { kind: 'keys.protect' }
  | { kind: 'keys.add'; name: string; recipient: string }
  | { kind: 'init'; name: string; environment: string }
  | { kind: 'resume'; run: Unfinished }
  | { kind: 'quit' }

export type Command =
  | 'enter'
  | 'back'
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'page.up'
  | 'page.down'
  | 'tab'
  | 'tab.back'
  | 'help'
  | 'quit'
  | 'interrupt'
  | 'filter'
  | 'next'
  | 'attest'
  | 'waive'
  | 'look'
  | 'undo'
  | 'commands'
  | 'answers'
  | 'keys'
  | 'stop'
  | 'door.practise'
  | 'door.check'
  | 'door.setup'
  | 'door.incident'
  | 'create'
  | 'protect'
  | 'recipient'

export interface View {
  ui: Ui
  session: SessionState | undefined
  today: string
  /** How far the text on the screen can be scrolled. */
  scrollMost: number
  words: Words
}

export interface Updated {
  ui: Ui
  effects: Effect[]
}

const only = (ui: Ui): Updated => ({ ui, effects: [] })
const top = (ui: Ui): Overlay | undefined => ui.overlays.at(-1)
export const push = (ui: Ui, overlay: Overlay): Ui => ({ ...ui, overlays: [...ui.overlays, overlay] })
export const pop = (ui: Ui): Ui => ({ ...ui, overlays: ui.overlays.slice(0, -1) })
export const replaceTop = (ui: Ui, overlay: Overlay): Ui => ({ ...ui, overlays: [...ui.overlays.slice(0, -1), overlay] })

/** Steps of the selected category that the filter lets through, in the order of the checklist. */
export function shownSteps(ui: Ui): StepInfo[] {
  const words = ui.filter.toLowerCase()
  return ui.steps.filter(
    (s) => (!ui.category || s.category === ui.category) && (!words || `${s.id} ${s.title} ${s.category}`.toLowerCase().includes(words)),
  )
}

export const categoriesOf = (ui: Ui): string[] => [...new Set(ui.steps.map((s) => s.category))]

export const resultOf = (session: SessionState | undefined, id: string): StepResult | undefined =>
  session?.report?.results.find((r) => r.id === id)

/** Where the wizard is, derived: the doors, the checklist, one step, or a step that runs. */
export function placeOf(ui: Ui, session: SessionState | undefined): 'doors' | 'checklist' | 'step' | 'running' {
  if (!session) return 'doors'
  if (session.activity.kind === 'performing') return 'running'
  return ui.opened ? 'step' : 'checklist'
}

/** The next thing worth doing: a failure that can be mended, then any failure, then what is unknown; the selected one last. */
export function nextWorthDoing(ui: Ui, session: SessionState | undefined): string | undefined {
  const results = session?.report?.results ?? []
  const order = [
    ...results.filter((r) => r.count === 'fail' && r.canMend),
    ...results.filter((r) => r.count === 'fail' && !r.canMend),
    ...results.filter((r) => r.count === 'unknown'),
  ]
  return (order.find((r) => r.id !== ui.selected) ?? order[0])?.id
}

/** What Enter does on the open step, in words; undefined where it does nothing. */
export function enterOnStep(view: View): 'plan' | 'review' | 'findings' | 'edit' | 'checklist' | undefined {
  const { ui, session } = view
  const info = ui.steps.find((s) => s.id === ui.opened)
  const result = resultOf(session, ui.opened)
  if (ui.tab === 'answers') return info && info.questions.length > 0 ? 'edit' : undefined
  if (ui.tab === 'plan' && ui.made) return ui.made.plan.parts.length > 0 ? 'review' : undefined
  if (ui.tab === 'plan') return info?.canMend ? 'plan' : undefined
  if (ui.tab === 'run') return 'findings'
  if (info?.canMend && result?.count === 'fail') return 'plan'
  return result && result.count !== 'fail' && result.count !== 'unknown' ? 'checklist' : undefined
}

export function update(view: View, command: Command): Updated {
  const { ui } = view
  const overlay = top(ui)
  if (command === 'interrupt') return interrupt(view)
  if (overlay) return updateOverlay(view, overlay, command)
  if (command === 'help') return only(push(ui, { kind: 'help' }))
  if (command === 'quit')
    return placeOf(ui, view.session) === 'running' ? only(push(ui, { kind: 'quit' })) : { ui, effects: [{ kind: 'quit' }] }
  switch (placeOf(ui, view.session)) {
    case 'doors':
      return updateDoors(view, command)
    case 'checklist':
      return updateChecklist(view, command)
    case 'step':
      return updateStep(view, command)
    case 'running':
      return updateRunning(ui, command)
  }
}

/** Ctrl-C: leaves at once where nothing runs; otherwise asks the run to stop, as often as it is pressed. */
function interrupt({ ui, session }: View): Updated {
  if (session?.activity.kind === 'performing' || session?.activity.kind === 'looking')
    return { ui, effects: session.activity.kind === 'looking' ? [{ kind: 'stop' }, { kind: 'quit' }] : [{ kind: 'stop' }] }
  return { ui, effects: [{ kind: 'quit' }] }
}

function updateDoors({ ui: before, words }: View, command: Command): Updated {
  if (before.opening) return only(before)
  // whoever does something else does not wait for the check any more
  const ui = { ...before, early: false }
  switch (command) {
    case 'up':
      return only({ ...ui, door: Math.max(0, ui.door - 1) })
    case 'down':
      return only({ ...ui, door: Math.min(DOORS.length - 1, ui.door + 1) })
    case 'enter':
      return goThrough(ui, DOORS[ui.door] ?? 'practise', words)
    case 'door.practise':
    case 'door.check':
    case 'door.setup':
    case 'door.incident': {
      const door = command.slice('door.'.length) as Door
      return goThrough({ ...ui, door: DOORS.indexOf(door) }, door, words)
    }
    default:
      return only(ui)
  }
}

/** The first clusters are known: goes on with what was asked for meanwhile. */
export function withDoors(ui: Ui, doors: DoorsInfo, words: Words): Updated {
  const known = { ...ui, doors, early: false }
  return ui.early ? goThrough(known, 'check', words) : only(known)
}

function goThrough(ui: Ui, door: Door, words: Words): Updated {
  switch (door) {
    case 'practise':
      return { ui: { ...ui, opening: true }, effects: [{ kind: 'open', choice: { kind: 'practice' } }] }
    case 'check': {
      const usable = ui.doors?.contexts.filter((c) => c.usable) ?? []
      if (!ui.doors) return only({ ...ui, early: true })
      if (usable.length === 0) {
        return only(
          push(ui, {
            kind: 'error',
            code: 'no-such-context',
            message: ui.doors.contexts.length > 0 ? 'none of the contexts found can be used' : words.noContexts.short,
            hint: ui.doors.problems[0] ?? words.noContexts.hint,
          }),
        )
      }
      if (usable.length > 1) return only(push(ui, { kind: 'contexts', selected: 0 }))
      return {
        ui: { ...ui, opening: true },
        effects: [{ kind: 'open', choice: { kind: 'check', ...(usable[0] ? { context: usable[0].name } : {}) } }],
      }
    }
    case 'setup':
      return only(push(ui, { kind: 'note', title: 'Set up: not there yet', lines: words.notes.setup }))
    case 'incident':
      return only(push(ui, { kind: 'note', title: 'Incident: not there yet', lines: words.notes.incident }))
  }
}

function move(ids: readonly string[], selected: string, by: number): string {
  const at = ids.indexOf(selected)
  return ids[Math.min(ids.length - 1, Math.max(0, at + by))] ?? selected
}

function openStep(view: View, id: string): Ui {
  const result = resultOf(view.session, id)
  return { ...view.ui, selected: id, opened: id, tab: result ? 'findings' : 'why', scroll: 0, made: undefined }
}

function updateChecklist(view: View, command: Command): Updated {
  const { ui, session } = view
  const shown = shownSteps(ui).map((s) => s.id)
  const categories = ['', ...categoriesOf(ui)]
  switch (command) {
    case 'up':
    case 'down': {
      const by = command === 'up' ? -1 : 1
      if (ui.focus === 'categories') {
        const category = move(categories, ui.category, by)
        const next = { ...ui, category }
        return only({
          ...next,
          selected: shownSteps(next).some((s) => s.id === ui.selected) ? ui.selected : (shownSteps(next)[0]?.id ?? ''),
        })
      }
      return only({ ...ui, selected: move(shown, ui.selected, by) })
    }
    case 'left':
      return only({ ...ui, focus: 'categories' })
    case 'right':
      return only({ ...ui, focus: 'steps' })
    case 'enter':
      if (ui.focus === 'categories') return only({ ...ui, focus: 'steps' })
      return shown.includes(ui.selected) ? only(openStep(view, ui.selected)) : only(ui)
    case 'next': {
      const next = nextWorthDoing(ui, session)
      return next ? only({ ...ui, selected: next, focus: 'steps', category: '', filter: '' }) : only(ui)
    }
    case 'filter':
      return only(
        push(ui, {
          kind: 'form',
          form: 'filter',
          title: 'Filter',
          about: ['Shows the steps whose id, title or category holds this.'],
          fields: [field('words', 'Words', 'empty shows all', ui.filter)],
          at: 0,
        }),
      )
    case 'look':
      return session?.activity.kind === 'idle' ? { ui, effects: [{ kind: 'look' }] } : only(ui)
    case 'attest':
    case 'waive':
      return only(wordForm(view, ui.selected, command))
    case 'keys':
      return { ui: push(ui, { kind: 'keys', said: [] }), effects: [{ kind: 'keys' }] }
    case 'back':
      return ui.filter || ui.category
        ? only({ ...ui, filter: '', category: '', focus: 'steps', selected: ui.selected || (ui.steps[0]?.id ?? '') })
        : only(ui)
    default:
      return only(ui)
  }
}

export const field = (name: string, label: string, hint: string, value = '', options?: string[]): Field => ({
  name,
  label,
  hint,
  value,
  cursor: [...value].length,
  ...(options ? { options } : {}),
})

const QUARTER = 90 * 86_400_000

/** A form for a human's word, or a note that there is nothing to cover. */
function wordForm(view: View, id: string, word: 'attest' | 'waive'): Ui {
  const covered = word === 'attest' ? 'unknown' : 'fail'
  const findings = (resultOf(view.session, id)?.findings ?? []).filter((f) => f.verdict === covered)
  if (findings.length === 0) {
    return push(view.ui, {
      kind: 'note',
      title: `${id} has nothing that is ${covered}`,
      lines: [
        word === 'attest'
          ? 'An attestation is your word for what no program can see, so it covers only what is unknown.'
          : 'A waiver is your decision to live with a failure, so it covers only what fails.',
      ],
    })
  }
  const until = new Date(new Date(`${view.today}T00:00:00Z`).getTime() + QUARTER).toISOString().slice(0, 10)
  const objects = ['the whole step', ...findings.map((f) => `${f.object.kind}/${f.object.name}`)]
  return push(view.ui, {
    kind: 'form',
    form: word,
    title: `${word === 'attest' ? 'Attest' : 'Waive'} ${id}`,
    about: [
      word === 'attest'
        ? 'Your word for what no program can see. It is kept with your name, and counts until the day you say.'
        : 'The verdict stays as it is; it is counted apart until the day you say, with your name and reason.',
    ],
    fields: [
      field('object', 'For', 'left and right choose', objects[0], objects),
      field('why', 'Why', 'a sentence for whoever reads it later'),
      field('until', 'Until', 'the last day it counts, as in 2026-12-31', until),
    ],
    at: findings.length > 1 ? 0 : 1,
  })
}

function updateStep(view: View, command: Command): Updated {
  const { ui, session } = view
  const busy = session?.activity.kind !== 'idle'
  const withTab = (tab: Tab): Updated =>
    tab === 'plan' && !ui.made && !busy && ui.steps.find((s) => s.id === ui.opened)?.canMend
      ? makePlan({ ...ui, tab, scroll: 0 }, 'mend')
      : only({ ...ui, tab, scroll: 0 })
  switch (command) {
    case 'back':
      return only({ ...ui, opened: '', made: undefined })
    case 'left':
    case 'tab.back':
      return withTab(TABS[Math.max(0, TABS.indexOf(ui.tab) - 1)] ?? ui.tab)
    case 'right':
    case 'tab':
      return withTab(TABS[Math.min(TABS.length - 1, TABS.indexOf(ui.tab) + 1)] ?? ui.tab)
    case 'up':
      return only({ ...ui, scroll: Math.max(0, ui.scroll - 1) })
    case 'down':
      return only({ ...ui, scroll: Math.min(view.scrollMost, ui.scroll + 1) })
    case 'page.up':
      return only({ ...ui, scroll: Math.max(0, ui.scroll - 10) })
    case 'page.down':
      return only({ ...ui, scroll: Math.min(view.scrollMost, ui.scroll + 10) })
    case 'enter':
      if (busy) return only(ui)
      switch (enterOnStep(view)) {
        case 'plan':
          return withTab('plan')
        case 'review':
          return only(push(ui, { kind: 'review' }))
        case 'findings':
          return only({ ...ui, tab: 'findings', scroll: 0, made: undefined })
        case 'edit':
          return only(answerForm(view))
        case 'checklist':
          return only({ ...ui, opened: '', made: undefined, selected: nextWorthDoing(ui, session) ?? ui.selected })
        default:
          return only(ui)
      }
    case 'undo':
      return busy ? only(ui) : makePlan({ ...ui, tab: 'plan', scroll: 0, made: undefined }, 'undo')
    case 'commands':
      return ui.made ? only(push(ui, { kind: 'commands', scroll: 0, copied: false })) : only(ui)
    case 'look':
      return busy
        ? only(ui)
        : { ui: { ...ui, made: undefined, tab: ui.tab === 'plan' ? 'findings' : ui.tab }, effects: [{ kind: 'look', steps: [ui.opened] }] }
    case 'attest':
    case 'waive':
      return only(wordForm(view, ui.opened, command))
    case 'next': {
      const next = nextWorthDoing(ui, session)
      return next ? only(openStep(view, next)) : only(ui)
    }
    default:
      return only(ui)
  }
}

const makePlan = (ui: Ui, kind: Stage['kind']): Updated => ({ ui, effects: [{ kind: 'plan', stage: { kind, steps: [ui.opened] } }] })

function answerForm({ ui, session }: View): Ui {
  const info = ui.steps.find((s) => s.id === ui.opened)
  if (!info) return ui
  const raw = session?.answers[info.id] ?? {}
  return push(ui, {
    kind: 'form',
    form: 'answer',
    title: `Answers of ${info.id}`,
    about: ['Kept in preflight.yaml; the next look and plan use them.'],
    fields: info.questions.map((q) => field(q.name, q.label, q.hint, q.value(raw[q.name]))),
    at: 0,
  })
}

const updateRunning = (ui: Ui, command: Command): Updated => ({ ui, effects: command === 'stop' ? [{ kind: 'stop' }] : [] })

function updateOverlay(view: View, overlay: Overlay, command: Command): Updated {
  const { ui } = view
  const closes = command === 'back' || (command === 'quit' && overlay.kind !== 'form')
  switch (overlay.kind) {
    case 'help':
    case 'error':
    case 'note':
      return closes || command === 'enter' || command === 'help' ? only(pop(ui)) : only(ui)
    case 'contexts': {
      const usable = ui.doors?.contexts.filter((c) => c.usable) ?? []
      if (command === 'up' || command === 'down')
        return only(
          replaceTop(ui, {
            ...overlay,
            selected: Math.min(usable.length - 1, Math.max(0, overlay.selected + (command === 'up' ? -1 : 1))),
          }),
        )
      const chosen = usable[overlay.selected]
      if (command === 'enter' && chosen)
        return { ui: { ...pop(ui), opening: true }, effects: [{ kind: 'open', choice: { kind: 'check', context: chosen.name } }] }
      return closes ? only(pop(ui)) : only(ui)
    }
    case 'review':
      if (command === 'enter') return { ui: { ...pop(ui), tab: 'run', scroll: 0 }, effects: [{ kind: 'apply' }] }
      return closes ? only(pop(ui)) : only(ui)
    case 'commands':
      if (command === 'up' || command === 'page.up')
        return only(replaceTop(ui, { ...overlay, scroll: Math.max(0, overlay.scroll - (command === 'up' ? 1 : 10)) }))
      if (command === 'down' || command === 'page.down')
        return only(replaceTop(ui, { ...overlay, scroll: Math.min(view.scrollMost, overlay.scroll + (command === 'down' ? 1 : 10)) }))
      if (command === 'commands') return { ui: replaceTop(ui, { ...overlay, copied: true }), effects: [{ kind: 'copy' }] }
      return closes ? only(pop(ui)) : only(ui)
    case 'keys':
      if (command === 'create') return overlay.info?.missing === false ? only(ui) : { ui, effects: [{ kind: 'keys.create' }] }
      if (command === 'protect') return overlay.info?.missing === false ? only(ui) : { ui, effects: [{ kind: 'keys.protect' }] }
      if (command === 'recipient') {
        return only(
          push(ui, {
            kind: 'form',
            form: 'recipient',
            title: 'A recovery recipient',
            about: [view.words.keys.aboutRecovery],
            fields: [
              field('name', 'Name', 'who or where keeps it, as in safe'),
              field('recipient', 'Recipient', view.words.keys.recipient),
            ],
            at: 0,
          }),
        )
      }
      return closes || (command === 'enter' && overlay.info?.missing === false) ? only(pop(ui)) : only(ui)
    case 'unfinished': {
      const left = view.session?.unfinished[0]
      if (command === 'enter') return left ? { ui, effects: [{ kind: 'resume', run: left }] } : { ui: pop(ui), effects: [{ kind: 'look' }] }
      return closes && !left ? { ui: pop(ui), effects: [{ kind: 'look' }] } : only(ui)
    }
    case 'quit':
      if (command === 'stop') return { ui: pop(ui), effects: [{ kind: 'stop' }] }
      return closes || command === 'enter' ? only(pop(ui)) : only(ui)
    case 'form':
      return updateForm(view, overlay, command)
  }
}

/* ---- forms ----------------------------------------------------------------------------------------------- */

function updateForm(view: View, form: Form, command: Command): Updated {
  const { ui } = view
  const to = (at: number): Updated => only(replaceTop(ui, { ...form, at: Math.min(form.fields.length - 1, Math.max(0, at)) }))
  const current = form.fields[form.at]
  switch (command) {
    case 'back':
      return only(pop(ui))
    case 'up':
    case 'tab.back':
      return to(form.at - 1)
    case 'down':
    case 'tab':
      return to(form.at + 1)
    case 'left':
    case 'right': {
      const by = command === 'left' ? -1 : 1
      if (!current) return only(ui)
      if (current.options) return only(withField(ui, form, { ...current, value: move(current.options, current.value, by) }))
      return only(withField(ui, form, { ...current, cursor: Math.min([...current.value].length, Math.max(0, current.cursor + by)) }))
    }
    case 'enter':
      return form.at < form.fields.length - 1 ? to(form.at + 1) : submit(view, form)
    default:
      return only(ui)
  }
}

const withField = (ui: Ui, form: Form, changed: Field, error?: string): Ui => {
  const { error: _, ...rest } = form
  return replaceTop(ui, { ...rest, ...(error ? { error } : {}), fields: form.fields.map((f) => (f.name === changed.name ? changed : f)) })
}

/** Types into the field at hand. Line breaks of a paste become spaces; escape codes and what cannot be seen fall away. */
export function typeText(ui: Ui, text: string): Ui {
  const form = top(ui)
  if (form?.kind !== 'form') return ui
  const current = form.fields[form.at]
  if (!current || current.options) return ui
  const clean = plain(text).replace(/\n+/g, ' ')
  const chars = [...current.value]
  const value = [...chars.slice(0, current.cursor), ...clean, ...chars.slice(current.cursor)].join('')
  return withField(ui, form, { ...current, value, cursor: current.cursor + [...clean].length })
}

export function erase(ui: Ui, what: 'character' | 'line'): Ui {
  const form = top(ui)
  if (form?.kind !== 'form') return ui
  const current = form.fields[form.at]
  if (!current || current.options || current.cursor === 0) return ui
  const chars = [...current.value]
  const from = what === 'line' ? 0 : current.cursor - 1
  return withField(ui, form, { ...current, value: [...chars.slice(0, from), ...chars.slice(current.cursor)].join(''), cursor: from })
}

function submit(view: View, form: Form): Updated {
  const { ui } = view
  const value = (name: string) => form.fields.find((f) => f.name === name)?.value.trim() ?? ''
  const wrong = (name: string, error: string): Updated =>
    only(replaceTop(ui, { ...form, at: form.fields.findIndex((f) => f.name === name), error }))
  switch (form.form) {
    case 'filter': {
      const next = { ...pop(ui), filter: value('words'), category: '', focus: 'steps' as const }
      return only({ ...next, selected: shownSteps(next).some((s) => s.id === ui.selected) ? ui.selected : (shownSteps(next)[0]?.id ?? '') })
    }
    case 'attest':
    case 'waive': {
      if (!value('why')) return wrong('why', 'whoever reads it later needs a reason')
      const until = value('until')
      if (!/^\d{4}-\d{2}-\d{2}$/.test(until) || Number.isNaN(Date.parse(until))) return wrong('until', 'a day as in 2026-12-31')
      if (until < view.today) return wrong('until', `that day is over; today is ${view.today}`)
      const object = value('object') === 'the whole step' ? '' : value('object')
      return { ui: pop(ui), effects: [{ kind: 'word', word: form.form, step: ui.opened || ui.selected, object, why: value('why'), until }] }
    }
    case 'answer': {
      const info = ui.steps.find((s) => s.id === ui.opened)
      const raw = view.session?.answers[ui.opened] ?? {}
      const effects: Effect[] = []
      for (const question of info?.questions ?? []) {
        const error = question.parse(value(question.name))
        if (error) return wrong(question.name, error)
        if (value(question.name) !== question.value(raw[question.name]))
          effects.push({ kind: 'answer', step: ui.opened, question: question.name, text: value(question.name) })
      }
      return { ui: { ...pop(ui), made: undefined }, effects: effects.length > 0 ? [...effects, { kind: 'look', steps: [ui.opened] }] : [] }
    }
    case 'recipient': {
      if (!/^[A-Za-z0-9._-]{1,40}$/.test(value('name'))) return wrong('name', 'a short name without spaces')
      const refused = view.words.keys.wrong(value('recipient'))
      if (refused?.secret) return only(withField(ui, form, field('recipient', 'Recipient', view.words.keys.recipient), refused.error))
      if (refused) return wrong('recipient', refused.error)
      return { ui: pop(ui), effects: [{ kind: 'keys.add', name: value('name'), recipient: value('recipient') }] }
    }
    case 'init':
      if (!value('name')) return wrong('name', 'the cluster needs a name')
      return { ui: pop(ui), effects: [{ kind: 'init', name: value('name'), environment: value('environment') }] }
  }
}
