import { readFileSync } from 'node:fs'
import { access, constants, type FileHandle, open } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { Exit, Processes, ProcessSpec } from './ports.ts'

/** The one place that runs processes. Arguments are arrays; there is no shell. */

/** After a time limit or a stop, a child that ignores SIGTERM is killed. Milliseconds. */
const KILL_AFTER = 2000

/** Children that have groups of their own, and are to end with us. */
const untilWeEnd = new Set<number>()
process.on('exit', () => {
  for (const pid of untilWeEnd)
    try {
      process.kill(-pid)
    } catch {
      // it has ended meanwhile
    }
})

/** When a process started, in clock ticks since boot, so that a reused number is not taken for it. Empty where `/proc` is not to be had. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

export function processes(env: Readonly<Record<string, string | undefined>>): Processes {
  return {
    run,
    find: async (name) => {
      for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
        const path = join(folder, name)
        if (
          await access(path, constants.X_OK).then(
            () => true,
            () => false,
          )
        )
          return path
      }
      return undefined
    },
    self: () => ({ pid: process.pid, started: startOf(process.pid) }),
    alive: ({ pid, started }) => {
      try {
        process.kill(pid, 0)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
      }
      return started === '' || startOf(pid) === started
    },
  }
}

async function run(spec: ProcessSpec): Promise<Exit> {
  const input = spec.inputFile === undefined ? undefined : await open(spec.inputFile, 'r')
  let output: FileHandle | undefined
  try {
    output = spec.outputFile === undefined ? undefined : await open(spec.outputFile, 'wx', 0o600)
    const exit = await runWith(spec, input?.fd, output?.fd)
    await output?.sync()
    return exit
  } finally {
    await input?.close()
    await output?.close()
  }
}

/** `input` and `output` are descriptors for the child. */
async function runWith(spec: ProcessSpec, input: number | undefined, output: number | undefined): Promise<Exit> {
  const { execa } = await import('execa')
  const child = execa(spec.file, [...spec.args], {
    reject: false,
    encoding: 'buffer',
    env: spec.env,
    extendEnv: false,
    stripFinalNewline: false,
    // the types of execa know standard descriptors only
    stdin: (input as 0 | undefined) ?? (spec.input !== undefined ? 'pipe' : spec.terminal ? 'inherit' : 'ignore'),
    stdout: (output as 1 | undefined) ?? (spec.terminal ? 'inherit' : 'pipe'),
    stderr: spec.terminal ? 'inherit' : 'pipe',
    maxBuffer: spec.maxBytes,
    timeout: spec.timeoutMs,
    forceKillAfterDelay: KILL_AFTER,
    // in a session of its own; execa ends only the others with us
    detached: spec.apart !== undefined,
    buffer: spec.onChunk ? { stdout: false, stderr: true } : true,
    ...(spec.input !== undefined ? { input: typeof spec.input === 'string' ? Buffer.from(spec.input) : spec.input } : {}),
    ...(spec.cwd ? { cwd: spec.cwd } : {}),
    ...(spec.signal ? { cancelSignal: spec.signal } : {}),
  })
  // what a child has started itself may hold its output open after the child was ended, and with it us
  const { nodeChildProcess: own } = child
  const { pid } = child
  if (pid !== undefined && spec.apart === 'until we end') untilWeEnd.add(pid)
  own.once('exit', () => {
    untilWeEnd.delete(pid ?? 0)
    if (own.killed) for (const stream of [own.stdout, own.stderr]) stream?.destroy()
  })
  if (child.pid !== undefined) await spec.onStart?.({ pid: child.pid, started: startOf(child.pid) })
  let ended = false
  if (spec.onChunk) {
    const { onChunk } = spec
    try {
      for await (const chunk of child.iterable({ from: 'stdout', binary: true, preserveNewlines: true })) {
        if (onChunk(Buffer.from(chunk as Uint8Array)) === false) {
          ended = true
          child.kill()
          break
        }
      }
    } catch {
      // the result below says why it ended
    }
  }
  const result = await child
  const bytes = (value: unknown): Buffer =>
    value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.alloc(0)
  if (child.pid === undefined) {
    const code = (result as { code?: string }).code
    return {
      started: false,
      reason: code === 'ENOENT' ? 'missing' : code === 'EACCES' ? 'denied' : 'other',
      message: result.shortMessage ?? 'could not be started',
    }
  }
  return {
    started: true,
    exitCode: ended ? 0 : result.exitCode,
    signal: result.signal,
    stdout: bytes(result.stdout),
    stderr: bytes(result.stderr),
    timedOut: result.timedOut,
    truncated: result.isMaxBuffer,
    aborted: result.isCanceled,
  }
}
