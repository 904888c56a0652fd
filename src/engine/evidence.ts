import type { StepResult } from './evaluate.ts'
import type { Entry } from './journal.ts'
import type { WorkspacePort } from './ports.ts'
import type { Report, SessionState } from './state.ts'

/** A time, ISO 8601, as names of files have it: to the second, without what some file systems refuse. */
export const timeInName = (at: string): string => at.replace(/[:.]/g, '-').slice(0, 19)

/**
 * The first of these names that nothing has yet. Evidence has the second in its name and is never written over, also where a run comes
 * within the same second as another one.
 */
export async function freeName(workspace: WorkspacePort, name: (mark: string) => string): Promise<string> {
  let path = name('')
  for (let n = 2; await workspace.has(path); n++) path = name(`-${n}`)
  return path
}

/** Keeps what a look saw and what was concluded, so that the report can be evaluated again from it alone. */
export async function keepLook(
  workspace: WorkspacePort,
  journal: (entry: Entry) => Promise<void>,
  about: { mode: string; cluster: { name: string; environment: string }; answers: SessionState['answers'] },
  report: Report,
  results: readonly StepResult[],
): Promise<void> {
  const { startedAt, observed } = report
  const time = timeInName(startedAt)
  const folder = await freeName(workspace, (mark) => `evidence/runs/${time}${mark}`)
  const write = (name: string, value: unknown) => workspace.write(`${folder}/${name}.json`, `${JSON.stringify(value, null, 1)}\n`)
  const head = { mode: about.mode, takenAt: startedAt }
  const { cluster, answers } = about
  const sha256 = await write('observations', { schema: 'talos-preflight/observations/v1', ...head, cluster, answers, observed })
  const looks = Object.values(observed).flat()
  await journal({ kind: 'observed', evidence: folder, sha256, looks: looks.length, failed: looks.filter((s) => !s.look.ok).length })
  const concluded = await write('findings', { schema: 'talos-preflight/findings/v1', ...head, results })
  await journal({
    kind: 'concluded',
    summary: report.summary,
    verdicts: Object.fromEntries(results.map((r) => [r.id, r.count])),
    findings: `${folder}/findings.json`,
    sha256: concluded,
  })
}
