import { filterForm, wordForm } from '../forms.ts'
import { type Command, categoriesOf, move, nextWorthDoing, only, push, shownSteps, type Updated, type View } from '../model.ts'
import { openStep } from './step.ts'

/** The checklist: moving over categories and steps, filtering, and what is begun from there. */

export function updateChecklist(view: View, command: Command): Updated {
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
      return only(filterForm(ui))
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
