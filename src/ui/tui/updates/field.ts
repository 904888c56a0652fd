import { plain } from '../../../contract.ts'
import { type Field, type Form, replaceTop, top, type Ui, type View } from '../model.ts'

/** The field at hand of an open form: typing into it, and the keys that edit a line. */

/** Anything that happens to a field says that its form is not as it was when it was found wrong. */
export const withField = (ui: Ui, form: Form, changed: Field): Ui => {
  const { error: _, ...rest } = form
  return replaceTop(ui, { ...rest, fields: form.fields.map((f) => (f.name === changed.name ? changed : f)) })
}

/**
 * Types into the field at hand. Line breaks of a paste become spaces; escape codes and what cannot be seen fall away. Where a private key
 * begins, nothing of it is kept, and what comes behind it goes nowhere either until the field is emptied.
 */
export function typeText({ ui, words }: Pick<View, 'ui' | 'words'>, text: string): Ui {
  const form = top(ui)
  if (form?.kind !== 'form') return ui
  const current = form.fields[form.at]
  if (!current || current.options || current.barred) return ui
  const clean = plain(text).replace(/\n+/g, ' ')
  const chars = [...current.value]
  const value = [...chars.slice(0, current.cursor), ...clean, ...chars.slice(current.cursor)].join('')
  if (words.keys.holdsPrivateKey(value)) return withField(ui, form, { ...current, value: '', cursor: 0, barred: true })
  return withField(ui, form, { ...current, value, cursor: current.cursor + [...clean].length })
}

type Range = [from: number, to: number]

/** What each key takes out of the line, as readline has it. */
const CUTS: Record<string, (chars: readonly string[], cursor: number) => Range> = {
  backspace: (_, cursor) => [Math.max(0, cursor - 1), cursor],
  delete: (chars, cursor) => [cursor, Math.min(chars.length, cursor + 1)],
  'ctrl+u': (_, cursor) => [0, cursor],
  'ctrl+k': (chars, cursor) => [cursor, chars.length],
  'ctrl+w': (chars, cursor) => [wordBefore(chars, cursor), cursor],
}
const MOVES: Record<string, (chars: readonly string[]) => number> = {
  home: () => 0,
  'ctrl+a': () => 0,
  end: (chars) => chars.length,
  'ctrl+e': (chars) => chars.length,
}

const wordBefore = (chars: readonly string[], cursor: number): number =>
  [
    ...chars
      .slice(0, cursor)
      .join('')
      .replace(/\S+\s*$|\s+$/, ''),
  ].length

/** Edits the field at hand; undefined for a key that edits nothing. */
export function edit(ui: Ui, key: string): Ui | undefined {
  const form = top(ui)
  const [cuts, moves] = [CUTS[key], MOVES[key]]
  if (form?.kind !== 'form' || !(cuts || moves)) return undefined
  const current = form.fields[form.at]
  if (!current || current.options) return ui
  const { barred, ...field } = current
  if (barred) return cuts ? withField(ui, form, field) : ui
  const chars = [...field.value]
  if (moves) return withField(ui, form, { ...field, cursor: moves(chars) })
  const [from, to] = cuts?.(chars, field.cursor) ?? [0, 0]
  return from === to ? ui : withField(ui, form, { ...field, value: [...chars.slice(0, from), ...chars.slice(to)].join(''), cursor: from })
}
