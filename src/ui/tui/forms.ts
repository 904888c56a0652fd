import { type Effect, type Field, type Form, push, resultOf, type Ui, type View } from './model.ts'

/** The forms as they open: what each one asks, and what stands in its fields before anything is typed. */

export const field = (name: string, label: string, hint: string, value = '', options?: string[]): Field => ({
  name,
  label,
  hint,
  value,
  cursor: [...value].length,
  ...(options ? { options } : {}),
})

/** A form with nothing typed yet. */
export function fresh(form: Omit<Form, 'kind' | 'draft'>): Form {
  return { ...form, kind: 'form', draft: JSON.stringify([form.form, form.title, form.fields.map((f) => f.value)]) }
}

/** Opens a form as it was left, unless what it is about has become something else meanwhile. */
function open(ui: Ui, given: Omit<Form, 'kind' | 'draft'>): Ui {
  const form = fresh(given)
  const left = ui.drafts[form.draft] ?? []
  const fields = form.fields.map((f) => {
    const was = left.find((l) => l.name === f.name)
    return was && (!f.options || f.options.includes(was.value)) ? { ...f, value: was.value, cursor: [...was.value].length } : f
  })
  return push(ui, { ...form, fields })
}

/** Which steps of the checklist are shown. */
export function filterForm(ui: Ui): Ui {
  return open(ui, {
    form: 'filter',
    title: 'Filter',
    about: ['Shows the steps whose id, title or category holds this.'],
    fields: [field('words', 'Words', 'empty shows all', ui.filter)],
    at: 0,
  })
}

const QUARTER = 90 * 86_400_000

/** A form for a human's word, or a note that there is nothing to cover. */
export function wordForm(view: View, id: string, word: 'attest' | 'waive'): Ui {
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
  return open(view.ui, {
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

/** The questions of the open step; `first` is the one that is to be answered. */
export function answerForm({ ui, session }: View, first?: string): Ui {
  const info = ui.steps.find((s) => s.id === ui.opened)
  if (!info) return ui
  const raw = session?.answers[info.id] ?? {}
  return open(ui, {
    form: 'answer',
    title: `Answers of ${info.id}`,
    about: ['Kept in preflight.yaml; the next look and plan use them.'],
    fields: info.questions.map((q) => field(q.name, q.label, q.hint, q.value(raw[q.name]))),
    at: Math.max(
      0,
      info.questions.findIndex((q) => q.name === first),
    ),
  })
}

/** Somebody beside the operator who can open what is sealed. */
export function recipientForm(view: View): Ui {
  return open(view.ui, {
    form: 'recipient',
    title: 'A recovery recipient',
    about: [view.words.keys.aboutRecovery],
    fields: [
      field('name', 'Name', 'who or where keeps it, as in safe'),
      field('recipient', 'Recipient', view.words.keys.recipient),
      opensField(view),
    ],
    at: 0,
  })
}

const opensField = ({ words }: View): Field =>
  field(
    'opens',
    'Opens',
    'left and right choose',
    words.keys.opens[0]?.name,
    words.keys.opens.map((o) => o.name),
  )

/** Name and environment of a cluster that has no workspace yet; `then` is what needs one. */
export function initForm(ui: Ui, cluster: string, folder: string, then: Effect[]): Ui {
  const environments = ['production', 'staging', 'lab']
  return open(ui, {
    form: 'init',
    title: 'A workspace is needed',
    about: [
      'What you say and change is kept in a folder, with the journal and the sealed configs. It is meant for git: no plaintext secret is put into it.',
      `Two files are written: preflight.yaml and .gitignore, in ${folder}`,
    ],
    fields: [
      field('name', 'Name of the cluster', 'as you call it', cluster),
      field('environment', 'Environment', 'left and right choose', 'production', environments),
    ],
    at: 0,
    then,
  })
}
