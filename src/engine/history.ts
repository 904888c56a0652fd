import { type Json, type ObjectRef, plainLine } from '../contract.ts'
import type { Attempt } from './evaluate.ts'
import { hashOf, isBehind, type JournalFile, type Line, type ProcessRef } from './journal.ts'
import type { Stage } from './plan.ts'

/** What a later start wants to know of the journals: what was under way, what was done, and what failed. */

/** A run that ended without saying so. */
export interface Unfinished {
  run: string
  at: string
  command: string
  process: ProcessRef
  /** Consented parts with the actions that have no outcome yet. */
  intent?: Extract<Line, { kind: 'intent' }>
  /** The child that ran for this intent, if the journal got that far. */
  child?: ProcessRef
  /** Objects whose part was done, and those still to come. */
  done: string[]
  left: string[]
  steps: string[]
  stage: Stage['kind']
  /** Where the whole plan is kept, below the workspace. */
  plan: string
}

const partKey = (x: { step: string; object: ObjectRef }): string => `${x.step} ${x.object.kind}/${x.object.name}`

/** Runs that changed something, or were about to, and did not close; newest first. One that a later run resolved is left out; one that it could not tell about is not. */
export function unfinished(files: readonly JournalFile[]): Unfinished[] {
  const resolved = new Set(
    files
      .flatMap((f) => f.lines)
      .flatMap((l) => (l.kind === 'resolved' && l.result !== 'cannot tell' ? [`${l.run} ${l.part} ${l.action}`] : [])),
  )
  const found: Unfinished[] = []
  for (const file of files) {
    const opened = file.lines[0]
    if (opened?.kind !== 'opened' || file.lines.at(-1)?.kind === 'closed') continue
    const consent = file.lines.findLast((l) => l.kind === 'consented')
    const planned = file.lines.findLast((l) => l.kind === 'planned' && consent && l.digest === consent.digest)
    if (planned?.kind !== 'planned') continue
    const after = file.lines.filter((l) => consent && l.seq > consent.seq)
    const outcomes = after.filter((l) => l.kind === 'outcome')
    const intent = after.findLast((l) => l.kind === 'intent')
    const open =
      intent && !outcomes.some((o) => o.part === intent.part && o.action === intent.action && o.seq > intent.seq) ? intent : undefined
    const isDone = (p: (typeof planned.parts)[number]) =>
      p.actions.every((a) => outcomes.some((o) => o.part === p.digest && o.action === a && isBehind(o.result)))
    const left = planned.parts.filter((p) => !isDone(p))
    if (left.length === 0) continue
    const child = open && after.findLast((l) => l.kind === 'child' && l.part === open.part && l.action === open.action)
    if (open && resolved.has(`${file.name} ${open.part} ${open.action}`)) continue
    if (!open && files.some((f) => f.name > file.name && f.lines.some((l) => l.kind === 'consented' || l.kind === 'resolved'))) continue
    found.push({
      run: file.name,
      at: opened.at,
      command: opened.command,
      process: opened.process,
      ...(open ? { intent: open } : {}),
      ...(child?.kind === 'child' ? { child: child.process } : {}),
      done: planned.parts.filter(isDone).map((p) => p.object.name),
      left: left.map((p) => p.object.name),
      steps: planned.stage.steps,
      stage: planned.stage.kind,
      plan: planned.path,
    })
  }
  return found.toReversed()
}

/** What became of the actions of a step, oldest first, whatever journals it stands in. */
function endingsOf(files: readonly JournalFile[], step: string) {
  const all = files.flatMap((f) =>
    f.lines.flatMap((line) =>
      (line.kind === 'outcome' || line.kind === 'resolved') && line.step === step ? [{ journal: f.name, line }] : [],
    ),
  )
  return all.toSorted(({ line: a }, { line: b }) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
}

/** Changes that the journals say were made for a step and not taken back since, oldest first, one an object. */
export function appliedFor(files: readonly JournalFile[], step: string): { object: ObjectRef; record: Json }[] {
  const made = new Map<string, { object: ObjectRef; record: Json }[]>()
  for (const { line } of endingsOf(files, step)) {
    if (line.result !== 'done' || line.record === undefined) continue
    const key = partKey(line)
    if (line.stage === 'undo') made.delete(key)
    else made.set(key, [...(made.get(key) ?? []), { object: line.object, record: line.record }])
  }
  return [...made.values()].flat()
}

/** Attempts to mend a step that failed and that no later one made good, one an object. */
export function failedFor(files: readonly JournalFile[], step: string): Attempt[] {
  const failed = new Map<string, Attempt & { action: string }>()
  for (const { journal, line } of endingsOf(files, step)) {
    if (line.stage !== 'mend') continue
    const key = partKey(line)
    if (line.result === 'done' || line.result === 'unproved') {
      if (failed.get(key)?.action === line.action) failed.delete(key)
    } else if (line.result !== 'stopped' && typeof line.reason === 'string') {
      const [said, when] = [plainLine(line.reason, 600), plainLine(line.at.slice(0, 16)).replace('T', ' ')]
      failed.set(key, {
        object: line.object,
        sentence: `the last attempt to mend it (${when} UTC) ${line.kind === 'outcome' ? 'failed' : 'was interrupted'}: ${said}`,
        line: { journal, seq: line.seq, at: line.at, sha256: hashOf(JSON.stringify(line)) },
        action: line.action,
      })
    }
  }
  return [...failed.values()].map(({ action: _, ...attempt }) => attempt)
}
