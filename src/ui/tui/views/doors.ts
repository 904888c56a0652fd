import { bindingsFor } from '../keys.ts'
import { blank, cutStart, type Line, line, pad, sized, span, width, wrap } from '../lines.ts'
import { DOORS, type Door, type View } from '../model.ts'
import { mark, type Theme } from '../theme.ts'
import { type Size, screen } from './frame.ts'

const ROWS: Record<Door, { key: string; name: string; what: string; time: string }> = {
  practise: { key: 'p', name: 'Practise', what: 'a simulated cluster, nothing real is touched', time: '2 minutes' },
  check: { key: 'c', name: 'Check', what: 'a cluster that runs, read-only', time: '1 minute' },
  setup: { key: 's', name: 'Set up', what: 'fresh machines, to a hardened cluster', time: 'not there yet' },
  incident: { key: 'i', name: 'Incident', what: 'a key leaked, a node is suspect, etcd is lost', time: 'not there yet' },
}

const ABOUT: Record<Door, string> = {
  practise:
    'Runs the whole program to the end on a simulated cluster with five nodes: red findings, a plan, the change, green findings, sealed configs. It is kept in a folder of its own.',
  check:
    'Looks at a running cluster with the least access that will do and says what is missing, with the evidence. It changes nothing until you have seen a plan and agreed to it.',
  setup: 'Will take fresh machines to a hardened cluster. There is nothing behind this door yet; it says what to use meanwhile.',
  incident:
    'Will lead through a leaked key, a suspect node, a compromised CA and a lost etcd. There is nothing behind this door yet; it says what to do by hand.',
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
    const row = ROWS[name]
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
  body.push(blank, blank, line(span(` ${ROWS[door].name}`, { bold: true })))
  for (const text of wrap(ABOUT[door], Math.min(size.columns, 100) - 6)) body.push(line(`   ${text}`))
  if (door === 'check') body.push(...contexts(view, theme, size))
  if (ui.opening) body.push(blank, line(` ${theme.glyph.work} opening`))
  return screen(theme, size, { head, body, bindings: bindingsFor(view), top: false })
}

function contexts(view: View, theme: Theme, size: Size): Line[] {
  const { doors } = view.ui
  if (!doors) return [blank, line('   looking for talosconfig files')]
  if (doors.contexts.length === 0)
    return [blank, line('   No talosconfig was found. Name one: --talosconfig FILE'), ...doors.problems.map((p) => line(`   ${p}`))]
  const most = Math.max(1, size.rows - 18)
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
