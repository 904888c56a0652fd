import {
  type Block,
  type Call,
  type ChangeAction,
  isChange,
  SEVERITIES,
  type SealAction,
  type Severity,
  type TryAction,
  VERDICTS,
  type Verdict,
} from '../../contract.ts'
import type { Count, JudgedFinding, StepResult, Summary } from '../../engine/evaluate.ts'
import type { Plan } from '../../engine/plan.ts'
import type { PartReview, Report } from '../../engine/state.ts'

/** Reports as lines of text: what a person reads on a terminal, in a pipe or in a log. */

export const COUNT_WORDS: Record<Count, string> = {
  pass: 'pass',
  fail: 'fail',
  unknown: 'unknown',
  notApplicable: 'n/a',
  attested: 'attested',
  waived: 'waived',
}
const VERDICT_WORDS: Record<Verdict, string> = { pass: 'pass', fail: 'fail', unknown: 'unknown', notApplicable: 'n/a' }

const names = (findings: readonly JudgedFinding[], most = 6): string => {
  const all = findings.map((f) => f.object.name)
  return all.length > most ? `${all.slice(0, most).join(', ')} and ${all.length - most} more` : all.join(', ')
}

/** Findings with the same verdict and reason as one line, the worst first: `cp1, cp2: 3 keys left to the kernel`. */
export function grouped(
  findings: readonly JudgedFinding[],
): { verdict: Verdict; findings: JudgedFinding[]; text: string; remedy?: string }[] {
  const groups = Map.groupBy(findings, (f) => `${f.verdict} ${withoutName(f)} ${f.waiver?.until ?? ''} ${f.attestation?.until ?? ''}`)
  const lines = [...groups.values()].map((group) => {
    const first = group[0] as JudgedFinding
    const reason = withoutName(first)
    return {
      verdict: first.verdict,
      findings: group,
      text: group.length === 1 && first.reason.includes(first.object.name) ? first.reason : `${names(group)}: ${reason}`,
      ...(first.remedy ? { remedy: first.remedy } : {}),
    }
  })
  return lines.toSorted((a, b) => VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict))
}

const withoutName = (f: JudgedFinding): string =>
  f.reason.startsWith(`${f.object.name}: `) ? f.reason.slice(f.object.name.length + 2) : f.reason

const word = (finding: JudgedFinding | undefined): string => {
  if (finding?.waiver) return `waived until ${finding.waiver.until} by ${finding.waiver.by}: ${finding.waiver.why}`
  if (finding?.attestation) return `attested until ${finding.attestation.until} by ${finding.attestation.by}: ${finding.attestation.why}`
  return ''
}

export const countLine = (summary: Summary): string => {
  const total = Object.values(summary).reduce((a, b) => a + b, 0)
  // what somebody lives with is not done
  const done = total - summary.fail - summary.unknown - summary.waived
  const rest = (['fail', 'unknown', 'waived'] as const).filter((k) => summary[k] > 0).map((k) => `${summary[k]} ${k}`)
  return [`${done} of ${total} done`, ...rest].join(', ')
}

export interface CheckHeader {
  product: string
  /** Behind every command that is proposed, e.g. ` --practice=default`. */
  suffix: string
  cluster: string
  environment: string
  mode: string
  as: string
  nodes: number
  seconds: number
}

/** Text with the commands that it proposes as they are to be typed here: for a simulated cluster they say so. */
export function withSuffix(text: string, product: string, suffix: string): string {
  const proposed =
    /(plan|check|apply --undo) [A-Z0-9]+-\d+( [A-Z0-9]+-\d+)*|backup create|secrets (seal|adopt)|keys (add NAME RECIPIENT|remove NAME)/
  return text.replace(new RegExp(`${product} (${proposed.source})`, 'g'), `$&${suffix}`)
}

/** The report of a check. Failures first, then what is unknown; what passed only where it is asked for. */
export function checkText(
  results: readonly StepResult[],
  summary: Summary,
  header: CheckHeader,
  options: { all: boolean; failOn: Severity; exitCode: number; columns?: number | undefined },
): string {
  const hang = (first: string, text: string): string[] => wrapped(text, first, options.columns)
  const lines = [
    [
      header.cluster || 'no cluster',
      header.environment,
      header.mode === 'practice' ? 'PRACTICE, nothing real' : header.mode === 'gitops' ? 'gitops' : '',
      header.as,
      header.nodes === 0 ? '' : `${header.nodes} ${header.nodes === 1 ? 'node' : 'nodes'}`,
      `${header.seconds} s`,
    ]
      .filter(Boolean)
      .join(', '),
    '',
  ]
  const order: Count[] = ['fail', 'unknown', 'waived', 'attested', 'pass', 'notApplicable']
  const rank = (r: StepResult) => order.indexOf(r.count) * SEVERITIES.length - SEVERITIES.indexOf(r.severity)
  for (const result of results.toSorted((a, b) => rank(a) - rank(b))) {
    const shown = grouped(result.findings).filter((g) => options.all || g.verdict === 'fail' || g.verdict === 'unknown')
    lines.push(`${COUNT_WORDS[result.count].padEnd(8)} ${result.id}  ${result.severity.padEnd(8)} ${result.title}`)
    for (const group of shown) {
      lines.push(...hang(`         ${VERDICT_WORDS[group.verdict].padEnd(7)} `, group.text))
      const said = word(group.findings[0])
      if (said) lines.push(...hang(' '.repeat(17), said))
      else if (group.verdict === 'fail' || group.verdict === 'unknown') {
        const remedy = group.remedy ?? (group.verdict === 'fail' && result.canMend ? `${header.product} plan ${result.id}` : undefined)
        if (remedy) lines.push(...hang(' '.repeat(17), withSuffix(remedy, header.product, header.suffix)))
      }
    }
  }
  const next = results.find((r) => r.count === 'fail' && r.canMend)
  lines.push(
    '',
    `${countLine(summary)}.${next ? ` Mend one: ${header.product} plan ${next.id}${header.suffix}.` : ''}${options.all ? '' : ' Every finding: --all.'}`,
  )
  if (options.exitCode !== 0) lines.push(`exit ${options.exitCode} (${exitReason(options.exitCode, options.failOn)})`)
  return `${lines.join('\n')}\n`
}

/** Text behind a first column, broken at spaces where there is a terminal's width to keep to. */
export function wrapped(text: string, first: string, columns: number | undefined): string[] {
  if (!columns || columns <= first.length + 20) return [first + text]
  const lines: string[] = []
  let current = first
  let empty = true
  for (const word of text.split(' ')) {
    if (!empty && current.length + 1 + word.length > columns) {
      lines.push(current)
      current = ' '.repeat(first.length) + word
    } else current += empty ? word : ` ${word}`
    empty = false
  }
  return [...lines, current]
}

/**
 * Lines as they are read on a terminal of this width: broken at spaces, behind the indent and the label that they begin with. A command
 * stays whole, so that it can be copied, and so does a diff.
 */
export const flowed = (text: string, columns: number | undefined): string =>
  text
    .split('\n')
    .flatMap((line) => {
      if (/^ *(keep: )?\$ |^ {10}[+-] /.test(line)) return [line]
      const first = /^ *(?:[\w-]+ {2,})?/.exec(line)?.[0] ?? ''
      return wrapped(line.slice(first.length), first, columns)
    })
    .join('\n')

const exitReason = (code: number, failOn: string): string =>
  ({
    1: `failures at or above ${failOn}`,
    3: `nothing failed at or above ${failOn}, but something there is unknown`,
    4: 'nothing of the cluster could be looked at',
  })[code] ?? ''

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

/** How many nodes were looked at. */
export const nodesSeen = ({ observed }: Pick<Report, 'observed'>): number =>
  new Set(
    Object.values(observed)
      .flat()
      .filter((s) => s.object.kind === 'node')
      .map((s) => s.object.name),
  ).size

/** Seconds between the two times of a report, at least one. */
export const tookSeconds = (report: Pick<Report, 'startedAt' | 'finishedAt'>): number =>
  Math.max(1, Math.round((new Date(report.finishedAt).getTime() - new Date(report.startedAt).getTime()) / 1000))
