import type { Stage } from '../../../engine/plan.ts'
import { answerForm, wordForm } from '../forms.ts'
import {
  type Command,
  enterOnStep,
  nextWorthDoing,
  only,
  push,
  resultOf,
  TABS,
  type Tab,
  type Ui,
  type Updated,
  unansweredIn,
  type View,
} from '../model.ts'

/** One open step: its tabs, scrolling, and making a plan of it. */

export function openStep(view: View, id: string): Ui {
  const result = resultOf(view.session, id)
  return { ...view.ui, selected: id, opened: id, tab: result ? 'findings' : 'why', scroll: 0, made: undefined }
}

export function updateStep(view: View, command: Command): Updated {
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
      return withTab(TABS[Math.max(0, TABS.indexOf(ui.tab) - 1)] ?? ui.tab)
    case 'right':
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
        case 'answer':
          return only(answerForm(view, unansweredIn(view)))
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
