import { type Block, type Call, type ChangeAction, isChange, type SealAction, type TryAction } from '../../contract.ts'
import type { Plan } from '../../engine/plan.ts'
import type { PartReview } from '../../engine/state.ts'

/** Plans as lines of text: as they are shown before anybody agrees to them, and as commands. */

function blockLines(block: Block): string[] {
  switch (block.type) {
    case 'text':
      return block.text.split('\n')
    case 'list':
      return block.items.map((item) => `- ${item}`)
    case 'table': {
      const rows = [block.head, ...block.rows]
      const widths = block.head.map((_, i) => Math.max(...rows.map((r) => (r[i] ?? '').length)))
      return rows.map((row) =>
        row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd(),
      )
    }
    case 'diff':
      return [block.title, ...block.lines.map((l) => `${l.sign} ${l.text}`), ...(block.lines.length === 0 ? ['  no difference'] : [])]
    case 'log':
      return block.lines
  }
}

/** Whether two diffs say the same, whatever they are titled. */
const sameBlock = (a: Block | undefined, b: Block): boolean =>
  a?.type === 'diff' && b.type === 'diff' && JSON.stringify(a.lines) === JSON.stringify(b.lines)

const RESTARTS = {
  nothing: [],
  'api-server': ['Restarts the API server.'],
  node: ['Restarts the node.'],
  network: ['Restarts the network.'],
}
/** What starts again, a sentence each; none where nothing does. */
export const restartsOf = (changes: readonly ChangeAction[]): string[] => [...new Set(changes.flatMap((c) => RESTARTS[c.restarts]))]

/** A plan as it is shown before anybody is asked; without commands where they have a place of their own. */
export function planText(plan: Plan, reviews: readonly PartReview[], delivery: string, commandLine?: (call: Call) => string): string {
  const lines: string[] = []
  const changes = plan.parts.flatMap((p) => p.actions).filter(isChange)
  if (plan.parts.length === 0) lines.push(plan.blocked.length > 0 ? 'Nothing can be done now.' : 'Nothing to do.')
  else {
    const restarts = changes.length > 0 ? restartsOf(changes).join(' ') || 'No restart.' : ''
    const danger = changes.some((c) => c.danger === 'destroy')
      ? 'Danger: destroy.'
      : changes.length > 0
        ? 'Danger: change.'
        : plan.parts.some((p) => p.actions.some((a) => a.kind === 'write'))
          ? 'Nothing is touched: files only.'
          : 'Nothing is changed: it is read, sealed and proved.'
    lines.push(
      `${plan.stage.kind === 'undo' ? 'Take back' : 'Plan for'} ${plan.stage.steps.join(', ')}: ${plan.parts.length === 1 ? '1 object' : `${plan.parts.length} objects, one after the other`}. ${restarts ? `${restarts} ` : ''}${danger}`,
      '',
    )
  }
  for (const [index, part] of plan.parts.entries()) {
    lines.push(`${index + 1}  ${part.object.name}: ${part.summary}`)
    const review = reviews.find((r) => r.part === part.digest)
    for (const block of part.blocks ?? []) lines.push(...blockLines(block).map((l) => `   ${l}`), '')
    const command = (call: Call, before = ''): string[] => (commandLine ? [`          ${before}$ ${commandLine(call)}`] : [])
    for (const [at, action] of part.actions.entries()) {
      lines.push(`   ${action.kind.padEnd(6)} ${action.title}`)
      if (action.kind === 'hold') lines.push(...command(action.source.call))
      if (action.kind === 'try') lines.push(...tryLines(action, command))
      if (action.kind === 'run') lines.push(...command(action.call))
      if (isChange(action)) {
        if (review?.dryRun) lines.push(`          dry run: ${review.dryRun.ok ? '' : 'refused: '}${review.dryRun.text}`)
        // what is waited for behind it says the same already
        const when = doneWhen(action) ?? 'nothing tells, so it is never done again by itself'
        if (when !== part.actions[at + 1]?.title) lines.push(`          done when: ${when}`)
      }
    }
    for (const block of review?.preview ?? []) {
      const same = plan.parts.slice(0, index).find((p) => sameBlock(reviews.find((r) => r.part === p.digest)?.preview[0], block))
      lines.push(
        ...(same ? [`diff of ${part.object.name}: the same as of ${same.object.name}`] : blockLines(block)).map((l) => `          ${l}`),
      )
    }
    const made = part.actions.filter(isChange)
    lines.push(...saidOnce(made, undoOf).map((l) => `   undo   ${l}`), ...saidOnce(made, (c) => c.cancel).map((l) => `   cancel ${l}`), '')
  }
  for (const same of Map.groupBy(plan.blocked, (b) => `${b.reason}\n${b.remedy}`).values()) {
    const [first] = same
    const objects = [...new Set(same.map((b) => b.object.name))]
    if (first) lines.push(`not    ${objects.join(', ')}: ${first.reason}`, ...(first.remedy ? [`       ${first.remedy}`] : []))
  }
  if (plan.blocked.length > 0) lines.push('')
  if (delivery === 'gitops' && plan.parts.length > 0)
    lines.push('Delivery is gitops: apply writes these files; commit them and let your own tool roll them out.', '')
  return lines.join('\n')
}

/** What tells that a change is done, if anything does. */
export const doneWhen = (change: ChangeAction): string | undefined => (change.kind === 'try' ? change.kept : change.done)?.sentence

export const undoOf = ({ undo }: ChangeAction): string => ('sentence' in undo ? undo.sentence : undo.none)

/** What is said of changes, each thing once; where they differ, with the changes that it is about. */
function saidOnce(changes: readonly ChangeAction[], say: (change: ChangeAction) => string): string[] {
  const alike = [...Map.groupBy(changes, say)]
  return alike.length < 2 ? alike.map(([said]) => said) : alike.map(([said, of]) => `${said} (${of.map((c) => c.title).join('; ')})`)
}

/** A tentative change: how long it lasts by itself, what is looked at meanwhile, and how it is kept. */
function tryLines(action: TryAction, command: (call: Call, before?: string) => string[]): string[] {
  return [
    `          goes back by itself after ${minutes(action.windowSeconds)} unless it is kept`,
    ...command(action.call),
    ...action.probes.map((p) => `          probe: ${p.condition.sentence}`),
    ...command(action.keep, 'keep: '),
  ]
}

/** `5 min`, `75 s`. */
export const minutes = (seconds: number): string => (seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`)

/** The commands of a plan, in order, as a person would type them. */
export function planCommands(
  plan: Plan,
  lines: { commandLine: (call: Call) => string; sealLine: (action: SealAction) => string },
): { object: string; commands: string[] }[] {
  return plan.parts.map((part) => ({
    object: part.object.name,
    commands: part.actions.flatMap((a) =>
      a.kind === 'run'
        ? [lines.commandLine(a.call)]
        : a.kind === 'try'
          ? [
              lines.commandLine(a.call),
              `# ${a.probes.map((p) => p.condition.sentence).join('; ')}; then, to keep it:`,
              lines.commandLine(a.keep),
            ]
          : a.kind === 'hold'
            ? [lines.commandLine(a.source.call)]
            : a.kind === 'seal'
              ? [lines.sealLine(a)]
              : a.kind === 'write'
                ? [`# ${a.path}`]
                : [],
    ),
  }))
}
