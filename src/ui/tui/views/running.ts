import { isChange } from '../../../contract.ts'
import { progressOf, type RunState } from '../../../engine/state.ts'
import type { HeaderInfo } from '../../host.ts'
import { bindingsFor } from '../keys.ts'
import { blank, cut, type Line, line, sized, span, width, wrap } from '../lines.ts'
import type { View } from '../model.ts'
import { mark, type Theme } from '../theme.ts'
import { bodyRows, header, type Size, screen } from './frame.ts'

export function runningView(view: View, theme: Theme, size: Size, info: HeaderInfo, now: Date): Line[] {
  const { session } = view
  const run = session?.run
  const activity = session?.activity
  if (!run || activity?.kind !== 'performing') return []
  const seconds = Math.max(0, Math.round((now.getTime() - new Date(activity.since).getTime()) / 1000))
  const title = line(
    span(` ${run.plan.stage.steps.join(', ')}`, { bold: true }),
    `  ${run.plan.stage.kind === 'undo' ? 'taking back' : 'running'} for ${seconds} s`,
  )
  const rows = bodyRows(size) - 2
  const log = run.log.slice(-4).map((l) => line(span(`   ${l.at.slice(11, 19)}  ${cut(l.text, size.columns - 14)}`, { dim: true })))
  const trying = triedNow(run)
  const foot = activity.stopping
    ? [
        line(
          mark(
            theme,
            trying
              ? ` Stopping: it is not kept, and ${trying.object} is as before by ${trying.until.slice(11, 19)} UTC.`
              : ' Stopping after the object at hand; once more ends the waiting.',
            'yellow',
          ),
        ),
      ]
    : wrap(ifThisMachineDies(run), size.columns - 2).map((t) => line(` ${t}`))
  const content = runLines(run, theme, size.columns - 2, false)
  const room = rows - log.length - foot.length - 2
  // the action that runs stays on the screen
  const at = content.findIndex((l) => l.some((s) => s.text.includes(theme.glyph.work)))
  const offset = Math.max(0, Math.min(at < 0 ? 0 : at - Math.floor(room / 2), content.length - room))
  const shown = content.slice(offset, offset + room)
  const body = [
    title,
    blank,
    ...shown,
    ...Array.from({ length: Math.max(0, room - shown.length) }, () => blank),
    blank,
    ...log,
    blank,
    ...foot,
  ]
  return screen(theme, size, { head: header(theme, size, info, ''), body, bindings: bindingsFor(view) })
}

/** What is being tried, and when it may last be taking itself back. */
function triedNow(run: RunState): { object: string; until: string } | undefined {
  for (const part of run.plan.parts)
    for (const action of part.actions) {
      const until = progressOf(run, part.digest, action.id)?.until
      if (until) return { object: part.object.name, until }
    }
  return undefined
}

function ifThisMachineDies(run: RunState): string {
  const trying = triedNow(run)
  if (trying) return `If this machine dies now, ${trying.object} takes its old config back by ${trying.until.slice(11, 19)} UTC.`
  return run.plan.parts.some((p) => p.actions.some(isChange))
    ? 'If this machine dies now, the next start finds out what was under way.'
    : 'Nothing is changed by this. If this machine dies now, it is simply done again.'
}

/** Every action with what became of it. Objects that were not begun are one line each. */
export function runLines(run: RunState, theme: Theme, cells: number, whole: boolean): Line[] {
  // what it came to is read first, also where the rest does not fit
  const lines: Line[] = resultLines(run, cells)
  for (const part of run.plan.parts) {
    const begun = part.actions.some((a) => progressOf(run, part.digest, a.id))
    const finished = part.actions.every((a) => progressOf(run, part.digest, a.id)?.status === 'done')
    if (!begun || (finished && !whole)) {
      lines.push(
        line(
          '   ',
          finished ? mark(theme, theme.glyph.pass, 'green') : ' ',
          ` ${sized(part.object.name, 10)} `,
          finished ? part.summary : span(`${part.actions.length} actions`, { dim: true }),
        ),
      )
      continue
    }
    for (const action of part.actions) {
      const p = progressOf(run, part.digest, action.id)
      const glyph = !p
        ? ' '
        : p.status === 'running'
          ? theme.glyph.work
          : p.status === 'done'
            ? theme.glyph.pass
            : p.status === 'unproved'
              ? theme.glyph.unknown
              : p.status === 'failed'
                ? theme.glyph.fail
                : '-'
      const color = p?.status === 'done' ? 'green' : p?.status === 'unproved' ? 'yellow' : p?.status === 'failed' ? 'red' : undefined
      const text = `${action.title}${p && !['running', 'done'].includes(p.status) ? ` ${p.status}` : ''}`
      const both = p?.note ? `${text}  ${p.note}` : text
      const wrapped = (width(both) <= cells - 18 ? [both] : [text, p?.note ?? '']).filter(Boolean).flatMap((t) => wrap(t, cells - 18))
      lines.push(line('   ', mark(theme, glyph, color), ` ${sized(part.object.name, 10)} `, span(wrapped[0] ?? '', { dim: !p })))
      for (const rest of wrapped.slice(1)) lines.push(line(`${' '.repeat(16)}${rest}`))
    }
  }
  return lines
}

function resultLines({ result }: RunState, cells: number): Line[] {
  if (!result) return []
  const say = (text: string) => wrap(text, cells).map((t) => line(` ${t}`))
  if (result.failed)
    return [
      ...say(`${result.failed.part.object.name}: ${result.failed.reason}`),
      ...(result.failed.remedy ? say(result.failed.remedy) : []),
      ...(result.left.length > 0 ? say(`Not begun, still a plan: ${result.left.map((p) => p.object.name).join(', ')}`) : []),
      blank,
    ]
  if (result.stopped) return [...say(`Stopped. ${result.done.length} done, ${result.left.length} not begun.`), blank]
  return [...say(`Done on ${result.done.map((p) => p.object.name).join(', ')}.`), blank]
}
