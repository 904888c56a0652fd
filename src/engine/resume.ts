import { type Action, type Call, canonical, type ObjectRef, plainLine } from '../contract.ts'
import { Failure, Interrupted, Refusal } from './errors.ts'
import type { Unfinished } from './history.ts'
import { readJournal, verifyJournals } from './journal.ts'
import { checksBehind, digestOfPlan, type Plan, readPlan } from './plan.ts'
import type { EnginePorts } from './ports.ts'
import { met } from './waiting.ts'

/** What a later start does about a run that ended in the middle: nothing is repeated before it is known what became of it. */

export interface Became {
  result: 'done' | 'not done' | 'cannot tell'
  reason: string
  /** It was tried, never kept, and did not go back: this takes it back, once somebody agrees. */
  back?: Call
}

/** Milliseconds between two looks at a process of an earlier run. */
const POLL = 1000

/** Waits for a process that outlived its run. */
export async function waitForOrphan(left: Unfinished, ports: EnginePorts, signal: AbortSignal, say: (text: string) => void): Promise<void> {
  while (left.child && ports.processes.alive(left.child)) {
    say(`process ${left.child.pid} of the earlier run still works on ${left.intent?.object.name}`)
    await ports.clock.sleep(POLL, signal)
    if (signal.aborted) throw new Interrupted()
  }
}

/** Waits for the way back of a tentative change, unless it was kept: inside its window nothing is sent to the object. */
export async function waitForWindow(
  intent: NonNullable<Unfinished['intent']>,
  ports: EnginePorts,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<void> {
  if (!intent.until || !intent.done) return
  const end = new Date(intent.until).getTime()
  for (let left = end - ports.clock.now().getTime(); left > 0; left = end - ports.clock.now().getTime()) {
    if ((await met(intent.done, intent.object, ports, signal)) === true) return
    say(
      `${intent.object.name} was being tried; it takes itself back by ${intent.until.slice(11, 19)} UTC, and nothing is sent to it before`,
    )
    await ports.clock.sleep(Math.min(left, POLL * 5), signal)
    if (signal.aborted) throw new Interrupted()
  }
}

/** Looks at the object, and says what became of an action that has an intent and no outcome. */
export async function whatBecame(left: Unfinished, intent: NonNullable<Unfinished['intent']>, ports: EnginePorts): Promise<Became> {
  const found = await seenOf(intent, ports)
  const { back, why } = found.stays ? await wayBack(left, intent, ports) : {}
  return {
    result: found.result,
    reason: plainLine(`${found.reason}${why ? `; it is not offered to take it back: ${why}` : ''}`, 600),
    ...(back ? { back } : {}),
  }
}

/** `stays`: it was tried, was never kept, and is there. */
async function seenOf(
  intent: NonNullable<Unfinished['intent']>,
  ports: EnginePorts,
): Promise<Pick<Became, 'result' | 'reason'> & { stays?: true }> {
  if (intent.path && (await ports.workspace?.has(intent.path))) return { result: 'done', reason: `${intent.path} is there` }
  if (!intent.done)
    return intent.repeatable
      ? { result: 'not done', reason: `${intent.title}: is simply done again` }
      : { result: 'cannot tell', reason: `${intent.title}: nothing tells whether it was done` }
  const { look: now } = await ports.observeOne(intent.done.observation, intent.object)
  if (!now.ok) return { result: 'cannot tell', reason: now.reason }
  const holds = ports.holds(intent.done.observation, intent.done.predicate, now.value, intent.done.args)
  if (holds === true) return { result: 'done', reason: intent.done.sentence }
  const tried = intent.tried ? await met(intent.tried, intent.object, ports) : 'it is not there'
  if (tried !== true) return { result: 'not done', reason: intent.tried ? `it was not kept, and went back: ${holds}` : holds }
  return {
    result: 'cannot tell',
    reason: 'it is still there though its time is over, and was never kept: something took the way back away, and a restart would undo it',
    stays: true,
  }
}

/** What takes it back: only the call that stands in the plan that was agreed to, and only where nobody changed a journal since. */
async function wayBack(
  left: Unfinished,
  intent: NonNullable<Unfinished['intent']>,
  ports: EnginePorts,
): Promise<{ back?: Call; why?: string }> {
  if (!intent.back) return {}
  const { problems } = verifyJournals(((await ports.workspace?.journals()) ?? []).map((f) => readJournal(f.name, f.text)))
  if (problems[0]) return { why: `a journal was changed since (${problems[0]})` }
  const part = (await keptPlan(left, ports))?.parts.find((p) => p.digest === intent.part)
  const tried = part?.actions.find((a) => a.id === intent.action)
  return tried?.kind === 'try' && canonical(tried.back) === canonical(intent.back)
    ? { back: tried.back }
    : { why: 'the plan that was agreed to is not there, or does not name the command that the journal names' }
}

/** The plan of an earlier run as it is kept; nothing where it is not there any more, or is not the one that was agreed to. */
async function keptPlan({ plan, digest }: Unfinished, { workspace }: EnginePorts): Promise<Plan | undefined> {
  try {
    const kept = readPlan((await workspace?.read(plan)) ?? '', plan)
    return digestOfPlan(kept) === digest ? kept : undefined
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

/**
 * The checks behind a change of an earlier run, as a plan of their own, and where they begin in it. Nobody agrees to them, so they only
 * look: what would be called to explain a failure is left out.
 */
export async function checksOf(
  left: Unfinished,
  ports: EnginePorts,
): Promise<{ plan: Plan; from: { part: string; action: number } } | undefined> {
  const kept = await keptPlan(left, ports)
  const part = kept?.parts.find((p) => p.digest === left.unchecked?.digest)
  const checks = checksBehind(part?.actions ?? [])
  if (!kept || !part || checks.length === 0) return undefined
  const action = part.actions.length - checks.length
  const actions = [...part.actions.slice(0, action), ...checks.map(({ explain: _, ...check }) => check)]
  return { plan: { ...kept, parts: [{ ...part, actions }], blocked: [] }, from: { part: part.digest, action } }
}

/** Whether what it was at is itself one of the checks that are to be made. */
export const isCheck = ({ unchecked }: Unfinished, { part, action }: NonNullable<Unfinished['intent']>): boolean =>
  unchecked?.digest === part && unchecked.checks?.includes(action) === true

/** Why a check could not see what it looks at; undefined where it sees it. */
export async function whyUnseen(check: Action, object: ObjectRef, ports: EnginePorts): Promise<string | undefined> {
  const look = check.kind === 'expect' ? (await ports.observeOne(check.condition.observation, object)).look : undefined
  return look && !look.ok ? look.reason : undefined
}

/** What becomes of a start whose checks behind an earlier change do not hold: nothing else is begun. */
export function checkFailed({ name }: ObjectRef, check: string, { reason, remedy }: { reason: string; remedy?: string }, left: Unfinished) {
  const rest = left.left.filter((other) => other !== name).join(', ')
  const hints = [
    remedy,
    `an earlier run changed ${name} and ended before this was checked: look at ${name} before anything else is changed`,
    rest ? `${rest} not begun: the rest is still a plan` : undefined,
  ]
  return new Failure('action-failed', `${name}, ${check}: ${reason}`, hints.filter(Boolean).join('\n'))
}
