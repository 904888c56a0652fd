import { SEVERITIES, type Severity, VERDICTS, type Verdict } from '../../contract.ts'
import type { Count, JudgedFinding, StepResult, Summary } from '../../engine/evaluate.ts'
import type { Report } from '../../engine/state.ts'

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
