import type { Door } from '../../host.ts'
import { bindingsFor } from '../keys.ts'
import { blank, cutStart, type Line, line, pad, sized, span, width, wrap } from '../lines.ts'
import { DOORS, type View } from '../model.ts'
import { mark, type Theme } from '../theme.ts'
import { type Size, screen } from './frame.ts'

const NAMES: Record<Door, { key: string; name: string }> = {
  practise: { key: 'p', name: 'Practise' },
  check: { key: 'c', name: 'Check' },
  setup: { key: 's', name: 'Set up' },
  incident: { key: 'i', name: 'Incident' },
}

export function doorsView(view: View, theme: Theme, size: Size, product: { name: string; version: string }): Line[] {
  const { ui } = view
  const door = DOORS[ui.door] ?? 'practise'
  const place = ui.doors?.place ?? ''
  const title = ` ${product.name} ${product.version}`
  const head = line(
    span(title, { bold: true }),
    ' '.repeat(Math.max(1, size.columns - width(title) - width(place) - 1)),
    span(place, { dim: true }),
  )
  const body: Line[] = [blank, line(' What do you want to do?'), blank]
  for (const [index, name] of DOORS.entries()) {
    const row = { ...NAMES[name], ...view.words.doors[name] }
    const here = index === ui.door
    body.push(
      line(
        span(here ? ` ${theme.glyph.pick} ` : '   ', { bold: here }),
        span(`${row.key}  ${pad(row.name, 10)}`, { bold: here }),
        ` ${pad(row.what, 47)}`,
        span(row.time, { dim: true }),
      ),
    )
  }
  body.push(blank, blank, line(span(` ${NAMES[door].name}`, { bold: true })))
  for (const text of wrap(view.words.doors[door].about, Math.min(size.columns, 100) - 6)) body.push(line(`   ${text}`))
  if (door === 'check') body.push(...contexts(view, theme, size, size.rows - 3 - body.length))
  if (ui.opening) body.push(blank, line(` ${theme.glyph.work} opening`))
  return screen(theme, size, { head, body, bindings: bindingsFor(view), top: false })
}

function contexts(view: View, theme: Theme, size: Size, room: number): Line[] {
  const { doors } = view.ui
  if (!doors) return [blank, line(`   ${view.words.lookingForContexts}`)]
  if (doors.contexts.length === 0)
    return [blank, line(`   ${view.words.noContexts.short}; ${view.words.noContexts.hint}`), ...doors.problems.map((p) => line(`   ${p}`))]
  const most = doors.contexts.length > room - 2 ? room - 3 : room - 2
  const wide = size.columns >= 100
  const rows = doors.contexts
    .slice(0, most)
    .map((c) =>
      line(
        '     ',
        mark(theme, sized(c.name, wide ? 24 : 18), undefined, { bold: c.usable }),
        ` ${pad(cutStart(c.file, wide ? 36 : 20), wide ? 36 : 20)} ${sized(c.role, 11)} `,
        mark(theme, c.ends, c.usable ? undefined : 'red'),
      ),
    )
  const more = doors.contexts.length - rows.length
  return [line('   Found here:'), blank, ...rows, ...(more > 0 ? [line(`     and ${more} more`)] : [])]
}
