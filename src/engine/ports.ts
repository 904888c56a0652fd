import type { Block, Call, Json, Look, ObjectRef, Opens, SealAction, Sighting, Source } from '../contract.ts'
import type { Observed } from './evaluate.ts'
import type { ProcessRef } from './journal.ts'

/**
 * What the engine needs of the world. It decides when something happens; these decide how.
 */

export interface CallHooks {
  signal?: AbortSignal
  /** Called once the process runs, before its answer. */
  onChild?: (child: ProcessRef) => Promise<void>
}

/** What a call came to. `summary` and `reason` are safe to show; `output` may be secret and stays in memory. */
export type CallResult = { ok: true; summary: string; output: Buffer } | { ok: false; reason: string; remedy?: string; output: Buffer }

export interface LookProgress {
  done: number
  total: number
  now: string
}

/** A failed call; both texts are safe to show. */
interface CallFailed {
  ok: false
  reason: string
  remedy?: string
}

/** A sealed file: everything about it is public. */
interface Sealed {
  path: string
  sha256: string
  bytes: number
  recipients: string[]
}

/** A secret in memory. What it is, only the port knows that made it. */
export interface Held {
  bytes: number
  /** Where it lies, where that is worth a word. */
  place: string
  release: () => Promise<void>
}

interface StreamHooks extends Pick<CallHooks, 'signal'> {
  /** How far it is, in bytes; `total` where it is known. */
  onBytes?: (done: number, total?: number) => void
}

export type Identified = { identity: Record<string, string> } | { reason: string; remedy?: string; partial?: Record<string, string> }

export interface EnginePorts {
  clock: { now: () => Date; sleep: (ms: number, signal?: AbortSignal) => Promise<void> }
  /** Takes each observation once, side by side with a bound. */
  observe: (
    names: readonly string[],
    options: { fresh?: boolean; onProgress?: (p: LookProgress) => void; signal?: AbortSignal },
  ) => Promise<Observed>
  /** Takes one observation of one object again, now. */
  observeOne: (name: string, object: ObjectRef, signal?: AbortSignal) => Promise<Sighting<unknown>>
  holds: (observation: string, predicate: string, value: unknown, args: Json) => true | string
  call: (call: Call, hooks?: CallHooks) => Promise<CallResult>
  /** The command a person would type for a call. */
  commandLine: (call: Call) => string
  /** What a change comes to, with secrets masked, without making it. */
  preview: (call: Call) => Promise<Block[]>
  /** Takes a secret into memory. */
  hold: (source: Source, hooks: StreamHooks) => Promise<{ ok: true; held: Held } | CallFailed>
  /** Seals what is held. The file gets its name when all of it is valid; its manifest lies beside it by then. */
  seal: (held: Held, to: { path: string; opens: Opens; manifest?: SealAction['manifest'] }, hooks: StreamHooks) => Promise<Sealed>
  /** Looks at what is held, or at a sealed file below the workspace. `of` is the SHA-256 of the bytes that were looked at. */
  prove: (
    observation: string,
    of: Held | { path: string },
    hooks: StreamHooks & { terminal: boolean },
  ) => Promise<{ look: Look<unknown>; of: string }>
  /** The public values of an observation that later actions may use. */
  outputs: (observation: string, value: unknown) => Record<string, string | number>
  /** Why nothing can be sealed for this, and what would let it; undefined where it can. */
  cannotSeal: (opens: Opens) => { reason: string; remedy: string } | undefined
  /** `partial` is what can be told of it without asking it. */
  identify: () => Promise<Identified>
  processes: { self: () => ProcessRef; alive: (ref: ProcessRef) => boolean }
  /** The operator's workspace; absent where there is none, and then nothing is written. */
  workspace?: WorkspacePort
}

export interface WorkspacePort {
  path: string
  /** Appends one line to a journal and returns when it is on disk. */
  append: (journal: string, line: string) => Promise<void>
  journals: () => Promise<{ name: string; text: string }[]>
  /** Writes below the workspace: only what is not secret. Returns the SHA-256. */
  write: (path: string, content: string) => Promise<string>
  read: (path: string) => Promise<string | undefined>
  has: (path: string) => Promise<boolean>
}
