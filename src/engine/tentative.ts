import { type Call, type Condition, canonical, isMap, type Json, type Probe, type TryAction } from '../contract.ts'
import type { Entry } from './journal.ts'
import { type Doing, type Outcome, untold } from './secrets.ts'
import { explained, seen, waitFor } from './waiting.ts'

/**
 * Tentative changes: tried, probed, kept, and proved to be kept; or left to go back by themselves, and proved to have gone. Between the
 * try and the keep nothing else is sent to the object: on some versions that alone would cancel the way back.
 */

/** Behind the window an object may need this long to be as it was. Seconds. */
const MARGIN = 45
/** So much of the window must be left for keeping it. Seconds. */
const KEEP_TAKES = 15
/** After the try, until what tells of somebody else's change must be seen. Seconds. */
const SEEN_WITHIN = 30
/** After it was kept, by us or by somebody else, until that must be seen. Seconds. */
const KEPT_WITHIN = 30
/** After it went back, until it is seen to have. Seconds. */
const BACK_WITHIN = 90

export const untilOf = (action: TryAction, now: Date): Date => new Date(now.getTime() + (action.windowSeconds + MARGIN) * 1000)

export interface Trying extends Doing {
  journal: (entry: Entry) => Promise<void>
  part: string
  /** Asked to stop: what was tried is not kept. */
  stopping: () => boolean
}

export async function tryChange(action: TryAction, doing: Trying): Promise<Outcome> {
  const { ports, object } = doing
  const probes = await withWhatIsThere(action.probes, doing)
  if ('reason' in probes) return { result: 'failed', ...probes }
  const begun = ports.clock.now().getTime()
  const windowEnds = begun + action.windowSeconds * 1000
  const called = await ports.call(action.call, { onChild: doing.onChild })
  if (!called.ok) {
    // a call can fail after it had its effect: what cannot be seen is taken for tried, and is waited for
    const { look } = await ports.observeOne(action.tried.observation, object)
    const there = look.ok ? ports.holds(action.tried.observation, action.tried.predicate, look.value, action.tried.args) : true
    if (there !== true) return { result: 'failed', reason: called.reason, ...(called.remedy ? { remedy: called.remedy } : {}) }
    if (!look.ok) return goBack(action, windowEnds, { sentence: called.reason }, doing)
  }
  await doing.journal({ kind: 'tried', part: doing.part, action: action.id, until: untilOf(action, new Date(begun)).toISOString() })
  doing.note('tried', untilOf(action, new Date(begun)).toISOString())
  const after = await witness(action, begun + SEEN_WITHIN * 1000, doing)
  const wrong = await probeAll(probes, windowEnds - KEEP_TAKES * 1000, doing)
  if (wrong) return goBack(action, windowEnds, wrong, doing)
  const before = await witness(action, windowEnds - KEEP_TAKES * 1000, doing)
  if (after === undefined || before === undefined)
    return goBack(action, windowEnds, { sentence: 'whether somebody else changed it meanwhile cannot be seen, so it is not kept' }, doing)
  if (after !== before) return changedMeanwhile(action, { after, before }, doing)
  const kept = await keep(action, doing)
  return kept === true
    ? { result: 'done', reason: `kept after ${Math.round((ports.clock.now().getTime() - begun) / 1000)} s` }
    : goBack(action, windowEnds, { sentence: kept, keepSent: true }, doing)
}

/** What somebody else changed may have started from what was tried, and then it keeps that too: what is kept tells. */
async function changedMeanwhile(action: TryAction, what: { after: string; before: string }, doing: Trying): Promise<Outcome> {
  const { object } = doing
  const who = `somebody else changed ${object.name} while it was tried${differing(what)}`
  const kept = await seen(action.kept, KEPT_WITHIN, doing)
  if (kept === true) return { result: 'done', reason: `${who}, and that keeps it; what they did was not touched` }
  if (kept.unseen) return untold(who, 'whether that keeps it', kept, object)
  return {
    result: 'failed',
    reason: `${who}, so it was not kept; what they did was not touched`,
    remedy: `look at what ${object.name} holds now, then plan again`,
  }
}

/** ` (active 5, was 4)`: what tells of the change, where it is made of named values. */
function differing(what: { after: string; before: string }): string {
  const [after, before]: [Json, Json] = [JSON.parse(what.after), JSON.parse(what.before)]
  if (!isMap(after) || !isMap(before)) return ''
  const names = Object.keys(before).filter((name) => canonical(after[name]) !== canonical(before[name]))
  return names.length > 0 ? ` (${names.map((name) => `${name} ${before[name]}, was ${after[name]}`).join(', ')})` : ''
}

/** Probes that compare with what is there before the try, with that; what cannot be seen now could not be compared later. */
async function withWhatIsThere(
  probes: readonly Probe[],
  { ports, object }: Trying,
): Promise<Probe[] | { reason: string; remedy?: string }> {
  const ready: Probe[] = []
  for (const probe of probes) {
    const look = probe.sinceBefore ? (await ports.observeOne(probe.condition.observation, object)).look : undefined
    if (look && !look.ok) return { reason: `nothing was tried: ${look.reason}`, ...(look.remedy ? { remedy: look.remedy } : {}) }
    ready.push(look ? { ...probe, condition: { ...probe.condition, args: look.value as Json } } : probe)
  }
  return ready
}

/** What only changes when somebody changes the object; undefined where it cannot be seen until then. */
async function witness({ unchanged }: TryAction, end: number, { ports, object, signal }: Trying): Promise<string | undefined> {
  for (;;) {
    const { look } = await ports.observeOne(unchanged, object)
    if (look.ok) return canonical(look.value)
    if (signal.aborted || ports.clock.now().getTime() >= end) return undefined
    await ports.clock.sleep(2000, signal)
  }
}

/** What did not hold, and what may still say why, where nothing has said so yet. */
interface Wrong {
  sentence: string
  explain?: Call | undefined
  /** It was to be kept, and may be. */
  keepSent?: true
}

/** The first probe that does not hold in time; undefined where all do. */
async function probeAll(probes: readonly Probe[], end: number, doing: Trying): Promise<Wrong | undefined> {
  const { ports } = doing
  const left = () => `comes back by itself in ${Math.max(0, Math.round((end - ports.clock.now().getTime()) / 1000) + KEEP_TAKES)} s`
  for (const probe of probes) {
    const deadline = Math.min(end, ports.clock.now().getTime() + probe.deadlineSeconds * 1000)
    // what fails is started anew again and again, and can be silent at the end
    let why = ''
    const ask = async () => {
      why = (await explained(probe.explain, 'it', ports)) || why
    }
    const held = await waitFor(
      probe.condition,
      deadline,
      { ...doing, note: (text) => doing.note(`${probe.condition.sentence}: ${text}; ${left()}`), eachTime: ask },
      doing.stopping,
    )
    if (held === true) {
      doing.note(`${probe.condition.sentence}; ${left()}`)
      continue
    }
    if (doing.stopping()) return { sentence: `stopped while "${probe.condition.sentence}" was waited for` }
    return { sentence: `${probe.condition.sentence}: ${held}${why}`, explain: why ? undefined : probe.explain }
  }
  return doing.stopping() ? { sentence: 'stopped before it was kept' } : undefined
}

async function keep(action: TryAction, doing: Trying): Promise<true | string> {
  const { ports } = doing
  doing.note('keeping it')
  const called = await ports.call(action.keep, { onChild: doing.onChild })
  // what is kept decides, not how the call ended, nor a look that failed
  const now = await seen(action.kept, KEPT_WITHIN, doing, 'it holds')
  if (now === true) return true
  if (!called.ok) return `it could not be kept: ${called.reason}`
  return now.unseen ? `it could not be seen when it was to be kept: ${now.reason}` : `it was to be kept, and is not: ${now.reason}`
}

/** Waits for the way back, and proves it by looking; where it did not come, the change is taken back by a call. */
async function goBack(action: TryAction, windowEnds: number, wrong: Wrong, doing: Trying): Promise<Outcome> {
  const { ports, object } = doing
  let { sentence: why, explain: asks } = wrong
  for (let left = windowEnds - ports.clock.now().getTime(); left > 0; left = windowEnds - ports.clock.now().getTime()) {
    doing.note(`${why}; nothing is sent, it takes itself back in ${Math.ceil(left / 1000)} s`)
    if (wrong.keepSent && (await seen(action.kept, 0, doing)) === true) return seenKept(why)
    const said = await explained(asks, 'it', ports)
    if (said) [why, asks] = [why + said, undefined]
    await ports.clock.sleep(Math.min(left, 5000))
  }
  const now = () => ports.clock.now().getTime()
  if ((await waitUntilGone(action.tried, now() + BACK_WITHIN * 1000, doing)) === 'gone')
    return { result: 'failed', reason: `${why}; it went back by itself, and ${object.name} is as before` }
  if (wrong.keepSent) {
    const kept = await seen(action.kept, 0, doing)
    if (kept === true) return seenKept(why)
    if (kept.unseen) return untold(why, 'whether it was kept', kept, object)
  }
  const taken = await ports.call(action.back, { onChild: doing.onChild })
  const after = await waitUntilGone(action.tried, now(), doing)
  if (after === 'gone')
    return { result: 'failed', reason: `${why}; it did not go back by itself and was taken back, and ${object.name} is as before` }
  if (after !== 'there') return untold(why, 'whether it went back', after, object)
  return {
    result: 'failed',
    reason: `${why}; it did not go back, and taking it back ${taken.ok ? 'changed nothing' : `failed: ${taken.reason}`}`,
    remedy: `look at ${object.name} by hand before anything else`,
  }
}

const seenKept = (why: string): Outcome => ({ result: 'done', reason: `${why}; now it is seen to be kept` })

async function waitUntilGone(tried: Condition, end: number, doing: Trying): Promise<'gone' | 'there' | { reason: string }> {
  const { ports, object } = doing
  for (;;) {
    const { look } = await ports.observeOne(tried.observation, object)
    if (look.ok && ports.holds(tried.observation, tried.predicate, look.value, tried.args) !== true) return 'gone'
    if (ports.clock.now().getTime() >= end) return look.ok ? 'there' : look
    doing.note(look.ok ? 'its time is over; waiting until it is seen to be as before' : `its time is over; ${look.reason}`)
    await ports.clock.sleep(3000)
  }
}
