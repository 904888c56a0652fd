import { createHash } from 'node:crypto'
import { type Call, type Condition, type Json, type ObjectRef, plainLine } from '../contract.ts'
import type { Summary } from './evaluate.ts'
import type { Stage } from './plan.ts'

/**
 * The journal: what was asked, planned, run and concluded, append-only, one file a run. Every line holds the hash of the line
 * before it; the first one names the heads of the journals that were there, so that two branches of a git repository merge.
 * No line ever holds a secret.
 */

/** A process, told apart from a later one of the same number by when it started. */
export interface ProcessRef {
  pid: number
  /** Clock ticks since boot, or whatever the system gives; empty where it does not say. */
  started: string
}

/** `unproved`: a proof that nobody insists on could not be had. Nothing failed, and it is not called done. */
export type Result = 'done' | 'unproved' | 'failed' | 'stopped'

/** The action is over, and what stands behind it can begin. */
export const isBehind = (result: Result): boolean => result === 'done' || result === 'unproved'

export type Entry =
  | { kind: 'opened'; tool: string; mode: string; operator: string; command: string; process: ProcessRef; heads: Record<string, string> }
  | { kind: 'identified'; identity: Record<string, string>; was: Record<string, string> | null }
  | { kind: 'observed'; evidence: string; sha256: string; looks: number; failed: number }
  | { kind: 'concluded'; summary: Summary; verdicts: Record<string, string> }
  | {
      kind: 'planned'
      stage: Stage
      digest: string
      path: string
      parts: { step: string; object: ObjectRef; digest: string; actions: string[] }[]
      blocked: number
    }
  | { kind: 'consented'; digest: string; by: string; how: string }
  | { kind: 'refused'; digest: string; by: string }
  | {
      kind: 'intent'
      stage: Stage['kind']
      step: string
      object: ObjectRef
      part: string
      action: string
      title: string
      repeatable: boolean
      done?: Condition
      record?: Json
      /** The file that is there when it is done. */
      path?: string
      /** Of a tentative change: until when it may be taking itself back. ISO 8601. */
      until?: string
      /** Of a tentative change: tells that it is there, kept or not; and what takes it back. */
      tried?: Condition
      back?: Call
    }
  /** A tentative change is in effect, and is not kept yet. */
  | { kind: 'tried'; part: string; action: string; until: string }
  | { kind: 'child'; part: string; action: string; process: ProcessRef; what: string }
  | {
      kind: 'outcome'
      stage: Stage['kind']
      step: string
      object: ObjectRef
      part: string
      action: string
      result: Result
      reason?: string
      outputs?: Record<string, Json>
      record?: Json
    }
  | {
      kind: 'resolved'
      run: string
      part: string
      action: string
      step: string
      object: ObjectRef
      stage: Stage['kind']
      result: 'done' | 'not done' | 'cannot tell'
      reason: string
      record?: Json
    }
  | { kind: 'said'; word: 'attested' | 'waived'; step: string; object?: string; by: string; why: string; until: string }
  | { kind: 'wrote'; path: string; sha256: string; why: string }
  | { kind: 'closed'; exitCode: number }

export type Line = { seq: number; at: string; prev: string | null } & Entry

export const hashOf = (line: string): string => createHash('sha256').update(line).digest('hex')

/** The text of one line, without the line break. */
export function lineOf(entry: Entry, place: { seq: number; at: Date; prev: string | null }): string {
  return JSON.stringify({ seq: place.seq, at: place.at.toISOString(), prev: place.prev, ...entry })
}

export interface JournalFile {
  name: string
  lines: Line[]
  /** Hash of the last whole line. */
  head: string | null
  /** A last line that was cut in the middle of writing was left out. */
  torn: boolean
  problems: string[]
}

function lineIn(text: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isLine(value) ? value : undefined
  } catch {
    return undefined
  }
}

export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const hasObject = (value: unknown): value is Record<string, unknown> => isMap(value) && isMap(value.object)

/** Whether a line has what later starts read of it; somebody may have changed it by hand. */
function isLine(value: unknown): value is Line {
  if (!isMap(value) || typeof value.kind !== 'string' || typeof value.at !== 'string') return false
  switch (value.kind) {
    case 'opened':
      return isMap(value.heads) && isMap(value.process)
    case 'planned':
      return (
        isMap(value.stage) &&
        Array.isArray(value.stage.steps) &&
        Array.isArray(value.parts) &&
        value.parts.every((p) => hasObject(p) && Array.isArray(p.actions))
      )
    case 'intent':
    case 'outcome':
    case 'resolved':
      return hasObject(value)
    default:
      return true
  }
}

/** Reads one journal and checks its chain. */
export function readJournal(name: string, text: string): JournalFile {
  const file: JournalFile = { name, lines: [], head: null, torn: false, problems: [] }
  const raw = text.split('\n')
  const last = raw.pop() ?? ''
  if (last !== '') {
    file.torn = true
  }
  for (const [index, line] of raw.entries()) {
    const parsed = lineIn(line)
    if (!parsed) {
      file.problems.push(`line ${index + 1} is no line of a journal`)
      break
    }
    if (parsed.seq !== index + 1) file.problems.push(`line ${index + 1} has number ${parsed.seq}`)
    if (parsed.prev !== file.head) file.problems.push(`line ${index + 1} does not follow from line ${index}: the chain is broken`)
    file.lines.push(parsed)
    file.head = hashOf(line)
  }
  return file
}

/** Checks all journals of a workspace together: each chain, and that every head that was once seen is still in its file. */
export function verifyJournals(files: readonly { name: string; text: string }[]): {
  files: number
  lines: number
  torn: string[]
  problems: string[]
  heads: Record<string, string>
} {
  const read = files.map((f) => ({ text: f.text, ...readJournal(f.name, f.text) }))
  const problems = read.flatMap((f) => f.problems.map((p) => `${f.name}: ${p}`))
  const hashes = new Map(read.map((f) => [f.name, new Set(f.text.split('\n').slice(0, f.lines.length).map(hashOf))]))
  for (const file of read) {
    const first = file.lines[0]
    if (!first) continue
    if (first.kind !== 'opened') {
      problems.push(`${file.name}: does not begin with an opening line`)
      continue
    }
    for (const [name, head] of Object.entries(first.heads)) {
      if (!hashes.has(name)) problems.push(`${name}: is missing, ${file.name} saw it`)
      else if (!hashes.get(name)?.has(head)) problems.push(`${name}: was changed or cut after ${file.name} saw it`)
    }
  }
  return {
    files: read.length,
    lines: read.reduce((n, f) => n + f.lines.length, 0),
    torn: read.filter((f) => f.torn).map((f) => f.name),
    problems,
    heads: headsOf(read),
  }
}

/** Heads that no other journal names yet. */
export function headsOf(files: readonly JournalFile[]): Record<string, string> {
  const named = new Set(files.flatMap((f) => (f.lines[0]?.kind === 'opened' ? Object.keys(f.lines[0].heads) : [])))
  return Object.fromEntries(files.filter((f) => f.head !== null && !named.has(f.name)).map((f) => [f.name, f.head as string]))
}

/* ---- what a later start wants to know -------------------------------------------------------------------- */

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

/** Changes that the journals say were made for a step and not taken back since, oldest first, one an object. */
export function appliedFor(files: readonly JournalFile[], step: string): { object: ObjectRef; record: Json }[] {
  const made = new Map<string, { object: ObjectRef; record: Json }[]>()
  const lines = files.flatMap((f) => f.lines).toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
  for (const line of lines) {
    if ((line.kind !== 'outcome' && line.kind !== 'resolved') || line.step !== step || line.result !== 'done' || line.record === undefined)
      continue
    const key = partKey(line)
    if (line.stage === 'undo') made.delete(key)
    else made.set(key, [...(made.get(key) ?? []), { object: line.object, record: line.record }])
  }
  return [...made.values()].flat()
}

/** What became of the last attempt to mend an object, where that is not what was wanted. */
export interface Attempt {
  object: ObjectRef
  /** A sentence without a final period, safe to draw. */
  sentence: string
  /** The line that says so: its journal and number, when it was written, and its hash, which the line behind it names. */
  line: { journal: string; seq: number; at: string; sha256: string }
}

/** Attempts to mend a step that failed and that no later one made good, one an object. */
export function failedFor(files: readonly JournalFile[], step: string): Attempt[] {
  const failed = new Map<string, Attempt & { action: string }>()
  const lines = files.flatMap((f) => f.lines.map((line) => ({ journal: f.name, line })))
  for (const { journal, line } of lines.toSorted((a, b) => (a.line.at < b.line.at ? -1 : a.line.at > b.line.at ? 1 : 0))) {
    if ((line.kind !== 'outcome' && line.kind !== 'resolved') || line.step !== step || line.stage !== 'mend') continue
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
