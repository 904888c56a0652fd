import { type Json, type ObjectRef, plainLine } from '../contract.ts'
import type { Attempt } from './evaluate.ts'
import { hashOf, isBehind, type JournalFile, type Line, type ProcessRef } from './journal.ts'
import type { Stage } from './plan.ts'

/** What a later start wants to know of the journals: what was under way, what was done, and what failed. */

type Planned = Extract<Line, { kind: 'planned' }>
type Intent = Extract<Line, { kind: 'intent' }>
type Outcome = Extract<Line, { kind: 'outcome' }>
type Resolved = Extract<Line, { kind: 'resolved' }>

/** What was agreed to and did not come to its end. Its texts may be drawn. */
export interface Unfinished {
  run: string
  at: string
  command: string
  process: ProcessRef
  /** The action that was begun and has no outcome. */
  intent?: Intent
  /** The child that ran for this intent, if the journal got that far. */
  child?: ProcessRef
  /** The part whose change is done, and whose checks behind it were not all made. */
  unchecked?: Planned['parts'][number]
  /** Objects whose part was done, and those still to come. */
  done: string[]
  left: string[]
  steps: string[]
  stage: Stage['kind']
  /** Where the whole plan is kept, below the workspace, and its digest. */
  plan: string
  digest: string
}

/** Where it was, as a part of a sentence. */
export const whereItWas = ({ intent, unchecked }: Unfinished): string =>
  intent
    ? `it was at "${intent.title}" on ${intent.object.name}`
    : unchecked
      ? `${unchecked.object.name} was changed, and the checks behind it were not all made`
      : 'nothing was under way'

const partKey = (x: { step: string; object: ObjectRef }): string => `${x.step} ${x.object.kind}/${x.object.name}`

/** What one consent led to, and what the journals say behind it. */
interface Agreed {
  file: JournalFile
  planned: Planned
  lines: Line[]
  later: Line[]
  /** What later starts found out about the run. */
  resolved: Resolved[]
  /** Something else was begun behind it, or the run closed. */
  over: boolean
}

function agreedIn(file: JournalFile, ends: readonly Pick<JournalFile, 'name' | 'lines'>[]): Agreed[] {
  const consents = file.lines.filter((l) => l.kind === 'consented')
  if (consents.length === 0) return []
  const elsewhere = ends.filter((f) => f.name > file.name).flatMap((f) => f.lines)
  const resolved = ends.flatMap((f) => f.lines).filter((l): l is Resolved => l.kind === 'resolved' && l.run === file.name)
  return consents.flatMap((consent, i) => {
    const planned = file.lines.findLast((l) => l.kind === 'planned' && l.digest === consent.digest && l.seq < consent.seq)
    if (planned?.kind !== 'planned') return []
    const behind = file.lines.filter((l) => l.seq > consent.seq)
    const next = consents[i + 1]?.seq ?? Number.POSITIVE_INFINITY
    return {
      file,
      planned,
      lines: behind.filter((l) => l.seq < next),
      later: [...behind.filter((l) => l.seq >= next), ...elsewhere],
      resolved,
      over: i + 1 < consents.length || file.lines.at(-1)?.kind === 'closed',
    }
  })
}

const isOf = (line: { part: string; action: string }, part: string, action: string) => line.part === part && line.action === action

/** What became of an action of this run, as a later start found out, or `cannot tell` where a person goes on all the same; undefined while it is open. */
const resolvedTo = ({ resolved }: Agreed, part: string, action: string): Resolved['result'] | undefined =>
  resolved.findLast((l) => (l.result !== 'cannot tell' || l.by !== undefined) && isOf(l, part, action))?.result

const outcomeIn = (lines: readonly Line[], part: string, action: string, from = 0): Outcome | undefined =>
  lines.findLast((l): l is Outcome => l.kind === 'outcome' && l.seq > from && isOf(l, part, action))

const isBehindIn = (lines: readonly Line[], part: string, action: string): boolean =>
  isBehind(outcomeIn(lines, part, action)?.result ?? 'failed')

/** What was begun, has no outcome, and was neither looked at nor done anew by anybody since. */
const openIn = (agreed: Agreed): Intent | undefined =>
  agreed.lines.findLast(
    (l): l is Intent =>
      l.kind === 'intent' &&
      !outcomeIn(agreed.lines, l.part, l.action, l.seq) &&
      !outcomeIn(agreed.later, l.part, l.action) &&
      resolvedTo(agreed, l.part, l.action) === undefined,
  )

/** Whether the last change of a part is done, and what stands behind it was not seen to hold and did not fail: in its run, or for good in a later one. */
function isUnchecked(agreed: Agreed, { digest, actions, checks = [] }: Planned['parts'][number]): boolean {
  const { lines, later } = agreed
  const change = actions.at(-1 - checks.length) ?? ''
  if (checks.length === 0 || !(isBehindIn(lines, digest, change) || resolvedTo(agreed, digest, change) === 'done')) return false
  const last = checks.at(-1) ?? ''
  const held = isBehindIn(lines, digest, last) || isBehindIn(later, digest, last)
  const failed = (check: string) =>
    (outcomeIn(lines, digest, check) && !isBehindIn(lines, digest, check)) ||
    ['not done', 'cannot tell'].includes(resolvedTo(agreed, digest, check) ?? '')
  return !held && !checks.some(failed)
}

const drawn = <T extends { object: ObjectRef }>(of: T): T => ({ ...of, object: { ...of.object, name: plainLine(of.object.name, 100) } })

function openOf(agreed: Agreed): Unfinished | undefined {
  const { file, planned, lines, later, resolved, over } = agreed
  const opened = file.lines[0]
  if (opened?.kind !== 'opened') return undefined
  const intent = openIn(agreed)
  const unchecked = planned.parts.find((p) => isUnchecked(agreed, p))
  const parts = planned.parts.map(drawn)
  const isDone = (p: Planned['parts'][number]) => p.actions.every((a) => isBehindIn(lines, p.digest, a))
  const left = parts.filter((p) => !isDone(p))
  // whatever a later run did, it was after it had told of this one
  const wentOn = resolved.length > 0 || later.length > 0
  if (!intent && !unchecked && (over || wentOn || left.length === 0)) return undefined
  const child = intent && lines.findLast((l) => l.kind === 'child' && isOf(l, intent.part, intent.action))
  return {
    run: file.name,
    at: opened.at,
    command: plainLine(opened.command),
    process: opened.process,
    ...(intent ? { intent: { ...drawn(intent), title: plainLine(intent.title) } } : {}),
    ...(child?.kind === 'child' ? { child: child.process } : {}),
    ...(unchecked ? { unchecked: drawn(unchecked) } : {}),
    done: parts.filter(isDone).map((p) => p.object.name),
    left: left.map((p) => p.object.name),
    steps: planned.stage.steps.map((s) => plainLine(s)),
    stage: planned.stage.kind,
    plan: planned.path,
    digest: planned.digest,
  }
}

/**
 * What was agreed to and did not come to its end, newest first: an action without an outcome, whether the run closed or not; checks that
 * were not made behind a change; and a run that did not close. One that a later run resolved is left out; one that it could not tell about is not.
 */
export function unfinished(files: readonly JournalFile[]): Unfinished[] {
  const ends = files.map(({ name, lines }) => ({ name, lines: lines.filter((l) => ENDS.includes(l.kind)) }))
  return files
    .flatMap((file) => agreedIn(file, ends))
    .flatMap((agreed) => openOf(agreed) ?? [])
    .toReversed()
}

/** Lines that tell what became of an earlier run. */
const ENDS: Line['kind'][] = ['consented', 'outcome', 'resolved']

/** Whether the journals say that every action of a part was done, in whichever runs. */
export function isDoneIn(files: readonly JournalFile[], part: { digest: string; actions: readonly { id: string }[] }): boolean {
  const done = new Set(
    files
      .flatMap((f) => f.lines)
      .flatMap((l) =>
        ((l.kind === 'outcome' && isBehind(l.result)) || (l.kind === 'resolved' && l.result === 'done')) && l.part === part.digest
          ? [l.action]
          : [],
      ),
  )
  return part.actions.every((a) => done.has(a.id))
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
