import { createHash } from 'node:crypto'
import { type Call, type Condition, isMap, type Json, type ObjectRef, type Recipient } from '../contract.ts'
import type { Summary } from './evaluate.ts'
import { isLine } from './journal-shape.ts'
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

export type RecipientChange = 'added' | 'removed'

export type Entry =
  | { kind: 'opened'; tool: string; mode: string; operator: string; command: string; process: ProcessRef; heads: Record<string, string> }
  | { kind: 'identified'; identity: Record<string, string>; was: Record<string, string> | null }
  | { kind: 'observed'; evidence: string; sha256: string; looks: number; failed: number }
  /** `findings` is where they are kept, and `sha256` that of the file; older journals have neither. */
  | { kind: 'concluded'; summary: Summary; verdicts: Record<string, string>; findings?: string; sha256?: string }
  | {
      kind: 'planned'
      stage: Stage
      digest: string
      /** Where it is kept, and the SHA-256 of that file; older journals do not have it. */
      path: string
      sha256?: string
      /** `checks`: the actions behind the last change, where they only look. */
      parts: { step: string; object: ObjectRef; digest: string; actions: string[]; checks?: string[] }[]
      blocked: number
    }
  | { kind: 'consented'; digest: string; by: string; how: string }
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
      /** Who looked by hand and goes on, where nothing can tell. */
      by?: string
      record?: Json
    }
  | { kind: 'answered'; step: string; question: string; text: string; by: string }
  | { kind: 'said'; word: 'attested' | 'waived'; step: string; object?: string; by: string; why: string; until: string }
  /** Who can open what is sealed from then on. */
  | ({ kind: 'recipient'; change: RecipientChange; by: string } & Recipient)
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
  /** Hash of each line. */
  hashes: string[]
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

/** Reads one journal and checks its chain. */
export function readJournal(name: string, text: string): JournalFile {
  const file: JournalFile = { name, lines: [], hashes: [], head: null, torn: false, problems: [] }
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
    file.hashes.push(file.head)
  }
  return file
}

/** Checks all journals of a workspace together: each chain, and that every head that was once seen is still in its file. */
export function verifyJournals(files: readonly JournalFile[]): {
  files: number
  lines: number
  torn: string[]
  problems: string[]
  heads: Record<string, string>
} {
  const problems = files.flatMap((f) => f.problems.map((p) => `${f.name}: ${p}`))
  const hashes = new Map(files.map((f) => [f.name, new Set(f.hashes)]))
  for (const file of files) {
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
    files: files.length,
    lines: files.reduce((n, f) => n + f.lines.length, 0),
    torn: files.filter((f) => f.torn).map((f) => f.name),
    problems,
    heads: headsOf(files),
  }
}

/** A file of the workspace, the digest that it was written with, and the journal that says so. */
export interface Written {
  path: string
  sha256: string
  journal: string
}

/** What was seen, concluded, agreed to, proved and sealed, each with the last digest that a journal has of it. */
export function writtenIn(files: readonly JournalFile[]): Written[] {
  const written = new Map<string, Written>()
  const lines = files.flatMap((f) => f.lines.map((line) => ({ line, journal: f.name })))
  for (const { line, journal } of lines.toSorted((a, b) => (a.line.at < b.line.at ? -1 : 1))) {
    // a file that was written for somebody to take and change has no recipients
    const { path, sha256, recipients, proof, proofSha256 } = line.kind === 'outcome' && isMap(line.outputs) ? line.outputs : {}
    const named = [
      ...(line.kind === 'observed' ? [[`${line.evidence}/observations.json`, line.sha256]] : []),
      ...(line.kind === 'concluded' ? [[line.findings, line.sha256]] : []),
      ...(line.kind === 'planned' ? [[line.path, line.sha256]] : []),
      [proof, proofSha256],
      ...(recipients ? [[path, sha256]] : []),
    ]
    for (const [at, digest] of named)
      if (typeof at === 'string' && typeof digest === 'string') written.set(at, { path: at, sha256: digest, journal })
  }
  return [...written.values()]
}

/** Heads that no other journal names yet. */
export function headsOf(files: readonly JournalFile[]): Record<string, string> {
  const named = new Set(files.flatMap((f) => (f.lines[0]?.kind === 'opened' ? Object.keys(f.lines[0].heads) : [])))
  return Object.fromEntries(files.filter((f) => f.head !== null && !named.has(f.name)).map((f) => [f.name, f.head as string]))
}
