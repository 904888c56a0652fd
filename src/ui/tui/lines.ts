/** Text as styled lines: every view is a pure function to these, and one component draws them. */

export interface Style {
  color?: 'green' | 'red' | 'yellow' | 'cyan' | 'gray'
  bold?: boolean
  dim?: boolean
  inverse?: boolean
}

export interface Span extends Style {
  text: string
}

export type Line = Span[]

export const span = (text: string, style: Style = {}): Span => ({ text, ...style })
export const line = (...parts: (Span | string)[]): Line => parts.map((p) => (typeof p === 'string' ? span(p) : p))
export const blank: Line = []

/** A screen, and how far its text can be scrolled. */
export type Screen = Line[] & { scrollMost?: number }

export const scrolling = (lines: Line[], scrollMost: number): Screen => Object.assign(lines, { scrollMost })

export const titled = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Characters that a terminal draws two cells wide. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u
const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

const ASCII_ONLY = /^[\x20-\x7e]*$/

/** Cells that a text takes. */
export function width(text: string): number {
  if (ASCII_ONLY.test(text)) return text.length
  let cells = 0
  for (const { segment } of segments.segment(text)) cells += WIDE.test(segment) ? 2 : 1
  return cells
}

/** At most `cells` wide; what is cut shows as an ellipsis. */
export function cut(text: string, cells: number): string {
  if (width(text) <= cells) return text
  if (cells <= 0) return ''
  let kept = ''
  for (const { segment } of segments.segment(text)) {
    if (width(kept) + width(segment) > cells - 1) break
    kept += segment
  }
  return `${kept}…`
}

export const pad = (text: string, cells: number): string => text + ' '.repeat(Math.max(0, cells - width(text)))

/** Exactly `cells` wide. */
export const sized = (text: string, cells: number): string => pad(cut(text, cells), cells)

/** A line exactly `cells` wide, its spans cut or filled up. */
export function fitLine(l: Line, cells: number): Line {
  const out: Line = []
  let left = cells
  for (const s of l) {
    if (left <= 0) break
    const text = cut(s.text, left)
    out.push({ ...s, text })
    left -= width(text)
  }
  if (left > 0) out.push(span(' '.repeat(left)))
  return out
}

/** Breaks text at spaces; a word that is too long is broken where it must be. Its own indent stays; continued lines get `indent` on top. */
export function wrap(text: string, cells: number, indent = ''): string[] {
  return text.split('\n').flatMap((paragraph) => wrapParagraph(paragraph, Math.max(1, cells), indent))
}

function wrapParagraph(paragraph: string, cells: number, indent: string): string[] {
  const lead = /^ */.exec(paragraph)?.[0] ?? ''
  const lines: string[] = []
  let current = lead
  let empty = true
  const flush = () => {
    lines.push(current)
    current = lead + indent
    empty = true
  }
  for (const word of paragraph.slice(lead.length).split(' ')) {
    const joined = empty ? current + word : `${current} ${word}`
    if (width(joined) <= cells) {
      current = joined
      empty = false
      continue
    }
    if (!empty) flush()
    for (const { segment } of segments.segment(word)) {
      if (!empty && width(current) + width(segment) > cells) flush()
      current += segment
      empty = false
    }
  }
  lines.push(current)
  return lines
}

/** The end of a long path: what tells it apart stands there. */
export function cutStart(text: string, cells: number): string {
  if (width(text) <= cells) return text
  const kept = [...segments.segment(text)].map((s) => s.segment)
  while (kept.length > 0 && width(kept.join('')) > cells - 1) kept.shift()
  return `…${kept.join('')}`
}

/** Two columns side by side. */
export function beside(
  left: readonly Line[],
  leftCells: number,
  right: readonly Line[],
  rightCells: number,
  between: string,
  rows: number,
): Line[] {
  return Array.from({ length: rows }, (_, i) => [
    ...fitLine(left[i] ?? blank, leftCells),
    span(between, { dim: true }),
    ...fitLine(right[i] ?? blank, rightCells),
  ])
}

/** The part of a long list that is on the screen, so that `keep` is in it and what was there does not jump. */
export function windowAt(length: number, rows: number, keep: number, offset: number): number {
  const most = Math.max(0, length - rows)
  if (keep < offset) return Math.min(most, Math.max(0, keep))
  if (keep >= offset + rows) return Math.min(most, keep - rows + 1)
  return Math.min(Math.max(0, offset), most)
}
