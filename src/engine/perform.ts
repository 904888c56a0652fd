import type { Action, Condition, ExpectAction, Json, ObjectRef, RunAction, SealAction } from '../contract.ts'
import { Failure, Refusal } from './errors.ts'
import type { Entry } from './journal.ts'
import type { Plan, PlannedPart } from './plan.ts'
import type { CallResult, EnginePorts } from './ports.ts'

/**
 * Performs plans. The only place that changes anything: the intent is in the journal before, the outcome after, and between any two
 * lines it may be killed.
 */

type ActionStatus = 'waiting' | 'running' | 'done' | 'failed' | 'stopped'

export interface Progress {
  part: string
  action: string
  status: ActionStatus
  /** What it waits for, or why it failed. */
  note?: string
  /** ISO 8601; when this status began. */
  at: string
}

export interface PerformResult {
  /** Parts that are done to their last action. */
  done: PlannedPart[]
  failed?: { part: PlannedPart; action: Action; reason: string; remedy?: string }
  /** Parts that nothing was begun of. */
  left: PlannedPart[]
  stopped: boolean
}

export interface Control {
  /** Asked to stop: the object at hand is finished first. */
  stopping: () => boolean
  /** Asked a second time: waiting ends at once; a change under way is still waited for. */
  signal: AbortSignal
}

/** Milliseconds between two looks at a condition; grows to the second figure. */
const POLL = { first: 500, most: 5000 }

/** `from` goes on inside a part, at the action with that index. */
export async function perform(
  plan: Plan,
  ports: EnginePorts,
  journal: (entry: Entry) => Promise<void>,
  onProgress: (p: Progress) => void,
  control: Control,
  from?: { part: string; action: number },
): Promise<PerformResult> {
  const result: PerformResult = { done: [], left: [...plan.parts], stopped: false }
  for (const part of plan.parts) {
    if (control.stopping()) return { ...result, stopped: true }
    result.left = result.left.filter((p) => p !== part)
    for (const action of part.actions.slice(from?.part === part.digest ? from.action : 0)) {
      const tell = (status: ActionStatus, note?: string) =>
        onProgress({ part: part.digest, action: action.id, status, at: ports.clock.now().toISOString(), ...(note ? { note } : {}) })
      const where = { stage: plan.stage.kind, step: part.step, object: part.object, part: part.digest, action: action.id }
      const record = recordOf(action)
      await journal({
        kind: 'intent',
        ...where,
        title: action.title,
        repeatable: action.kind !== 'run' || action.done !== undefined,
        ...(action.kind === 'run' && action.done ? { done: action.done } : {}),
        ...(record !== undefined ? { record } : {}),
      })
      tell('running')
      const outcome = await perform1(part, action, ports, journal, (note) => tell('running', note), control)
      await journal({
        kind: 'outcome',
        ...where,
        result: outcome.result,
        ...(outcome.reason ? { reason: outcome.reason } : {}),
        ...(outcome.outputs ? { outputs: outcome.outputs } : {}),
        ...(outcome.result === 'done' && record !== undefined ? { record } : {}),
      })
      tell(outcome.result, outcome.reason)
      if (outcome.result === 'stopped') return { ...result, stopped: true }
      if (outcome.result === 'failed')
        return {
          ...result,
          failed: { part, action, reason: outcome.reason ?? 'failed', ...(outcome.remedy ? { remedy: outcome.remedy } : {}) },
        }
    }
    result.done.push(part)
  }
  return result
}

/** What taking an action back needs to know. */
function recordOf(action: Action): Json | undefined {
  return action.kind === 'run' && 'record' in action.undo ? action.undo.record : undefined
}

interface Outcome {
  result: 'done' | 'failed' | 'stopped'
  reason?: string
  remedy?: string
  outputs?: Record<string, Json>
}

const failedBy = (result: Extract<CallResult, { ok: false }>): Outcome => ({
  result: 'failed',
  reason: result.reason,
  ...(result.remedy ? { remedy: result.remedy } : {}),
})

async function perform1(
  part: PlannedPart,
  action: Action,
  ports: EnginePorts,
  journal: (entry: Entry) => Promise<void>,
  note: (text: string) => void,
  control: Control,
): Promise<Outcome> {
  try {
    return await performKind(part, action, ports, journal, note, control)
  } catch (error) {
    if (error instanceof Refusal || error instanceof Failure)
      return { result: 'failed', reason: error.message, ...(error.hint ? { remedy: error.hint } : {}) }
    throw error
  }
}

async function performKind(
  part: PlannedPart,
  action: Action,
  ports: EnginePorts,
  journal: (entry: Entry) => Promise<void>,
  note: (text: string) => void,
  control: Control,
): Promise<Outcome> {
  switch (action.kind) {
    case 'run':
      return runChange(part, action, ports, journal)
    case 'seal':
      return seal(action, ports)
    case 'expect':
      return expect(action, part.object, ports, note, control)
    case 'write': {
      if (!ports.workspace) return { result: 'failed', reason: 'there is no workspace to write into' }
      const sha256 = await ports.workspace.write(action.path, action.content)
      return { result: 'done', outputs: { path: action.path, sha256 } }
    }
  }
}

async function runChange(
  part: PlannedPart,
  action: RunAction,
  ports: EnginePorts,
  journal: (entry: Entry) => Promise<void>,
): Promise<Outcome> {
  const result = await ports.call(action.call, {
    onChild: (process) => journal({ kind: 'child', part: part.digest, action: action.id, process, what: action.title }),
  })
  if (result.ok) return { result: 'done', ...(result.summary ? { reason: result.summary } : {}) }
  // A call can fail after it had its effect; what the object says decides.
  const now = action.done ? await met(action.done, part.object, ports) : undefined
  if (now === true) return { result: 'done', reason: `${action.done?.sentence}, though the call ended with: ${result.reason}` }
  return failedBy(result)
}

async function seal(action: SealAction, ports: EnginePorts): Promise<Outcome> {
  const source = await ports.call(action.source)
  if (!source.ok) return failedBy(source)
  if (source.output.length === 0) return { result: 'failed', reason: 'there was nothing to seal: the answer was empty' }
  const time = ports.clock.now().toISOString().replace(/[:.]/g, '-').slice(0, 19)
  const sealed = await ports.seal(source.output, { path: action.path.replace('{time}', time), opens: action.opens })
  source.output.fill(0)
  return {
    result: 'done',
    reason: `${sealed.path}, ${sealed.recipients.length} ${sealed.recipients.length === 1 ? 'recipient' : 'recipients'}`,
    outputs: { ...sealed },
  }
}

/** Waits until a condition holds. Its first look is at once; a look that fails is taken again until the deadline. */
async function expect(
  action: ExpectAction,
  object: ObjectRef,
  ports: EnginePorts,
  note: (text: string) => void,
  control: Control,
): Promise<Outcome> {
  const end = ports.clock.now().getTime() + action.deadlineSeconds * 1000
  let wait = POLL.first
  for (;;) {
    const now = await met(action.condition, object, ports, control.signal)
    if (now === true) return { result: 'done' }
    if (control.signal.aborted) return { result: 'stopped', reason: `stopped while waiting: ${now}` }
    const left = end - ports.clock.now().getTime()
    if (left <= 0) {
      const explained = action.explain ? await ports.call(action.explain) : undefined
      const why = explained?.ok && explained.summary ? `; the node says: ${explained.summary}` : ''
      return { result: 'failed', reason: `after ${action.deadlineSeconds} s: ${now}${why}` }
    }
    // the last look is at the deadline, not somewhere before it
    const pause = Math.min(wait, left)
    note(`${now}, again in ${Math.ceil(pause / 1000)} s`)
    await ports.clock.sleep(pause, control.signal)
    wait = Math.min(wait * 2, POLL.most)
  }
}

/** Whether a condition holds now, or why not. */
async function met(condition: Condition, object: ObjectRef, ports: EnginePorts, signal?: AbortSignal): Promise<true | string> {
  const { look } = await ports.observeOne(condition.observation, object, signal)
  return look.ok ? ports.holds(condition.observation, condition.predicate, look.value, condition.args) : look.reason
}
