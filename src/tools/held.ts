import type { Source } from '../contract.ts'
import type { VerbName, Verbs } from '../domain/verbs.ts'
import type { System } from '../system/ports.ts'
import { makeScratch } from '../system/scratch.ts'
import type { Caller, CallOptions, Ran } from './caller.ts'

/**
 * Secrets that are held for the time of a plan: bytes in memory, or a file in the memory folder where a tool insists on one. A
 * folder that the operator names takes a file that finds no room there.
 */

export interface HeldSecret {
  bytes: number
  /** Where it lies, where that is not memory. */
  place: string
  /** One of the two. */
  buffer?: Buffer
  path?: string
  /** What the tool said while it made it; public. */
  said: string
  release: () => Promise<void>
}

export interface HoldOptions extends Pick<CallOptions, 'signal'> {
  /** About how many bytes are to be expected, where that is known. */
  expected?: number
  /** A folder that the operator names for what finds no room in memory. */
  scratch?: string
  onBytes?: (done: number, total?: number) => void
}

type Failed = { ok: false; reason: string; remedy?: string }

/** Milliseconds between two looks at a file that a tool writes. */
const WATCH = 250
/** A tool may need this much more than the file itself, and so may others on the machine. */
const ROOM_FACTOR = 1.2

/** Runs a source to its end and holds what came. */
export async function holdSource(
  system: System,
  caller: Caller,
  source: Source,
  options: HoldOptions,
): Promise<{ ok: true; held: HeldSecret } | Failed> {
  let held = await first(system, caller, source, options)
  for (const call of source.through ?? []) {
    if (!held.ok) return held
    const next: Awaited<ReturnType<typeof pass>> = await pass(system, caller, held.held, call, options)
    await held.held.release()
    held = next
  }
  return held
}

const run = (caller: Caller, call: Source['call'], args: Record<string, unknown>, options: CallOptions): Promise<Ran> =>
  caller.run(call.verb as VerbName, { ...call.args, ...args } as Verbs[VerbName], options)

const hooksOf = ({ signal }: HoldOptions): CallOptions => (signal ? { signal } : {})

const failed = (ran: Extract<Ran, { ok: false }>): Failed => ({
  ok: false,
  reason: ran.reason,
  ...(ran.remedy ? { remedy: ran.remedy } : {}),
})

/** Standard output as a held buffer; it is wiped when it is released. */
function inBuffer(ran: Extract<Ran, { ok: true }>): { ok: true; held: HeldSecret } {
  const { stdout: buffer } = ran
  return {
    ok: true,
    held: { bytes: buffer.length, place: '', buffer, said: '', release: async () => void buffer.fill(0) },
  }
}

async function first(
  system: System,
  caller: Caller,
  source: Source,
  options: HoldOptions,
): Promise<{ ok: true; held: HeldSecret } | Failed> {
  const { writes } = caller.verbOf(source.call.verb)
  if (writes) return intoFile(system, caller, source, writes, options)
  const ran = await run(caller, source.call, {}, hooksOf(options))
  return ran.ok ? inBuffer(ran) : failed(ran)
}

/** Gives what is held to a tool that reads it from a file in memory, and holds what it answers. */
async function pass(
  system: System,
  caller: Caller,
  given: HeldSecret,
  call: Source['call'],
  options: HoldOptions,
): Promise<{ ok: true; held: HeldSecret } | Failed> {
  const { reads } = caller.verbOf(call.verb)
  if (!reads || !given.buffer) throw new Error(`${call.verb} takes nothing from the call before it`)
  const problem = await system.memory.problem()
  if (problem) return { ok: false, ...problem }
  const file = await system.memory.keep(String(call.args[reads]), given.buffer)
  const ran = await run(caller, call, { [reads]: file.path }, hooksOf(options)).finally(file.remove)
  return ran.ok ? inBuffer(ran) : failed(ran)
}

interface Room {
  path: string
  place: string
  remove: () => Promise<void>
}

/** A place for a file of this size: the memory folder, else the folder that the operator names. */
async function roomFor(system: System, name: string, options: HoldOptions): Promise<Room | Failed> {
  const problem = await system.memory.problem()
  const room = problem ? 0 : await system.memory.room()
  const needed = (options.expected ?? 0) * ROOM_FACTOR
  if (!problem && room > needed) return { ...(await system.memory.place(name)), place: '' }
  if (options.scratch) {
    const { folder, remove } = await makeScratch(system, options.scratch)
    return { path: `${folder}/${name}`, place: options.scratch, remove }
  }
  return {
    ok: false,
    reason: problem?.reason ?? `the memory folder has room for ${mebibytes(room)}, and ${mebibytes(needed)} are needed`,
    remedy: `${problem?.remedy ?? 'make room in it'}, or name a folder on an encrypted disk where it may lie in plain for that time: --scratch FOLDER`,
  }
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / (1 << 20))} MiB`

/** Lets a tool write its file, watching that bytes come. */
async function intoFile(
  system: System,
  caller: Caller,
  source: Source,
  writes: string,
  options: HoldOptions,
): Promise<{ ok: true; held: HeldSecret } | Failed> {
  const room = await roomFor(system, String(source.call.args[writes]), options)
  if (!('path' in room)) return room
  const watch = watching(system, room.path, source.silentSeconds, options)
  const ran = await run(caller, source.call, { [writes]: room.path }, { ...hooksOf(options), signal: watch.signal }).finally(watch.end)
  const info = ran.ok ? await system.files.info(room.path) : undefined
  if (ran.ok && info)
    return {
      ok: true,
      held: { bytes: info.size, place: room.place, path: room.path, said: ran.stdout.toString('utf8'), release: room.remove },
    }
  await room.remove()
  if (ran.ok) return { ok: false, reason: `${caller.verbOf(source.call.verb).tool} ended well and left no file` }
  if (watch.silent())
    return {
      ok: false,
      reason: `no byte came for ${source.silentSeconds} s, so nothing will: it does so before etcd is bootstrapped, and while etcd cannot start`,
      remedy: 'look at etcd on that node: talosctl service etcd, talosctl logs etcd',
    }
  return failed(ran)
}

/** Tells how the file of a tool grows, and ends the tool where it does not for too long. */
function watching(
  system: System,
  path: string,
  silentSeconds: number | undefined,
  options: HoldOptions,
): { signal: AbortSignal; silent: () => boolean; end: () => void } {
  const abort = new AbortController()
  const stop = () => abort.abort()
  options.signal?.addEventListener('abort', stop, { once: true })
  let size = 0
  let grewAt = Date.now()
  let silent = false
  const look = async (): Promise<void> => {
    const now = (await system.files.info(`${path}.part`))?.size ?? (await system.files.info(path))?.size ?? 0
    if (now !== size) {
      size = now
      grewAt = Date.now()
      options.onBytes?.(size, options.expected)
    } else if (silentSeconds && Date.now() - grewAt > silentSeconds * 1000) {
      silent = true
      stop()
    }
  }
  const timer = setInterval(() => void look().catch(() => undefined), WATCH)
  return {
    signal: abort.signal,
    silent: () => silent,
    end: () => {
      clearInterval(timer)
      options.signal?.removeEventListener('abort', stop)
    },
  }
}
