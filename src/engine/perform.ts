import { type Action, type Call, type ExpectAction, isChange, type Json, type RunAction } from '../contract.ts'
import { Failure, Refusal } from './errors.ts'
import { type Entry, isBehind, type Result } from './journal.ts'
import type { Plan, PlannedPart } from './plan.ts'
import type { EnginePorts } from './ports.ts'
import {
  type Doing,
  failedBy,
  type Holdings,
  hold,
  noHoldings,
  type Outcome,
  prove,
  releaseAll,
  seal,
  sealedPath,
  untold,
} from './secrets.ts'
import { tryChange, untilOf } from './tentative.ts'
import { explained, seen, waitUntilSteady } from './waiting.ts'

/**
 * Performs plans. The only place that changes anything: the intent is in the journal before, the outcome after, and between any two
 * lines it may be killed.
 */

type ActionStatus = 'running' | Result

export interface Progress {
  part: string
  action: string
  status: ActionStatus
  /** What it waits for, or why it failed. */
  note?: string
  /** Of a tentative change that is in effect: when it may last be taking itself back. ISO 8601. */
  until?: string
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
  /** What proves something says in which world it was. */
  mode: string
  /** Asked to stop: the object at hand is finished first. */
  stopping: () => boolean
  /** Asked a second time: waiting ends at once; a change under way is still waited for. */
  signal: AbortSignal
  /** A person sits at a terminal that can be handed to a tool. */
  terminal: boolean
}

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
  const means: Means = { ports, journal, onProgress, control }
  for (const part of plan.parts) {
    if (control.stopping()) return { ...result, stopped: true }
    result.left = result.left.filter((p) => p !== part)
    const holdings = noHoldings()
    try {
      for (const action of part.actions.slice(from?.part === part.digest ? from.action : 0)) {
        const outcome = await performAction(plan, part, action, holdings, means)
        if (!isBehind(outcome.result)) await clearAway(plan, part, action, holdings, means)
        if (outcome.result === 'stopped') return { ...result, stopped: true }
        if (outcome.result === 'failed')
          return {
            ...result,
            failed: { part, action, reason: outcome.reason ?? 'failed', ...(outcome.remedy ? { remedy: outcome.remedy } : {}) },
          }
        // where nothing is changed there is nothing to be brought to an end first
        if (control.stopping() && action !== part.actions.at(-1) && !part.actions.some(isChange)) return { ...result, stopped: true }
      }
    } finally {
      await releaseAll(holdings)
    }
    result.done.push(part)
  }
  return result
}

interface Means {
  ports: EnginePorts
  journal: (entry: Entry) => Promise<void>
  onProgress: (p: Progress) => void
  control: Control
}

/** What the part would have taken away at its end, where it ends before; what becomes of that is in the journal. */
async function clearAway(plan: Plan, part: PlannedPart, ended: Action, holdings: Holdings, means: Means): Promise<void> {
  for (const action of part.actions.slice(part.actions.indexOf(ended) + 1))
    if (action.kind === 'run' && action.always) await performAction(plan, part, action, holdings, means)
}

/** One action with its intent before and its outcome after. */
async function performAction(plan: Plan, part: PlannedPart, action: Action, holdings: Holdings, means: Means): Promise<Outcome> {
  const { ports, journal, control } = means
  let until: string | undefined
  const tell = (status: ActionStatus, note?: string) =>
    means.onProgress({
      part: part.digest,
      action: action.id,
      status,
      at: ports.clock.now().toISOString(),
      ...(note ? { note } : {}),
      ...(until && status === 'running' ? { until } : {}),
    })
  const where = { stage: plan.stage.kind, step: part.step, object: part.object, part: part.digest, action: action.id }
  const record = recordOf(action)
  const path = action.kind === 'seal' ? await sealedPath(action, holdings, ports) : ''
  await journal({
    kind: 'intent',
    ...where,
    title: action.title,
    repeatable: action.kind !== 'run' || action.done !== undefined,
    ...(action.kind === 'run' && action.done ? { done: action.done } : {}),
    ...(action.kind === 'try'
      ? { done: action.kept, until: untilOf(action, ports.clock.now()).toISOString(), tried: action.tried, back: action.back }
      : {}),
    ...(record !== undefined ? { record } : {}),
    ...(path ? { path } : {}),
  })
  tell('running')
  let unwritten: unknown
  // what was begun is brought to its end before it is said that the journal cannot be written
  const meanwhile = (entry: Entry) =>
    journal(entry).catch((error) => {
      unwritten ??= error
    })
  const doing: Doing = {
    ports,
    object: part.object,
    holdings,
    note: (text, given) => {
      until = given ?? until
      tell('running', text)
    },
    onChild: (process) => meanwhile({ kind: 'child', part: part.digest, action: action.id, process, what: action.title }),
    signal: control.signal,
    terminal: control.terminal,
    mode: control.mode,
  }
  const outcome = await caught(() =>
    action.kind === 'try'
      ? tryChange(action, { ...doing, journal: meanwhile, part: part.digest, stopping: control.stopping })
      : performKind(action, path, doing),
  )
  if (unwritten !== undefined) throw unwritten
  if (!outcome.untold)
    await journal({
      kind: 'outcome',
      ...where,
      result: outcome.result,
      ...(outcome.reason ? { reason: outcome.reason } : {}),
      ...(outcome.outputs ? { outputs: outcome.outputs } : {}),
      ...(outcome.result === 'done' && record !== undefined ? { record } : {}),
    })
  tell(outcome.result, outcome.reason)
  return outcome
}

/** What taking an action back needs to know. */
function recordOf(action: Action): Json | undefined {
  return isChange(action) && 'record' in action.undo ? action.undo.record : undefined
}

async function caught(work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Refusal || error instanceof Failure)
      return { result: 'failed', reason: error.message, ...(error.hint ? { remedy: error.hint } : {}) }
    throw error
  }
}

async function performKind(action: Exclude<Action, { kind: 'try' }>, path: string, doing: Doing): Promise<Outcome> {
  const { ports } = doing
  switch (action.kind) {
    case 'run':
      return runChange(action, doing)
    case 'hold':
      return hold(action, doing)
    case 'seal':
      return seal(action, path, doing)
    case 'prove':
      return prove(action, doing)
    case 'expect':
      return expect(action, doing)
    case 'write': {
      if (!ports.workspace) return { result: 'failed', reason: 'there is no workspace to write into' }
      const sha256 = await ports.workspace.write(action.path, action.content)
      return { result: 'done', outputs: { path: action.path, sha256 } }
    }
  }
}

/** Behind a call that failed, until what it may have done must be seen. Seconds. */
const SEEN_WITHIN = 60

async function runChange(action: RunAction, doing: Doing): Promise<Outcome> {
  const result = await doing.ports.call(filledIn(action.call, doing.holdings.outputs), { onChild: doing.onChild })
  if (result.ok) return { result: 'done', ...(result.summary ? { reason: result.summary } : {}) }
  // A call can fail after it had its effect; what the object says decides.
  const now = action.done ? await seen(action.done, SEEN_WITHIN, doing) : undefined
  if (now === true) return { result: 'done', reason: `${action.done?.sentence}, though the call ended with: ${result.reason}` }
  return now?.unseen ? untold(result.reason, 'whether it was done all the same', now, doing.object) : failedBy(result)
}

/** Public values of what was waited for, for the actions behind it. */
async function outputsOf({ condition }: ExpectAction, { ports, object, holdings }: Doing): Promise<Pick<Outcome, 'outputs'>> {
  const { look } = await ports.observeOne(condition.observation, object)
  const outputs = look.ok ? ports.outputs(condition.observation, look.value) : {}
  Object.assign(holdings.outputs, outputs)
  return { outputs }
}

/** The call with outputs of earlier actions in the place of their names in braces. */
function filledIn({ verb, args }: Call, outputs: Holdings['outputs']): Call {
  const fill = (value: Json): Json => {
    if (typeof value === 'string') return value.replace(/^\{(\w+)\}$/, (whole, name: string) => String(outputs[name] ?? whole))
    if (Array.isArray(value)) return value.map(fill)
    return value && typeof value === 'object' ? mapValues(value, fill) : value
  }
  return { verb, args: mapValues(args, fill) }
}

const mapValues = (map: { [key: string]: Json }, f: (value: Json) => Json): { [key: string]: Json } =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key, f(value)]))

/** Waits until a condition holds, and says why where it does not. */
async function expect(action: ExpectAction, doing: Doing): Promise<Outcome> {
  const { ports, signal } = doing
  const deadline = ports.clock.now().getTime() + action.deadlineSeconds * 1000
  const now = await waitUntilSteady(action.condition, deadline, action.steadySeconds ?? 0, doing)
  if (now === true) return { result: 'done', ...(action.outputs ? await outputsOf(action, doing) : {}) }
  if (signal.aborted) return { result: 'stopped', reason: `stopped while waiting: ${now}` }
  const why = await explained(action.explain, 'the node', ports)
  return { result: 'failed', reason: `after ${action.deadlineSeconds} s: ${now}${why}` }
}
