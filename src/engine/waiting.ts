import type { Call, Condition, ObjectRef } from '../contract.ts'
import type { EnginePorts } from './ports.ts'

/** Looking at a condition until it holds. */

/** Milliseconds between two looks; grows to the second figure. */
const POLL = { first: 500, most: 5000 }
/** The same behind something that was sent and of which nothing came back. */
const SEEN_POLL = 2000

/** What somebody says to a thing that did not come to be, as the end of a sentence; empty where nobody says anything. */
export async function explained(explain: Call | undefined, who: string, ports: EnginePorts): Promise<string> {
  const said = explain ? await ports.call(explain) : undefined
  return said?.ok && said.summary ? `; ${who} says: ${said.summary}` : ''
}

/** Why a condition does not hold; `unseen`: it could not be looked at, so that nobody knows. */
export interface Unmet {
  reason: string
  unseen: boolean
}

async function judged(condition: Condition, object: ObjectRef, ports: EnginePorts, signal?: AbortSignal): Promise<true | Unmet> {
  const { look } = await ports.observeOne(condition.observation, object, signal)
  if (!look.ok) return { reason: look.reason, unseen: true }
  const holds = ports.holds(condition.observation, condition.predicate, look.value, condition.args)
  return holds === true || { reason: holds, unseen: false }
}

/** Whether a condition holds now, or why not. */
export async function met(condition: Condition, object: ObjectRef, ports: EnginePorts, signal?: AbortSignal): Promise<true | string> {
  const now = await judged(condition, object, ports, signal)
  return now === true || now.reason
}

/**
 * Whether a condition holds as soon as it can be seen at all, which is waited for. `until` is what else is waited for: that it holds.
 * It is about what was sent already, so that no stop ends it.
 */
export async function seen(
  condition: Condition,
  seconds: number,
  { ports, object, note }: { ports: EnginePorts; object: ObjectRef; note: (text: string) => void },
  until: 'it is seen' | 'it holds' = 'it is seen',
): Promise<true | Unmet> {
  const end = ports.clock.now().getTime() + seconds * 1000
  for (;;) {
    const now = await judged(condition, object, ports)
    const left = end - ports.clock.now().getTime()
    if (now === true || left <= 0 || (until === 'it is seen' && !now.unseen)) return now
    note(`${now.reason}; looking again whether ${condition.sentence}`)
    await ports.clock.sleep(Math.min(left, SEEN_POLL))
  }
}

/**
 * Waits until a condition holds; else says why it does not. The first look is at once, one that fails is taken again, and the last one
 * is at the deadline (milliseconds) and not somewhere before it. `stopping` ends the waiting; `eachTime` it does not hold that is done, too.
 */
export async function waitFor(
  condition: Condition,
  deadline: number,
  doing: { ports: EnginePorts; object: ObjectRef; note: (text: string) => void; signal: AbortSignal; eachTime?: () => Promise<void> },
  stopping: () => boolean = () => false,
): Promise<true | string> {
  const { ports, object, note, signal, eachTime } = doing
  let wait = POLL.first
  for (;;) {
    const now = await met(condition, object, ports, signal)
    if (now === true || signal.aborted || stopping()) return now
    await eachTime?.()
    const left = deadline - ports.clock.now().getTime()
    if (left <= 0) return now
    const pause = Math.min(wait, left)
    note(`${now}, again in ${Math.ceil(pause / 1000)} s`)
    await ports.clock.sleep(pause, signal)
    wait = Math.min(wait * 2, POLL.most)
  }
}

/** Waits until a condition holds and goes on holding for so many seconds; every break begins anew, until the deadline. */
export async function waitUntilSteady(
  condition: Condition,
  deadline: number,
  seconds: number,
  doing: Parameters<typeof waitFor>[2],
): Promise<true | string> {
  const { ports, object, note, signal } = doing
  for (;;) {
    const begun = await waitFor(condition, deadline, doing)
    if (begun !== true || seconds === 0) return begun
    const until = ports.clock.now().getTime() + seconds * 1000
    let now: true | string = true
    for (let left = seconds * 1000; now === true && left > 0 && !signal.aborted; left = until - ports.clock.now().getTime()) {
      note(`holds, and is watched for another ${Math.ceil(left / 1000)} s`)
      await ports.clock.sleep(Math.min(left, POLL.most), signal)
      now = await met(condition, object, ports, signal)
    }
    if (now === true || ports.clock.now().getTime() >= deadline) return signal.aborted ? 'stopped before it was seen to last' : now
  }
}
