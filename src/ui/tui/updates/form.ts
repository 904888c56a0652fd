import { isDay, plain } from '../../../contract.ts'
import {
  type Command,
  type Effect,
  type Field,
  type Form,
  move,
  only,
  pop,
  replaceTop,
  shownSteps,
  top,
  type Ui,
  type Updated,
  type View,
} from '../model.ts'

/** An open form: moving over its fields, typing, and what its answers begin once they are right. */

export function updateForm(view: View, form: Form, command: Command): Updated {
  const { ui } = view
  const to = (at: number): Updated => only(replaceTop(ui, { ...form, at: Math.min(form.fields.length - 1, Math.max(0, at)) }))
  const current = form.fields[form.at]
  switch (command) {
    case 'back':
      return only(pop(ui))
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
    default:
      return only(ui)
  }
}

const withField = (ui: Ui, form: Form, changed: Field, error?: string): Ui => {
  const { error: _, ...rest } = form
  return replaceTop(ui, { ...rest, ...(error ? { error } : {}), fields: form.fields.map((f) => (f.name === changed.name ? changed : f)) })
}

/**
 * Types into the field at hand. Line breaks of a paste become spaces; escape codes and what cannot be seen fall away. A private identity
 * is refused as it comes, whatever is asked for, so that it is neither drawn nor kept.
 */
export function typeText({ ui, words }: Pick<View, 'ui' | 'words'>, text: string): Ui {
  const form = top(ui)
  if (form?.kind !== 'form') return ui
  const current = form.fields[form.at]
  if (!current || current.options) return ui
  const clean = plain(text).replace(/\n+/g, ' ')
  const chars = [...current.value]
  const value = [...chars.slice(0, current.cursor), ...clean, ...chars.slice(current.cursor)].join('')
  const refused = words.keys.wrong(value.trim())
  if (refused?.secret) return withField(ui, form, { ...current, value: '', cursor: 0 }, refused.error)
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
      if (!isDay(until)) return wrong('until', 'a day as in 2026-12-31')
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
      if (effects.length > 0) effects.push({ kind: 'look', steps: [ui.opened] })
      // whoever was asked by the plan wants to see what comes of the answers
      if (ui.tab === 'plan') effects.push({ kind: 'plan', stage: { kind: 'mend', steps: [ui.opened] } })
      return { ui: { ...pop(ui), made: undefined }, effects }
    }
    case 'recipient': {
      if (!/^[A-Za-z0-9._-]{1,40}$/.test(value('name'))) return wrong('name', 'a short name without spaces')
      const refused = view.words.keys.wrong(value('recipient'))
      if (refused) return wrong('recipient', refused.error)
      const opens = view.words.keys.opens.find((o) => o.name === value('opens'))?.value ?? ''
      return { ui: pop(ui), effects: [{ kind: 'keys.add', name: value('name'), recipient: value('recipient'), opens }] }
    }
    case 'init':
      if (!value('name')) return wrong('name', 'the cluster needs a name')
      return { ui: pop(ui), effects: [{ kind: 'init', name: value('name'), environment: value('environment') }] }
  }
}
