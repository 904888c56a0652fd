import type { StepResult } from '../../engine/evaluate.ts'
import type { Unfinished } from '../../engine/history.ts'
import type { Plan, Stage } from '../../engine/plan.ts'
import type { PartReview, SessionState } from '../../engine/state.ts'
import type { Choice, Door, DoorsInfo, KeysInfo, StepInfo, Words } from '../host.ts'

/**
 * The wizard's own state: what is selected, open and being typed, the commands that change it, and what follows from it. What is
 * shown follows from this and the session's state; there is no command that goes to a screen. Interruptions are a stack on top.
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
  /** A private key began in it: it stays empty, and nothing is typed into it, until it is emptied by hand. */
  barred?: true
}

export interface Form {
  kind: 'form'
  form: 'attest' | 'waive' | 'answer' | 'recipient' | 'init' | 'filter'
  title: string
  about: string[]
  fields: Field[]
  at: number
  error?: string
  /** What its draft is kept under: the form, and what stood in its fields when it opened. */
  draft: string
  /** What is to be done once this form is answered, and could not be before. */
  then?: Effect[]
}

export type Overlay =
  | { kind: 'help' }
  | { kind: 'error'; message: string; hint: string; code: string }
  | { kind: 'note'; title: string; lines: string[] }
  | { kind: 'contexts'; selected: number }
  | { kind: 'review' }
  | { kind: 'commands'; scroll: number; copied: boolean }
  | { kind: 'keys'; info?: KeysInfo; said: string[] }
  /** `open`: the last run of which nobody could tell what became. `back`: what it tried is still there, and can be taken back. */
  | { kind: 'unfinished'; said: string[]; scroll?: number; open?: Unfinished; back?: boolean }
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
  /** The fields of forms as they were left, until what they said is done. */
  drafts: Readonly<Record<string, Field[]>>
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
  drafts: {},
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
  | { kind: 'forget'; draft: string }
  | { kind: 'keys' }
  | { kind: 'keys.create' }
  | { kind: 'keys.protect' }
  | { kind: 'keys.add'; name: string; recipient: string; opens: string }
  | { kind: 'init'; name: string; environment: string }
  | { kind: 'resume'; run: Unfinished; takeBack?: boolean }
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
  | 'keys'
  | 'stop'
  | 'door.practise'
  | 'door.check'
  | 'door.setup'
  | 'door.incident'
  | 'create'
  | 'protect'
  | 'recipient'
  | 'takeBack'
  | 'submit'

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

export const only = (ui: Ui): Updated => ({ ui, effects: [] })
export const top = (ui: Ui): Overlay | undefined => ui.overlays.at(-1)
export const push = (ui: Ui, overlay: Overlay): Ui => ({ ...ui, overlays: [...ui.overlays, overlay] })
export const pop = (ui: Ui): Ui => ({ ...ui, overlays: ui.overlays.slice(0, -1) })
export const replaceTop = (ui: Ui, overlay: Overlay): Ui => ({ ...ui, overlays: [...ui.overlays.slice(0, -1), overlay] })

/** What lies so many places further on a list, held at its ends. */
export function move(ids: readonly string[], selected: string, by: number): string {
  const at = ids.indexOf(selected)
  return ids[Math.min(ids.length - 1, Math.max(0, at + by))] ?? selected
}

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

/** Something is under way that nothing else may be begun beside. */
export const isBusy = ({ session }: View): boolean => session !== undefined && session.activity.kind !== 'idle'

/** The next thing worth doing: a failure that can be mended, then any failure, then what is unknown; the selected one last. */
export function nextWorthDoing(ui: Ui, session: SessionState | undefined): string | undefined {
  const results = session?.report?.results ?? []
  const order = [
    ...results.filter((r) => r.count === 'fail' && r.canMend),
    ...results.filter((r) => r.count === 'fail' && !r.canMend),
    ...results.filter((r) => r.count === 'unknown' && r.canMend),
    ...results.filter((r) => r.count === 'unknown' && !r.canMend),
  ]
  return (order.find((r) => r.id !== ui.selected) ?? order[0])?.id
}

/** The first question that the plan waits for. */
export const unansweredIn = ({ ui }: View): string | undefined => ui.made?.plan.blocked.find((b) => b.question !== undefined)?.question

/** What Enter does on the open step, in words; undefined where it does nothing. */
export function enterOnStep(view: View): 'plan' | 'review' | 'answer' | 'findings' | 'edit' | 'checklist' | undefined {
  const { ui, session } = view
  const info = ui.steps.find((s) => s.id === ui.opened)
  const result = resultOf(session, ui.opened)
  if (ui.tab === 'answers') return info && info.questions.length > 0 ? 'edit' : undefined
  if (ui.tab === 'plan' && ui.made && ui.made.plan.parts.length > 0) return 'review'
  if (ui.tab === 'plan' && ui.made) return unansweredIn(view) === undefined ? undefined : 'answer'
  if (ui.tab === 'plan') return info?.canMend ? 'plan' : undefined
  if (ui.tab === 'run') return 'findings'
  if (info?.canMend && (result?.count === 'fail' || result?.count === 'unknown')) return 'plan'
  return result && result.count !== 'fail' && result.count !== 'unknown' ? 'checklist' : undefined
}
