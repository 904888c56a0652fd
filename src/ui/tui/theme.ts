import type { Verdict } from '../../contract.ts'
import type { Count } from '../../engine/evaluate.ts'
import { type Span, type Style, span, width } from './lines.ts'

/** Looks: a glyph and a word always, a colour only to underline them. */

export interface Theme {
  color: boolean
  /** The terminal shows nothing else. */
  ascii: boolean
  glyph: {
    pass: string
    fail: string
    unknown: string
    na: string
    attested: string
    waived: string
    pick: string
    open: string
    rule: string
    bar: string
    work: string
    down: string
    updown: string
  }
}

const UNICODE: Theme['glyph'] = {
  pass: '✓',
  fail: '✗',
  unknown: '?',
  na: '–',
  attested: '✓',
  waived: '~',
  pick: '>',
  open: '▸',
  rule: '─',
  bar: '│',
  work: '•',
  down: '↓',
  updown: '↑↓',
}
const ASCII: Theme['glyph'] = {
  pass: '+',
  fail: 'x',
  unknown: '?',
  na: '-',
  attested: '+',
  waived: '~',
  pick: '>',
  open: '>',
  rule: '-',
  bar: '|',
  work: '*',
  down: 'v',
  updown: 'up/down',
}

/** ASCII where the locale is not UTF-8; no colour where it is not wanted. */
export function themeFor(env: Readonly<Record<string, string | undefined>>, color: boolean): Theme {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || ''
  const ascii = !/utf-?8/i.test(locale)
  return { color, ascii, glyph: ascii ? ASCII : UNICODE }
}

/** Text of the same width for a terminal that shows ASCII only. */
export function asciiOf(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: everything but ASCII is meant
  return text.replaceAll('…', '~').replace(/[^\u0000-\u007f]+/g, (part) => '?'.repeat(width(part)))
}

const COLORS: Record<Count, Style['color']> = {
  pass: 'green',
  fail: 'red',
  unknown: 'yellow',
  notApplicable: 'gray',
  attested: 'green',
  waived: 'yellow',
}

export const countGlyph = (theme: Theme, count: Count): Span =>
  mark(theme, count === 'notApplicable' ? theme.glyph.na : theme.glyph[count], COLORS[count])
export const verdictGlyph = (theme: Theme, verdict: Verdict): Span =>
  mark(theme, verdict === 'notApplicable' ? theme.glyph.na : theme.glyph[verdict], COLORS[verdict])

export const mark = (theme: Theme, text: string, color: Style['color'], style: Style = {}): Span =>
  span(text, { ...style, ...(theme.color && color ? { color } : {}) })
