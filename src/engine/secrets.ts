import type { HoldAction, Json, Look, ObjectRef, ProveAction, SealAction, Source } from '../contract.ts'
import { freeName, timeInName } from './evidence.ts'
import type { Result } from './journal.ts'
import type { CallHooks, EnginePorts, Held } from './ports.ts'
import { waitFor } from './waiting.ts'

/**
 * What actions do with secrets: hold them in memory, seal them, and look at them for a proof. A secret never leaves the port that
 * made it; what is kept of it is public.
 */

/** What the actions of one part have so far: secrets by name, sealed files by action, public values by name. */
export interface Holdings {
  held: Map<string, Held>
  sealed: Map<string, string>
  outputs: Record<string, string | number>
}

export const noHoldings = (): Holdings => ({ held: new Map(), sealed: new Map(), outputs: {} })

/** Secrets are gone when their part is, whatever became of it. */
export async function releaseAll(holdings: Holdings): Promise<void> {
  for (const held of holdings.held.values()) await held.release()
  holdings.held.clear()
}

export interface Outcome {
  result: Result
  reason?: string
  remedy?: string
  outputs?: Record<string, Json>
  /** Of a change that failed as far as anybody knows: it may have been done. The journal gets no outcome, so that the next start finds out. */
  untold?: true
}

/** Whether a change was done cannot be seen; `why` is what it ended with. */
export const untold = (why: string, whether: string, unseen: { reason: string }, object: ObjectRef): Outcome => ({
  result: 'failed',
  reason: `${why}; ${whether} cannot be seen: ${unseen.reason}`,
  remedy: `run the same command again once ${object.name} can be seen: it finds out what became of it`,
  untold: true,
})

export interface Doing {
  ports: EnginePorts
  object: ObjectRef
  holdings: Holdings
  /** `until` is when a tentative change may last be taking itself back. ISO 8601. */
  note: (text: string, until?: string) => void
  onChild: NonNullable<CallHooks['onChild']>
  signal: AbortSignal
  /** A person sits at a terminal that can be handed to a tool. */
  terminal: boolean
  mode: string
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB']

/** `1.2 GB`, with SI prefixes. */
function bytesText(bytes: number): string {
  const step = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  const value = bytes / 1000 ** step
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[step]}`
}

// what only reads is not waited for when it outlives us, so its process is not in the journal
const hooksOf = (doing: Doing) => ({
  signal: doing.signal,
  onBytes: (done: number, total?: number) => doing.note(`${bytesText(done)}${total ? ` of ${bytesText(total)}` : ''}`),
})

/** A failed call or look as an outcome. */
export const failedBy = ({ reason, remedy }: { reason: string; remedy?: string }): Outcome => ({
  result: 'failed',
  reason,
  ...(remedy ? { remedy } : {}),
})

const stoppedOr = (doing: Doing, outcome: Outcome): Outcome =>
  doing.signal.aborted && outcome.result === 'failed' ? { result: 'stopped', reason: 'stopped' } : outcome

export async function hold(action: HoldAction, doing: Doing): Promise<Outcome> {
  const got = await take(action.source, doing)
  if (!got.ok) return stoppedOr(doing, failedBy(got))
  doing.holdings.held.set(action.as, got.held)
  return {
    result: 'done',
    reason: `${bytesText(got.held.bytes)}${got.held.place ? ` in ${got.held.place}` : ''}`,
    outputs: { bytes: got.held.bytes, ...(got.held.place ? { place: got.held.place } : {}) },
  }
}

async function take(source: Source, doing: Doing): ReturnType<EnginePorts['hold']> {
  const got = await doing.ports.hold(source, hooksOf(doing))
  if (!got.ok || got.held.bytes > 0) return got
  await got.held.release()
  return { ok: false, reason: 'there was nothing to seal: the answer was empty' }
}

/**
 * Where a sealed file will lie, with everything filled in that is known by now. Its name has the second, and nothing is ever written over:
 * where this second has such a file already, as one that was killed leaves it, the next second is waited for.
 */
export async function sealedPath(action: SealAction, { outputs }: Holdings, { clock, workspace }: EnginePorts): Promise<string> {
  for (;;) {
    const now = clock.now()
    const values: Record<string, string | number> = { ...outputs, time: timeInName(now.toISOString()) }
    const path = action.path.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole).replace(/[^\w.-]/g, '-'))
    if (!action.path.includes('{time}') || !(await workspace?.has(path))) return path
    await clock.sleep(1000 - now.getMilliseconds())
  }
}

export async function seal(action: SealAction, path: string, doing: Doing): Promise<Outcome> {
  const { ports, holdings } = doing
  const named = 'held' in action.source ? holdings.held.get(action.source.held) : undefined
  const got = 'held' in action.source ? (named ? { ok: true as const, held: named } : missing) : await take(action.source, doing)
  if (!got.ok) return stoppedOr(doing, failedBy(got))
  try {
    const manifest = action.manifest && { ...action.manifest, about: { ...action.manifest.about, ...holdings.outputs } }
    const sealed = await ports.seal(got.held, { path, opens: action.opens, ...(manifest ? { manifest } : {}) }, hooksOf(doing))
    holdings.sealed.set(action.id, sealed.path)
    return {
      result: 'done',
      reason: `${sealed.path}, ${sealed.recipients.length} ${sealed.recipients.length === 1 ? 'recipient' : 'recipients'}`,
      outputs: { ...sealed },
    }
  } finally {
    if (!named) await got.held.release()
  }
}

const missing = { ok: false as const, reason: 'what was to be sealed is not held any more' }

/** Takes the look, keeps it as a proof, and says whether it is as expected; a proof that is not says so itself. */
export async function prove(action: ProveAction, doing: Doing): Promise<Outcome> {
  const { ports, holdings, object } = doing
  if (action.terminal && !doing.terminal)
    return action.required
      ? { result: 'failed', reason: 'a tool would ask for something on the terminal, and there is none' }
      : { result: 'unproved', reason: 'a tool would ask for something on the terminal, and there is none' }
  const taken = await lookFor(action, doing)
  if (!taken) return failedBy(missing)
  const { look, of: sha256 } = taken
  if (!look.ok) return action.required ? stoppedOr(doing, failedBy(look)) : { result: 'unproved', reason: look.reason }
  const holds = action.expects ? ports.holds(action.observation, action.expects.predicate, look.value, action.expects.args) : true
  const proof = {
    schema: 'talos-preflight/proof/v1',
    mode: doing.mode,
    observation: action.observation,
    object,
    takenAt: ports.clock.now().toISOString(),
    of: sha256,
    ...(holds === true ? {} : { refused: holds }),
    value: look.value,
    evidence: look.evidence,
  }
  const written = await keep(proof, ports)
  const outputs = ports.outputs(action.observation, look.value)
  Object.assign(holdings.outputs, outputs)
  if (holds !== true) return { result: 'failed', reason: holds, outputs: { ...written, of: sha256 } }
  return { result: 'done', ...(action.expects ? { reason: action.expects.sentence } : {}), outputs: { ...written, of: sha256, ...outputs } }
}

/** Takes the look that makes the proof; nothing where what it is of is not there any more. */
async function lookFor({ of, observation, terminal }: ProveAction, doing: Doing): Promise<{ look: Look<unknown>; of: string } | undefined> {
  const { ports, holdings, object } = doing
  if ('settles' in of) {
    await waitFor({ observation, ...of.settles }, ports.clock.now().getTime() + of.seconds * 1000, doing)
    const { look } = await ports.observeOne(observation, object)
    return { look, of: look.evidence[0]?.sha256 ?? '' }
  }
  const path = 'file' in of ? of.file : 'sealed' in of ? holdings.sealed.get(of.sealed) : undefined
  const subject = 'held' in of ? holdings.held.get(of.held) : path ? { path } : undefined
  return subject && ports.prove(observation, subject, { ...hooksOf(doing), terminal: terminal === true })
}

async function keep(
  proof: { observation: string; takenAt: string; of: string },
  ports: EnginePorts,
): Promise<{ proof?: string; proofSha256?: string }> {
  if (!ports.workspace) return {}
  const time = timeInName(proof.takenAt)
  const path = await freeName(ports.workspace, (mark) => `evidence/proofs/${proof.observation}/${time}-${proof.of.slice(0, 8)}${mark}.json`)
  return { proof: path, proofSha256: await ports.workspace.write(path, `${JSON.stringify(proof, null, 1)}\n`) }
}
