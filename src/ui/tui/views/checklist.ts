import type { StepResult } from '../../../engine/evaluate.ts'
import type { HeaderInfo } from '../../host.ts'
import { COUNT_WORDS, countLine, grouped } from '../../report/text.ts'
import { bindingsFor } from '../keys.ts'
import { beside, blank, cut, type Line, line, pad, sized, span, titled, width, windowAt, wrap } from '../lines.ts'
import { categoriesOf, resultOf, shownSteps, type View } from '../model.ts'
import { countGlyph, mark, type Theme, verdictGlyph } from '../theme.ts'
import { bodyRows, header, rule, type Size, screen } from './frame.ts'

const isDone = (r: StepResult | undefined): boolean => r !== undefined && !['fail', 'unknown', 'waived'].includes(r.count)

/** When the report was made, or what is being looked at. */
export function activityText(view: View): string {
  const { session } = view
  const activity = session?.activity
  if (activity?.kind === 'looking') return `looking, ${activity.done} of ${activity.total}`
  if (activity?.kind === 'reviewing') return `trying on ${activity.done} of ${activity.total}`
  return session?.report ? `looked at ${session.report.finishedAt.slice(11, 16)} UTC` : ''
}

export function checklistView(view: View, theme: Theme, size: Size, info: HeaderInfo): Line[] {
  const rows = bodyRows(size)
  const wide = size.columns >= 110
  const detailRows = wide ? 0 : 9
  const listRows = rows - detailRows
  const left = categoryColumn(view, theme, listRows)
  const stepCells = wide ? wideSteps(view, size) : size.columns - 26
  const { lines: steps, note } = stepColumn(view, theme, stepCells - 1, listRows)
  const between = ` ${theme.glyph.bar} `
  const lists = beside(left, 23, steps, stepCells, between, listRows)
  const both = 26 + stepCells
  const body = wide
    ? beside(lists, both, detail(view, theme, size.columns - both - 4, listRows), size.columns - both - 3, between, listRows)
    : [...lists, rule(theme, size, note), ...detail(view, theme, size.columns - 2, detailRows - 1)]
  const head = header(theme, size, info, activityText(view))
  return screen(theme, size, { head, body, bindings: bindingsFor(view), ...(wide ? { note } : {}) })
}

/** Beside the title of a step: its mark, id and word. */
const AROUND_TITLE = 22

/** Room for the longest title, unless it would take the room of what is said of the selected step. */
function wideSteps({ ui }: View, size: Size): number {
  const longest = Math.max(0, ...ui.steps.map((s) => width(s.title)))
  return Math.max(47, Math.min(longest + AROUND_TITLE + 1, size.columns - 29 - 38))
}

function categoryColumn(view: View, theme: Theme, rows: number): Line[] {
  const { ui, session } = view
  const lines: Line[] = []
  for (const name of ['', ...categoriesOf(ui)]) {
    const steps = ui.steps.filter((s) => !name || s.category === name)
    const done = steps.filter((s) => isDone(resultOf(session, s.id))).length
    const here = ui.category === name
    const glyph = here ? (ui.focus === 'categories' ? theme.glyph.pick : theme.glyph.open) : ' '
    lines.push(
      line(
        span(` ${glyph} ${pad(name ? titled(name) : 'All', 15)}`, { bold: here }),
        span(`${done}/${steps.length}`.padStart(5), { dim: true }),
      ),
    )
  }
  const summary = session?.report?.summary
  const foot = summary ? countLine(summary).split(', ') : []
  while (lines.length < rows - foot.length - 1) lines.push(blank)
  return [...lines, ...foot.map((text) => line(`   ${text}`))]
}

/** The steps that fit, and in a few words which ones these are. */
function stepColumn(view: View, theme: Theme, cells: number, rows: number): { lines: Line[]; note: string } {
  const { ui, session } = view
  const shown = shownSteps(ui)
  const filtered = ui.filter ? `/${cut(ui.filter, 20)}: ${shown.length} of ${ui.steps.length}` : ''
  if (shown.length === 0) return { lines: [line(ui.filter ? ` nothing holds "${cut(ui.filter, 20)}"` : ' no steps')], note: filtered }
  const at = Math.max(
    0,
    shown.findIndex((s) => s.id === ui.selected),
  )
  const offset = windowAt(shown.length, rows, at, 0)
  const lines = shown.slice(offset, offset + rows).map((s) => {
    const result = resultOf(session, s.id)
    const here = s.id === ui.selected
    const word = result ? COUNT_WORDS[result.count] : ''
    const title = sized(s.title, Math.max(4, cells - AROUND_TITLE))
    return line(
      span(here && ui.focus === 'steps' ? `${theme.glyph.pick} ` : '  ', { bold: true }),
      result ? countGlyph(theme, result.count) : span(' '),
      span(` ${pad(s.id, 8)}`, { bold: here }),
      ` ${title} `,
      span(word.padStart(8), { dim: !here }),
    )
  })
  const below = shown.length - offset - lines.length
  return {
    lines,
    note: [filtered, offset > 0 ? `${offset} more above` : '', below > 0 ? `${below} more below` : ''].filter(Boolean).join(', '),
  }
}

/** The selected step: why it matters, what was found, what comes next. */
function detail(view: View, theme: Theme, cells: number, rows: number): Line[] {
  const { ui, session } = view
  const info = ui.steps.find((s) => s.id === ui.selected)
  if (!info) return []
  const result = resultOf(session, info.id)
  const title = sized(info.title, Math.max(4, cells - width(info.id) - width(info.severity) - 5))
  const lines: Line[] = [line(span(` ${info.id}  ${title}`, { bold: true }), ' ', span(info.severity))]
  for (const text of wrap(info.why, cells - 2)) lines.push(line(` ${text}`))
  lines.push(blank)
  const next = wrap(nextSentence(view, result), cells - 2).filter(Boolean)
  const findings = result ? grouped(result.findings) : []
  const room = Math.max(1, rows - lines.length - (next.length > 0 ? next.length + 1 : 0))
  const texts = findings.flatMap((g) =>
    wrap(g.text, cells - 6).map(
      (text, i): Line => (i === 0 ? line('   ', verdictGlyph(theme, g.verdict), ` ${text}`) : line(`     ${text}`)),
    ),
  )
  // a line of its own for the ellipsis would hide what stands in it
  const shown = texts.slice(0, room)
  if (texts.length > room) shown[room - 1] = [...(texts[room - 1] ?? []), span(' …', { dim: true })]
  lines.push(...shown)
  if (next.length > 0) lines.push(blank, ...next.map((text) => line(mark(theme, ` ${text}`, 'cyan'))))
  return lines.slice(0, rows)
}

function nextSentence(view: View, result: StepResult | undefined): string {
  if (view.session?.activity.kind === 'looking') return ''
  if (!result) return 'Next: look at it, r.'
  if (result.count === 'fail')
    return result.canMend
      ? 'Next: open it and see the plan. Nothing changes before you agree to it.'
      : 'Next: open it; each finding says what to do. A person has to mend this one.'
  if (result.count === 'unknown' && result.canMend) return 'Next: open it and see the plan that would tell.'
  if (result.count === 'unknown') return 'Next: open it; each finding says what would let us look.'
  return ''
}
