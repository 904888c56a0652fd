import type { HeaderInfo } from '../../host.ts'
import type { Binding } from '../keys.ts'
import { keyName } from '../keys.ts'
import { cut, fitLine, type Line, line, type Span, span, width, wrap } from '../lines.ts'
import type { Command } from '../model.ts'
import { mark, type Theme } from '../theme.ts'

/** What every screen has: a header above, keys below, a rule between. */

export interface Size {
  columns: number
  rows: number
}

/** Smaller than this, one sentence is all that fits. */
export const LEAST: Size = { columns: 80, rows: 24 }

/** A line across the screen; what is to be noted of what stands above it is written into it. */
export function rule(theme: Theme, size: Size, note = ''): Line {
  const shown = note ? ` ${cut(note, size.columns - 8)} ` : ''
  const behind = shown ? 2 : 0
  const { rule: glyph } = theme.glyph
  return [span(` ${glyph.repeat(size.columns - 2 - behind - width(shown))}${shown}${glyph.repeat(behind)}`, { dim: true })]
}

/** A filled label, so that a photo of the screen tells a simulated cluster from a real one without colours. */
function modeLabel(theme: Theme, mode: string): Span {
  return mark(theme, ` ${mode} `, mode === 'PRACTICE' ? 'cyan' : mode === 'LIVE' ? 'yellow' : undefined, { inverse: true, bold: true })
}

export function header(theme: Theme, size: Size, info: HeaderInfo, right: string): Line {
  const left = ` ${info.cluster}${info.environment ? `  ${info.environment}` : ''}`
  const middle = info.as
  const label = modeLabel(theme, info.mode)
  const used = width(label.text) + width(middle) + width(right) + 6
  const shown = cut(left, Math.max(10, size.columns - used))
  const gap = size.columns - width(shown) - 2 - width(label.text) - 2 - width(middle) - width(right) - 1
  return line(span(shown, { bold: true }), '  ', label, '  ', middle, ' '.repeat(Math.max(1, gap)), span(right, { dim: true }))
}

function footer(theme: Theme, size: Size, bindings: readonly Binding[]): Line {
  const shown = [...new Map(bindings.filter((b) => b.footer).map((b) => [footerKey(theme, b), b])).entries()]
  const cells = () => shown.reduce((n, [key, b]) => n + width(key) + width(b.label) + 4, -2)
  while (cells() > size.columns - 1) {
    const last = shown.findLastIndex(([, b]) => !NEVER_LEFT_OUT.includes(b.command))
    if (last < 0) break
    shown.splice(last, 1)
  }
  return [span(' '), ...shown.flatMap(([key, b], i) => [span(i === 0 ? '' : '   '), span(key, { bold: true }), span(` ${b.label}`)])]
}
/** What is left out where there is no room is in the help, so the way to it stays. */
const NEVER_LEFT_OUT: Command[] = ['enter', 'back', 'help']

function footerKey(theme: Theme, binding: Binding): string {
  const first = binding.keys[0] ?? ''
  if (first === 'up') return theme.glyph.updown
  if (first === 'right') return theme.ascii ? 'right' : '→'
  if (first === 'left' && binding.pair) return theme.ascii ? 'left/right' : '←→'
  if (first === 'left') return theme.ascii ? 'left' : '←'
  return keyName(first)
}

/** Puts a screen together, exactly as many lines as there are rows. */
export function screen(
  theme: Theme,
  size: Size,
  parts: { head: Line; body: readonly Line[]; bindings: readonly Binding[]; top?: boolean; note?: string },
): Line[] {
  const rows = size.rows - (parts.top === false ? 3 : 4)
  const body = Array.from({ length: rows }, (_, i) => parts.body[i] ?? [])
  const all = [
    parts.head,
    ...(parts.top === false ? [] : [rule(theme, size)]),
    ...body,
    rule(theme, size, parts.note),
    footer(theme, size, parts.bindings),
  ]
  return all.map((l) => fitLine(l, size.columns)).slice(0, size.rows)
}

export const bodyRows = (size: Size): number => size.rows - 4

export const tooSmall = (size: Size): Line[] =>
  wrap(
    `This needs a terminal of at least ${LEAST.columns}x${LEAST.rows}; it is ${size.columns}x${size.rows}. Make it larger, or use --plain.`,
    size.columns,
  )
    .slice(0, Math.max(1, size.rows))
    .map((text) => line(text))
