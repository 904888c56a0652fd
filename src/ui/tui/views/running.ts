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
    `  ${run.plan.stage.kind === 'undo' ? 'taking back' : 'running'} for ${duration(seconds)}`,
  )
  const rows = bodyRows(size) - 2
  const log = logLines(run, size.columns - 14)
  const trying = triedNow(run)
  const ahead = activity.stopping
    ? trying
      ? `Stopping: it is not kept, and ${trying.object} is as before by ${trying.until.slice(11, 19)} UTC.`
      : 'Stopping after the object at hand; once more ends the waiting.'
    : ifThisMachineDies(run)
  const foot = wrap(ahead, size.columns - 2).map((t) => line(activity.stopping ? mark(theme, ` ${t}`, 'yellow') : ` ${t}`))
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

const LOG_ROWS = 4

/** The end of the log, its last line whole. Of lines of one object that differ in their figures only, the last stands for all. */
function logLines({ log }: RunState, cells: number): Line[] {
  const shape = (text = '') => text.replace(/ .*/, (rest) => rest.replace(/\d+/g, '0'))
  const told = log.filter(({ text }, i) => i === log.length - 1 || shape(text) !== shape(log[i + 1]?.text)).slice(-LOG_ROWS)
  const rows = told.flatMap(({ at, text }, i) => {
    const [first = '', ...rest] = i === told.length - 1 ? wrap(text, cells) : [cut(text, cells)]
    return [`   ${at.slice(11, 19)}  ${first}`, ...rest.slice(0, LOG_ROWS - 1).map((t) => `${' '.repeat(13)}${t}`)]
  })
  return rows.slice(-LOG_ROWS).map((t) => line(span(t, { dim: true })))
}

/** `45 s`, `4 min 4 s`. */
export const duration = (seconds: number): string => (seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`)

/** What is being tried, and when it may last be taking itself back. */
export function triedNow(run: RunState): { object: string; until: string } | undefined {
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

/** Room for the longest name, unless it would take the room of what is said behind it. */
const nameCells = (run: RunState, cells: number): number =>
  Math.max(10, Math.min(Math.floor(cells / 3), Math.max(...run.plan.parts.map((p) => width(p.object.name)))))

/**
 * Every action with what became of it. Objects that were not begun are one line each. `commands` says commands as they are to be typed
 * here.
 */
export function runLines(run: RunState, theme: Theme, cells: number, whole: boolean, commands = (text: string) => text): Line[] {
  // what it came to is read first, also where the rest does not fit
  const lines: Line[] = resultLines(run, cells, commands)
  const named = nameCells(run, cells)
  const room = cells - named - 8
  for (const part of run.plan.parts) {
    const begun = part.actions.some((a) => progressOf(run, part.digest, a.id))
    const finished = part.actions.every((a) => progressOf(run, part.digest, a.id)?.status === 'done')
    if (!begun || (finished && !whole)) {
      lines.push(
        line(
          '   ',
          finished ? mark(theme, theme.glyph.pass, 'green') : ' ',
          ` ${sized(part.object.name, named)} `,
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
      const wrapped = (width(both) <= room ? [both] : [text, p?.note ?? '']).filter(Boolean).flatMap((t) => wrap(t, room))
      lines.push(line('   ', mark(theme, glyph, color), ` ${sized(part.object.name, named)} `, span(wrapped[0] ?? '', { dim: !p })))
      for (const rest of wrapped.slice(1)) lines.push(line(`${' '.repeat(6 + named)}${rest}`))
    }
  }
  return lines
}

function resultLines({ result }: RunState, cells: number, commands: (text: string) => string): Line[] {
  if (!result) return []
  const say = (text: string) => wrap(text, cells).map((t) => line(` ${t}`))
  if (result.failed)
    return [
      ...say(`${result.failed.part.object.name}: ${result.failed.reason}`),
      ...(result.failed.remedy ? say(commands(result.failed.remedy)) : []),
      ...(result.left.length > 0 ? say(`Not begun, still a plan: ${result.left.map((p) => p.object.name).join(', ')}`) : []),
      blank,
    ]
  if (result.stopped) return [...say(`Stopped. ${result.done.length} done, ${result.left.length} not begun.`), blank]
  return [...say(`Done on ${result.done.map((p) => p.object.name).join(', ')}.`), blank]
}
