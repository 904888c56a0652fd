import { isChange } from '../../../contract.ts'
import { type Unfinished, whereItWas } from '../../../engine/history.ts'
import type { HeaderInfo, WizardWorld } from '../../host.ts'
import { doneWhen, minutes, planCommands, restartsOf, undoOf } from '../../report/plan-text.ts'
import { bindingsFor, keyName } from '../keys.ts'
import { blank, type Line, line, pad, type Screen, scrolling, sized, span, windowAt, wrap } from '../lines.ts'
import type { Field, Form, Overlay, View } from '../model.ts'
import { pop } from '../model.ts'
import { mark, type Theme } from '../theme.ts'
import { bodyRows, header, type Size, screen } from './frame.ts'
import { duration, triedNow } from './running.ts'

/** Interruptions, drawn over the whole screen: one thing at a time. */

export function overlayView(
  view: View,
  overlay: Overlay,
  theme: Theme,
  size: Size,
  info: HeaderInfo,
  world: WizardWorld | undefined,
  now: Date,
): Screen {
  const cells = Math.min(size.columns, 100) - 4
  const shown = content(view, overlay, theme, size, cells, world)
  const lines = screen(theme, size, {
    head: header(theme, size, info, ''),
    body: [blank, ...shown, ...waiting(view, overlay, cells, now)],
    bindings: bindingsFor(view),
  })
  return scrolling(lines, shown.scrollMost ?? 0)
}

/** What became of an earlier run can take minutes to find out. */
function waiting({ session }: View, overlay: Overlay, cells: number, now: Date): Line[] {
  if (overlay.kind !== 'unfinished' || session?.activity.kind !== 'looking') return []
  const { since } = session.activity
  const seconds = Math.max(0, Math.round((now.getTime() - new Date(since).getTime()) / 1000))
  const text = `Waiting since ${since.slice(11, 19)} UTC, for ${duration(seconds)}. q leaves: nothing is lost by it, and the next start asks again.`
  return [blank, ...say(text, cells)]
}

const say = (text: string, cells: number): Line[] => wrap(text, cells).map((t) => line(`  ${t}`))
const title = (text: string): Line => line(span(`  ${text}`, { bold: true }))

function content(view: View, overlay: Overlay, theme: Theme, size: Size, cells: number, world: WizardWorld | undefined): Screen {
  switch (overlay.kind) {
    case 'help': {
      const below = bindingsFor({ ...view, ui: pop(view.ui) })
      return [
        title('Keys here'),
        blank,
        ...below.map((b) => line(`   ${pad(b.keys.map(keyName).join(', '), 20)} ${b.label}`)),
        blank,
        line('   ctrl+c               leave; while something runs: stop after the object at hand'),
      ]
    }
    case 'error':
      return [
        line(mark(theme, `  ${theme.glyph.fail} `, 'red'), span(overlay.code, { dim: true })),
        blank,
        ...say(overlay.message, cells),
        blank,
        ...overlay.hint.split('\n').flatMap((l) => say(l, cells)),
      ]
    case 'note':
      return [title(overlay.title), blank, ...overlay.lines.flatMap((l) => (l ? say(l, cells) : [blank]))]
    case 'contexts': {
      const usable = view.ui.doors?.contexts.filter((c) => c.usable) ?? []
      const rows = bodyRows(size) - 4
      const offset = windowAt(usable.length, rows, overlay.selected, 0)
      const items = usable
        .slice(offset, offset + rows)
        .map((c, i) =>
          line(
            span(offset + i === overlay.selected ? ` ${theme.glyph.pick} ` : '   ', { bold: true }),
            `${sized(c.name, 26)} ${sized(c.role, 12)} ${c.ends}`,
          ),
        )
      return [title('Which cluster?'), blank, ...items]
    }
    case 'review':
      return closeUp(review(view, theme, cells, world), bodyRows(size) - 1)
    case 'commands': {
      const lines = commandLines(view, size.columns - 4, world)
      const rows = bodyRows(size) - 4
      const most = Math.max(0, lines.length - rows)
      const offset = Math.min(overlay.scroll, most)
      const foot = overlay.copied ? 'Copied, if your terminal lets programs do that (OSC 52).' : 'c copies them; long ones are broken here.'
      return scrolling([...lines.slice(offset, offset + rows), blank, line(span(`  ${foot}`, { dim: true }))], most)
    }
    case 'keys':
      return keys(view, overlay, theme, cells)
    case 'unfinished':
      return unfinished(view, overlay, cells, bodyRows(size) - 2)
    case 'quit':
      return [
        title('Something is being changed'),
        blank,
        ...say(`Leaving now would leave the object at hand in the middle. ${insteadOfLeaving(view.session)}`, cells),
      ]
    case 'form':
      return form(overlay, theme, cells, bodyRows(size) - 1)
  }
}

function insteadOfLeaving(session: View['session']): string {
  if (session?.activity.kind === 'performing' && session.activity.stopping) return 'It is being stopped; what was not begun stays a plan.'
  const tried = session?.run && triedNow(session.run)
  return tried
    ? `Stop instead: then it is not kept, ${tried.object} is as before by ${tried.until.slice(11, 19)} UTC, and the rest stays a plan.`
    : 'Stop after it instead: then nothing new is begun, and the rest stays a plan.'
}

/** So many that the rest of the screen keeps its place; the plan names them all. */
const some = (names: readonly string[], most = 12): string =>
  names.length > most ? `${names.slice(0, most).join(', ')} and ${names.length - most} more` : names.join(', ')

/** Without the empty lines, where there is no room for them. */
const closeUp = (lines: Line[], rows: number): Line[] => (lines.length <= rows ? lines : lines.filter((l) => l !== blank))

/** Each thing once, and no more than two; the plan has them all, each with its change. */
const once = (said: readonly string[]): string => {
  const [first, second, ...rest] = [...new Set(said)]
  return [first, second, rest.length > 0 ? `${rest.length} more in the plan` : undefined].filter(Boolean).join('; ')
}

function review(view: View, theme: Theme, cells: number, world: WizardWorld | undefined): Line[] {
  const made = view.ui.made
  if (!made) return []
  const { plan, reviews } = made
  const changes = plan.parts.flatMap((p) => p.actions).filter(isChange)
  const tries = changes.find((c) => c.kind === 'try')
  const refused = reviews.filter((r) => r.dryRun && !r.dryRun.ok)
  const writes = plan.parts.some((p) => p.actions.some((a) => a.kind === 'write'))
  const seals = changes.length > 0 && plan.parts.some((p) => p.actions.some((a) => a.kind === 'seal'))
  const warnings = world?.warnings(plan) ?? []
  const names = plan.parts.map((p) => p.object.name)
  const when = once(changes.flatMap((c) => doneWhen(c) ?? []))
  return [
    title(
      `${plan.stage.kind === 'undo' ? 'Take back' : changes.length > 0 ? 'Change' : writes ? 'Write files for' : 'Read, seal and prove:'} ${names.length} ${names.length === 1 ? 'object' : 'objects'}`,
    ),
    blank,
    ...say(names.length === 1 ? `On ${names[0]}.` : `In this order, one after the other: ${some(names)}`, cells),
    blank,
    ...say(
      changes.length > 0
        ? `Danger: ${changes.some((c) => c.danger === 'destroy') ? 'destroy' : 'change'}. ${restartsOf(changes).join(' ') || 'Nothing restarts.'}`
        : writes
          ? 'Nothing is touched: files only.'
          : 'Nothing is changed. Every look, sealed file and proof is in the journal.',
      cells,
    ),
    ...(reviews.some((r) => r.dryRun)
      ? say(refused.length === 0 ? 'Dry run on every one: accepted.' : `Refused by ${refused.length}: ${refused[0]?.dryRun?.text}`, cells)
      : []),
    ...(tries
      ? say(
          `Each is tried for ${minutes(tries.windowSeconds)} and goes back by itself, unless everything behind it holds and it is kept.`,
          cells,
        )
      : []),
    ...(seals ? say(`Before each change its current config is sealed into ${world?.workspace ?? ''}/secrets/.`, cells) : []),
    ...(changes.length > 0
      ? [
          ...say(when ? `Done when ${when}.` : 'Nothing tells that it is done, so it is never done again by itself.', cells),
          ...say('The first failure stops the rest, which stays a plan.', cells),
          ...say(`Undo: ${once(changes.map(undoOf))}. Cancel: ${once(changes.map((c) => c.cancel))}.`, cells),
        ]
      : []),
    ...(plan.blocked.length > 0
      ? [
          blank,
          ...say(
            `Left out: ${some(
              plan.blocked.map((b) => `${b.object.name} (${b.reason})`),
              3,
            )}`,
            cells,
          ),
        ]
      : []),
    ...(warnings.length > 0
      ? [blank, ...warnings.flatMap((w) => wrap(`Warning: ${w}`, cells - 4).map((t) => line(mark(theme, `  ${t}`, 'yellow'))))]
      : []),
    blank,
    ...(refused.length > 0 ? [line(mark(theme, '  A refused change is not sent; enter says so.', 'yellow'))] : []),
  ]
}

function commandLines(view: View, cells: number, world: WizardWorld | undefined): Line[] {
  const plan = view.ui.made?.plan
  if (!plan || !world) return []
  return planCommands(plan, world).flatMap((p) => [
    title(p.object),
    ...p.commands.flatMap((c) => wrap(c, cells).map((t) => line(t))),
    blank,
  ])
}

function keys(view: View, overlay: Extract<Overlay, { kind: 'keys' }>, theme: Theme, cells: number): Line[] {
  const { info } = overlay
  const words = view.words.keys
  if (!info) return [title('Keys that open what is sealed'), blank, line('  looking')]
  return [
    title('Keys that open what is sealed'),
    blank,
    ...say(`Yours: ${info.identity}`, cells),
    blank,
    ...(info.recipients.length > 0 ? info.recipients.map((r) => line(`   ${theme.glyph.pass} ${r}`)) : say(words.nobody, cells)),
    blank,
    ...(info.missing ? say(words.make, cells) : []),
    ...(info.noRecovery ? say(words.noRecovery, cells) : []),
    ...(overlay.said.length > 0 ? [blank, ...overlay.said.flatMap((s) => say(s, cells))] : []),
  ]
}

function unfinished(view: View, overlay: Extract<Overlay, { kind: 'unfinished' }>, cells: number, rows: number): Screen {
  const left = view.session?.unfinished[0]
  const activity = view.session?.activity
  const now = activity?.kind === 'looking' ? activity.now : activity?.kind === 'performing' ? view.session?.run?.log.at(-1)?.text : ''
  const lines = [
    title('An earlier run ended in the middle'),
    blank,
    ...overlay.said.flatMap((s) => [...say(s, cells), blank]),
    ...say(left ? whatIsLeft(left, overlay.open === left) : 'Nothing is left open. What was not done is still a plan.', cells),
    ...(now ? [blank, ...say(now, cells)] : []),
  ]
  const most = Math.max(0, lines.length - rows)
  const offset = Math.min(overlay.scroll ?? 0, most)
  return scrolling(lines.slice(offset, offset + rows), most)
}

function whatIsLeft(left: Unfinished, open: boolean): string {
  if (open) return `It stays open: ${whereItWas(left)}. Nothing is changed before it is known what became of that.`
  if (left.intent)
    return `It was at "${left.intent.title}" on ${left.intent.object.name}. Nothing is repeated before it is known what became of that.`
  return left.unchecked
    ? `${left.unchecked.object.name} was changed, and the checks behind it were not all made. They are made first.`
    : `Nothing was under way; ${left.left.join(', ')} had not begun.`
}

/** Where not all of them fit, the fields around the one at hand. */
function form(overlay: Form, theme: Theme, cells: number, rows: number): Line[] {
  const about = [...overlay.about.flatMap((a) => say(a, cells)), blank]
  const fields: Line[] = []
  let lastHere = 0
  for (const [index, f] of overlay.fields.entries()) {
    const here = index === overlay.at
    fields.push(line(span(here ? ` ${theme.glyph.pick} ` : '   ', { bold: true }), span(f.label, { bold: here })))
    fields.push(fieldLine(f, here, cells))
    if (here) {
      const wrong = f.barred ? BARRED : overlay.error
      for (const t of wrap(wrong ?? f.hint, cells - 3)) fields.push(line(span(`     ${t}`, wrong ? {} : { dim: true })))
    }
    fields.push(blank)
    if (here) lastHere = fields.length - 1
  }
  const room = rows - about.length - 2
  const fits = fields.length - 1 <= room
  const offset = fits ? 0 : windowAt(fields.length, room, lastHere, 0)
  const which = fits ? '' : `, ${overlay.at + 1} of ${overlay.fields.length}`
  return [title(`${overlay.title}${which}`), blank, ...about, ...fields.slice(offset, offset + room)]
}

const BARRED = 'a private key was typed or pasted here, so nothing of it is shown or kept; ctrl+u empties the field'

/** The value with the place of the next character shown; a long one shows the part around it. */
function fieldLine(f: Field, here: boolean, cells: number): Line {
  if (f.barred) return line('     ********')
  if (f.options) return line('     ', span(here ? `< ${f.value} >` : f.value, { bold: here }))
  const chars = [...f.value]
  const room = cells - 8
  const offset = windowAt(chars.length + 1, room, f.cursor, Math.max(0, f.cursor - room + 1))
  const before = chars.slice(offset, f.cursor).join('')
  const at = chars[f.cursor] ?? ' '
  const after = chars.slice(f.cursor + 1, offset + room).join('')
  return here ? line('     ', before, span(at, { inverse: true }), after) : line(`     ${chars.slice(0, room).join('')}`)
}
