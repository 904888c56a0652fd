import type { Verdict } from '../../contract.ts'
import type { Count } from '../../engine/evaluate.ts'
import { type Span, type Style, span } from './lines.ts'

/** Looks: a glyph and a word always, a colour only to underline them. */

export interface Theme {
  color: boolean
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
    up: string
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
  up: '↑',
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
  up: '^',
  down: 'v',
  updown: 'up/down',
}

/** ASCII where the locale is not UTF-8; no colour where it is not wanted. */
export function themeFor(env: Readonly<Record<string, string | undefined>>, color: boolean): Theme {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || ''
  return { color, glyph: /utf-?8/i.test(locale) ? UNICODE : ASCII }
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
