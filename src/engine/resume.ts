import type { Call } from '../contract.ts'
import { Interrupted } from './errors.ts'
import type { Unfinished } from './history.ts'
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
export async function whatBecame(intent: NonNullable<Unfinished['intent']>, ports: EnginePorts): Promise<Became> {
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
    ...(intent.back ? { back: intent.back } : {}),
  }
}
