import { isDay } from '../../../contract.ts'
import { fresh } from '../forms.ts'
import {
  type Command,
  type Effect,
  type Form,
  move,
  only,
  pop,
  replaceTop,
  shownSteps,
  type Ui,
  type Updated,
  type View,
} from '../model.ts'
import { withField } from './field.ts'

/** An open form: moving over its fields, and what its answers begin once they are right. */

export function updateForm(view: View, form: Form, command: Command): Updated {
  const { ui } = view
  const current = form.fields[form.at]
  // what follows a private key in the same breath must not come into the next field
  if (current?.barred && command !== 'back') return only(ui)
  const to = (at: number): Updated => {
    const { error, ...rest } = form
    const next = Math.min(form.fields.length - 1, Math.max(0, at))
    // an error belongs to its field
    return only(replaceTop(ui, next === form.at ? form : { ...rest, at: next }))
  }
  switch (command) {
    case 'back':
      return only(left(ui, form))
    case 'up':
      return to(form.at - 1)
    case 'down':
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
    case 'submit':
      return submit(view, form)
    default:
      return only(ui)
  }
}

/** Closes a form and keeps what was typed, without what may not be kept. */
function left(ui: Ui, form: Form): Ui {
  const { [form.draft]: _, ...others } = ui.drafts
  return { ...pop(ui), drafts: wasTouched(form) ? { ...others, [form.draft]: form.fields.map(({ barred, ...f }) => f) } : others }
}

const wasTouched = (form: Form): boolean => fresh(form).draft !== form.draft

/** Begins what a form says. Its draft is kept until that is done: whatever comes between, it need not be typed again. */
const begin = (ui: Ui, form: Form, ...effects: Effect[]): Updated => ({
  ui: left(ui, form),
  effects: wasTouched(form) ? [...effects, { kind: 'forget', draft: form.draft }] : effects,
})

function submit(view: View, form: Form): Updated {
  const { ui } = view
  const value = (name: string) => form.fields.find((f) => f.name === name)?.value.trim() ?? ''
  const wrong = (name: string, error: string): Updated =>
    only(replaceTop(ui, { ...form, at: form.fields.findIndex((f) => f.name === name), error }))
  switch (form.form) {
    case 'filter': {
      const { [form.draft]: _, ...drafts } = ui.drafts
      const next = { ...pop(ui), drafts, filter: value('words'), category: '', focus: 'steps' as const }
      return only({ ...next, selected: shownSteps(next).some((s) => s.id === ui.selected) ? ui.selected : (shownSteps(next)[0]?.id ?? '') })
    }
    case 'attest':
    case 'waive': {
      if (!value('why')) return wrong('why', 'whoever reads it later needs a reason')
      const until = value('until')
      if (!isDay(until)) return wrong('until', 'a day as in 2026-12-31')
      if (until < view.today) return wrong('until', `that day is over; today is ${view.today}`)
      const object = value('object') === 'the whole step' ? '' : value('object')
      return begin(ui, form, { kind: 'word', word: form.form, step: ui.opened || ui.selected, object, why: value('why'), until })
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
      if (effects.length > 0) effects.push({ kind: 'look', steps: [ui.opened] })
      // whoever was asked by the plan wants to see what comes of the answers
      if (ui.tab === 'plan') effects.push({ kind: 'plan', stage: { kind: 'mend', steps: [ui.opened] } })
      return begin({ ...ui, made: undefined }, form, ...effects)
    }
    case 'recipient': {
      if (!/^[A-Za-z0-9._-]{1,40}$/.test(value('name'))) return wrong('name', 'a short name without spaces')
      const refused = view.words.keys.wrong(value('recipient'))
      if (refused) return wrong('recipient', refused)
      const opens = view.words.keys.opens.find((o) => o.name === value('opens'))?.value ?? ''
      return begin(ui, form, { kind: 'keys.add', name: value('name'), recipient: value('recipient'), opens })
    }
    case 'init':
      if (!value('name')) return wrong('name', 'the cluster needs a name')
      return begin(ui, form, { kind: 'init', name: value('name'), environment: value('environment') }, ...(form.then ?? []))
  }
}
