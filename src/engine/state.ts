import type { Block } from '../contract.ts'
import type { Observed, RawAnswers, StepResult, Summary } from './evaluate.ts'
import type { Unfinished } from './history.ts'
import type { PerformResult, Progress } from './perform.ts'
import type { Plan } from './plan.ts'
import type { LookProgress } from './ports.ts'

/** The state of a session: everything that a front end draws. */

export interface Report {
  startedAt: string
  finishedAt: string
  results: StepResult[]
  summary: Summary
  observed: Observed
  /** Which cluster answered; absent where none did. */
  identity?: Record<string, string>
}

export interface PartReview {
  part: string
  /** What the object says to the same change, tried without effect; absent where there is nothing to try. */
  dryRun?: { ok: boolean; text: string }
  preview: Block[]
}

type Activity =
  | { kind: 'idle' }
  | ({ kind: 'looking'; since: string } & LookProgress)
  | { kind: 'reviewing'; since: string; done: number; total: number }
  | { kind: 'performing'; since: string; stopping: boolean }

export interface RunState {
  plan: Plan
  /** The last word of each action, by part and action. */
  progress: Record<string, Progress>
  log: { at: string; text: string }[]
  result?: PerformResult
}

export interface SessionState {
  activity: Activity
  report?: Report
  run?: RunState
  unfinished: Unfinished[]
  /** Hash of the last line of this run's journal. */
  journalHead: string | null
  answers: RawAnswers
}

export const progressKey = (part: string, action: string): string => `${part} ${action}`

export const progressOf = (run: RunState, part: string, action: string): Progress | undefined => run.progress[progressKey(part, action)]
