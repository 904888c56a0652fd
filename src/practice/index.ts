import { join, relative, resolve } from 'node:path'
import type { Exit, Files, Processes, ProcessSpec, System } from '../system/ports.ts'
import { type Answer, unknownCall } from './answer.ts'
import { CALL_TAKES, REFUSED_TAKES, settled } from './course.ts'
import { heldFiles } from './held.ts'
import { furnish } from './home.ts'
import { kubectl } from './kubectl.ts'
import { practiceNetwork } from './network.ts'
import { OUTSIDE, type Scenario } from './scenarios.ts'
import { newState, type PracticeState, STATE_VERSION } from './state.ts'
import { talosctl } from './talosctl.ts'

/**
 * The simulated world behind the same ports as the real one. It has its own home, network, clock and workspace; nothing outside
 * its folder is read or written, no process is run and no connection is made. It is on disk after every verb, so that it can be
 * killed and resumed.
 */

export interface Practice {
  system: System
  workspace: string
  /** It was laid out just now. */
  isNew: boolean
}

/** Marks a folder as ours; a folder with a profile and without this is somebody's real workspace. */
const STATE_FILE = 'practice.json'
const TOOLS = ['talosctl', 'kubectl', 'age', 'age-keygen', 'git']

/** What the certificates of the two contexts say. */
const ROLES: Record<string, { roles: readonly string[] }> = {
  'reader@practice': { roles: ['os:reader'] },
  'admin@practice': { roles: ['os:admin'] },
}

export class NotPractice extends Error {}

export async function removePractice(real: Files, folder: string): Promise<void> {
  await refuseForeign(real, folder)
  await real.remove(folder)
}

async function refuseForeign(real: Files, folder: string): Promise<void> {
  if (!(await real.info(folder))) return
  const entries = await real.list(folder)
  if (entries.length > 0 && !entries.some((e) => e.name === STATE_FILE)) throw new NotPractice(folder)
}

/** @throws NotPractice for a folder that holds something else. */
export async function openPractice(real: System, scenario: Scenario, folder: string): Promise<Practice> {
  await refuseForeign(real.files, folder)
  const stateFile = join(folder, STATE_FILE)
  const home = join(folder, 'home')
  const workspace = join(folder, 'workspace')
  const kept = await real.files.read(stateFile).then(
    (b) => JSON.parse(b.toString('utf8')) as PracticeState,
    () => undefined,
  )
  if (kept && kept.version !== STATE_VERSION) await real.files.remove(folder)
  const known = kept?.version === STATE_VERSION ? kept : undefined
  let state = known ?? newState(scenario)

  let writing: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  /** One after the other, and what comes while one is being written goes together into the one behind it. */
  const keep = (): Promise<void> => {
    next ??= writing.then(() => {
      next = undefined
      writing = real.files.replace(stateFile, JSON.stringify(state), 0o600)
      return writing
    })
    return next
  }
  if (!known) {
    await furnish(real.files, { folder, home, workspace }, state)
    await keep()
  }
  const pass = (ms: number): Promise<void> => {
    state = settled({ ...state, now: new Date(new Date(state.now).getTime() + ms).toISOString() })
    return keep()
  }

  const guarded = (path: string): string => {
    const full = resolve(workspace, path)
    if (relative(folder, full).startsWith('..')) throw Object.assign(new Error('outside of practice'), { code: OUTSIDE })
    return full
  }
  const held = heldFiles()
  const files: Files = held.over({
    home,
    cwd: workspace,
    env: { HOME: home, PATH: '' },
    read: async (path) => real.files.read(guarded(path)),
    readChunks: async (path, take) => real.files.readChunks(guarded(path), take),
    open: async (path) => real.files.open(guarded(path)),
    info: async (path) => (relative(folder, resolve(workspace, path)).startsWith('..') ? undefined : real.files.info(path)),
    real: async (path) => real.files.real(guarded(path)),
    list: async (path) => real.files.list(guarded(path)),
    create: async (path, bytes, mode) => real.files.create(guarded(path), bytes, mode),
    createFrom: async (path, pieces, mode) => real.files.createFrom(guarded(path), pieces, mode),
    replace: async (path, bytes, mode) => real.files.replace(guarded(path), bytes, mode),
    append: async (path, text) => real.files.append(guarded(path), text),
    remove: async (path) => real.files.remove(guarded(path)),
    rename: async (from, to) => real.files.rename(guarded(from), guarded(to)),
    makeFolder: async (path, mode) => real.files.makeFolder(guarded(path), mode),
  })

  /** Connections that are held open, by address. */
  const connections = new Map<string, number>()
  const callerOf = (context: string) => ROLES[context]

  const answer = async (spec: ProcessSpec): Promise<Answer & { bytes?: Buffer }> => {
    const input = spec.inputFile ? await files.read(spec.inputFile) : Buffer.from(spec.input ?? '')
    if (spec.file === 'talosctl') return talosctl(state, spec.args, (path) => held.read(path)?.toString('utf8'), callerOf, connections)
    if (spec.file === 'age' || spec.file === 'age-keygen') return (await import('./age.ts')).age(files, spec, input)
    if (spec.file === 'git') return { exitCode: 128, stderr: 'fatal: not a git repository (or any of the parent directories): .git\n' }
    if (spec.file === 'kubectl') return kubectl(state, spec.args, input.toString('utf8'))
    return unknownCall(spec.file, spec.args)
  }

  const processes: Processes = {
    run: async (spec): Promise<Exit> => {
      if (spec.signal?.aborted)
        return {
          started: true,
          exitCode: undefined,
          signal: 'SIGTERM',
          stdout: Buffer.alloc(0),
          stderr: Buffer.alloc(0),
          timedOut: false,
          truncated: false,
          aborted: true,
        }
      await spec.onStart?.(real.processes.self())
      const given = await answer(spec)
      if (given.state) state = { ...given.state, now: state.now }
      if (given.writes) held.write(given.writes.path, given.writes.bytes)
      await pass(given.takes ?? CALL_TAKES)
      const answered = given.bytes ?? Buffer.from(given.stdout ?? '')
      if (spec.outputFile) await files.create(spec.outputFile, answered, 0o600)
      const stdout = spec.outputFile ? Buffer.alloc(0) : answered
      if (spec.onChunk) spec.onChunk(stdout)
      return {
        started: true,
        exitCode: given.exitCode,
        signal: undefined,
        stdout,
        stderr: Buffer.from(given.stderr ?? ''),
        timedOut: false,
        truncated: false,
        aborted: false,
      }
    },
    find: async (name) => (TOOLS.includes(name) ? `/practice/${name}` : undefined),
    self: real.processes.self,
    // a child of practice is our own process, which is not to be waited for
    alive: (ref) => ref.pid !== process.pid && real.processes.alive(ref),
  }

  return {
    workspace,
    isNew: !known,
    system: {
      processes,
      files,
      network: practiceNetwork(
        () => state,
        connections,
        () => pass(REFUSED_TAKES),
      ),
      memory: held.memory,
      clock: {
        now: () => new Date(state.now),
        sleep: (ms) => pass(ms),
      },
    },
  }
}
