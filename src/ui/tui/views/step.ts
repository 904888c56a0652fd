import type { StepResult } from '../../../engine/evaluate.ts'
import type { HeaderInfo, StepInfo, WizardWorld } from '../../host.ts'
import { planText } from '../../report/plan-text.ts'
import { COUNT_WORDS, grouped, withSuffix } from '../../report/text.ts'
import { bindingsFor } from '../keys.ts'
import { blank, cut, type Line, line, pad, type Screen, scrolling, span, titled, width, wrap } from '../lines.ts'
import { type MadePlan, resultOf, TABS, type View } from '../model.ts'
import { countGlyph, mark, type Theme, verdictGlyph } from '../theme.ts'
import { activityText } from './checklist.ts'
import { bodyRows, header, type Size, screen } from './frame.ts'
import { runLines } from './running.ts'

export function stepView(view: View, theme: Theme, size: Size, info: HeaderInfo, world: WizardWorld): Screen {
  const { ui, session } = view
  const step = ui.steps.find((s) => s.id === ui.opened)
  if (!step) return []
  const result = resultOf(session, step.id)
  const content = contentOf(view, theme, size.columns - 2, step, result, world)
  const rows = bodyRows(size) - 2
  const most = Math.max(0, content.length - rows)
  const keys = bindingsFor({ ...view, scrollMost: most })
  const offset = Math.min(ui.scroll, most)
  const shown = content.slice(offset, offset + rows)
  const more = content.length - offset - shown.length
  if (more > 0 && shown.length > 0)
    shown[shown.length - 1] = line(span(` ${theme.glyph.down} ${more + 1} more lines, page down`, { dim: true }))
  const body = [tabs(theme, size, step, result, ui.tab), blank, ...shown]
  return scrolling(screen(theme, size, { head: header(theme, size, info, activityText(view)), body, bindings: keys }), most)
}

function tabs(theme: Theme, size: Size, step: StepInfo, result: StepResult | undefined, current: string): Line {
  const names = TABS.map((t) => (t === current ? span(`[${titled(t)}]`, { bold: true }) : span(` ${titled(t)} `)))
  const cells = names.reduce((n, s) => n + width(s.text), 0)
  const title = ` ${step.id}  ${step.title}`
  const word = result ? ` ${COUNT_WORDS[result.count]}` : ''
  const room = size.columns - cells - width(word) - 4
  const shown = cut(title, room)
  return line(
    span(shown, { bold: true }),
    ' ',
    ...(result ? [countGlyph(theme, result.count)] : []),
    word,
    ' '.repeat(Math.max(1, size.columns - width(shown) - 2 - width(word) - cells - 1)),
    ...names,
  )
}

function contentOf(view: View, theme: Theme, cells: number, step: StepInfo, result: StepResult | undefined, world: WizardWorld): Line[] {
  const { ui, session } = view
  const say = (text: string, indent = ''): Line[] => wrap(text, cells - width(indent)).map((t) => line(` ${indent}${t}`))
  const commands = (text: string): string => withSuffix(text, world.product, world.suffix)
  switch (ui.tab) {
    case 'why':
      return [
        ...say(step.why),
        blank,
        line(` severity   ${step.severity}`),
        line(` category   ${step.category}`),
        blank,
        ...step.references.flatMap((r) => [...say(`${r.title}${r.appliesTo ? ` (${r.appliesTo})` : ''}`), ...say(r.url, '  ')]),
      ]
    case 'answers':
      if (step.questions.length === 0) return say('This step asks nothing.')
      return step.questions.flatMap((q) => [
        ...say(q.label),
        ...wrap(q.value(session?.answers[step.id]?.[q.name]) || '(empty)', cells - 4).map((t) => line('   ', span(t, { bold: true }))),
        ...wrap(q.hint, cells - 4).map((t) => line('   ', span(t, { dim: true }))),
        blank,
      ])
    case 'findings':
      return findingLines(theme, cells, result, session?.activity.kind === 'looking', commands)
    case 'plan':
      return planLines(view, theme, cells, step, result, world)
    case 'run': {
      const run = session?.run
      const looking = session?.activity.kind === 'looking'
      if (looking && ui.made && run?.plan !== ui.made.plan)
        return [line(` ${theme.glyph.work} looking once more before the change: the plan must still hold`)]
      const again = looking ? [line(` ${theme.glyph.work} looking again, so that what is shown is current`)] : []
      if (!run?.plan.stage.steps.includes(step.id)) return looking ? again : say('Nothing was run for this step in this session.')
      return [...again, ...(looking ? [blank] : []), ...runLines(run, theme, cells, true, commands)]
    }
    case 'evidence':
      return evidenceLines(cells, result, world)
  }
}

function findingLines(
  theme: Theme,
  cells: number,
  result: StepResult | undefined,
  looking: boolean,
  commands: (text: string) => string,
): Line[] {
  if (!result) return [line(looking ? ' looking' : ' not looked at yet: r')]
  const lines: Line[] = []
  for (const group of grouped(result.findings)) {
    const first = group.findings[0]
    wrap(group.text, cells - 6).forEach((text, i) => {
      lines.push(i === 0 ? line(' ', verdictGlyph(theme, group.verdict), ` ${text}`) : line(`   ${text}`))
    })
    const word = first?.waiver ?? first?.attestation
    if (word)
      lines.push(
        ...wrap(`${first?.waiver ? 'waived' : 'attested'} until ${word.until} by ${word.by}: ${word.why}`, cells - 6).map((t) =>
          line('   ', mark(theme, t, 'yellow')),
        ),
      )
    else if (group.remedy && (group.verdict === 'fail' || group.verdict === 'unknown'))
      lines.push(...wrap(commands(group.remedy), cells - 6).map((t) => line('   ', span(t, { dim: true }))))
    lines.push(blank)
  }
  return lines
}

function planLines(view: View, theme: Theme, cells: number, step: StepInfo, result: StepResult | undefined, world: WizardWorld): Line[] {
  const { ui, session } = view
  if (!step.canMend) return wrap('A person has to mend this one: each finding says what to do.', cells).map((t) => line(` ${t}`))
  if (session?.activity.kind === 'looking' || session?.activity.kind === 'reviewing')
    return [
      line(
        ` ${theme.glyph.work} ${session.activity.kind === 'looking' ? 'looking at the nodes' : 'trying the change on the nodes, without effect'}`,
      ),
    ]
  if (!ui.made) return [line(result?.count === 'fail' || result?.count === 'unknown' ? ' no plan yet' : ' nothing to mend')]
  return textOf(ui.made, theme, cells, world.delivery)
}

/** The plan of a big cluster is thousands of lines, and every key that scrolls it draws the screen. */
const drawn = new WeakMap<MadePlan, { theme: Theme; cells: number; delivery: string; lines: Line[] }>()

function textOf(made: MadePlan, theme: Theme, cells: number, delivery: WizardWorld['delivery']): Line[] {
  const known = drawn.get(made)
  if (known && known.theme === theme && known.cells === cells && known.delivery === delivery) return known.lines
  const warn = made.plan.stage.kind === 'undo' ? 'This takes back what was applied.' : ''
  const text = planText(made.plan, made.reviews, delivery).split('\n')
  const lines = [...(warn ? [line(` ${warn}`), blank] : []), ...text.flatMap((l) => wrap(l, cells, hang(l)).map((t) => planLine(theme, t)))]
  drawn.set(made, { theme, cells, delivery, lines })
  return lines
}

/** What goes on below begins where the text above does, and not below its first column. */
const hang = (text: string): string => ' '.repeat(/^ *(\S+ {2,}|[+-] )/.exec(text)?.[1]?.length ?? 0)

function planLine(theme: Theme, text: string): Line {
  const trimmed = text.trimStart()
  if (trimmed.startsWith('+ ')) return line(' ', mark(theme, text, 'green'))
  if (trimmed.startsWith('- ')) return line(' ', mark(theme, text, 'red'))
  if (/^\d+ {2}/.test(text)) return line(' ', span(text, { bold: true }))
  return line(` ${text}`)
}

function evidenceLines(cells: number, result: StepResult | undefined, world: WizardWorld): Line[] {
  if (!result) return [line(' not looked at yet')]
  const seen = new Map<string, { what: string; takenAt: string; sha256: string; exitCode?: number; kind: string }>()
  for (const finding of result.findings) for (const e of finding.evidence) seen.set(`${e.what} ${e.takenAt}`, e)
  const lines: Line[] = []
  for (const e of seen.values()) {
    lines.push(...wrap(e.kind === 'command' ? `$ ${e.what}` : e.what, cells, '  ').map((t) => line(` ${t}`)))
    lines.push(
      line(
        span(
          `   ${pad(e.takenAt.slice(0, 19), 20)} sha256 ${e.sha256.slice(0, 16)}…${e.exitCode !== undefined ? `  exit ${e.exitCode}` : ''}`,
          { dim: true },
        ),
      ),
      blank,
    )
  }
  return [
    ...lines,
    ...wrap(
      world.workspace
        ? `Kept in ${world.workspace}/evidence/`
        : `There is no workspace, so nothing is kept. ${world.product} init makes one.`,
      cells,
    ).map((t) => line(` ${t}`)),
  ]
}
