import type { Block, Call, Json, ObjectRef, Opens, Sighting } from '../contract.ts'
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

/** A sealed file: everything about it is public. */
interface Sealed {
  path: string
  sha256: string
  bytes: number
  recipients: string[]
}

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
  seal: (plaintext: Buffer, to: { path: string; opens: Opens }) => Promise<Sealed>
  /** Why nothing can be sealed for this, or undefined where it can. */
  cannotSeal: (opens: Opens) => string | undefined
  identify: () => Promise<{ identity: Record<string, string> } | { reason: string; remedy?: string }>
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
}
