import { dirname, join, relative, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { newProfile, PROFILE_FILE, withRecipient } from '../domain/profile.ts'
import type { Exit, Files, Processes, ProcessSpec, System } from '../system/ports.ts'
import certificates from './certificates.json' with { type: 'json' }
import type { Scenario } from './scenarios.ts'
import { inventedSecret, machineConfig, newState, type PracticeState } from './state.ts'
import { type Answer, talosctl } from './talosctl.ts'

/**
 * The simulated world behind the same ports as the real one. It has its own home, network, clock and workspace; nothing outside
 * its folder is read or written, no process is run and no connection is made. It is on disk after every verb, so that it can be
 * killed and resumed.
 */

export interface Practice {
  system: System
  workspace: string
}

/** Marks a folder as ours; a folder with a profile and without this is somebody's real workspace. */
const STATE_FILE = 'practice.json'
/** What a call takes on the simulated clock. Milliseconds. */
const CALL_TAKES = 120
const KUBECTL = {
  clientVersion: {
    major: '1',
    minor: '36',
    gitVersion: 'v1.36.3',
    gitCommit: '',
    gitTreeState: '',
    buildDate: '2026-11-23T16:00:00Z',
    goVersion: 'go1.26.8',
    compiler: 'gc',
    platform: 'linux/amd64',
  },
  kustomizeVersion: 'v5.8.1',
}
const TOOLS = ['talosctl', 'kubectl', 'age', 'age-keygen', 'git']

/** What the certificates of the two contexts say. */
const ROLES: Record<string, { roles: readonly string[] }> = {
  'reader@practice': { roles: ['os:reader'] },
  'admin@practice': { roles: ['os:admin'] },
}

export class NotPractice extends Error {}

export async function removePractice(real: Files, folder: string): Promise<void> {
  if (await isEmptyOrOurs(real, folder)) await real.remove(folder)
}

async function isEmptyOrOurs(real: Files, folder: string): Promise<boolean> {
  const info = await real.info(folder)
  if (!info) return true
  const entries = await real.list(folder)
  if (entries.length > 0 && !entries.some((e) => e.name === STATE_FILE)) throw new NotPractice(folder)
  return true
}

/** @throws NotPractice for a folder that holds something else. */
export async function openPractice(real: System, scenario: Scenario, folder: string): Promise<Practice> {
  await isEmptyOrOurs(real.files, folder)
  const stateFile = join(folder, STATE_FILE)
  const home = join(folder, 'home')
  const workspace = join(folder, 'workspace')
  const known = await real.files.read(stateFile).then(
    (b) => JSON.parse(b.toString('utf8')) as PracticeState,
    () => undefined,
  )
  let state = known ?? newState(scenario)

  let writing: Promise<void> = Promise.resolve()
  const keep = (): Promise<void> => {
    writing = writing.then(() => real.files.replace(stateFile, JSON.stringify(state, null, 1), 0o600))
    return writing
  }
  if (!known) {
    await furnish(real.files, { folder, home, workspace }, state)
    await keep()
  }
  const pass = (ms: number): Promise<void> => {
    state = { ...state, now: new Date(new Date(state.now).getTime() + ms).toISOString() }
    return keep()
  }

  const guarded = (path: string): string => {
    const full = resolve(workspace, path)
    if (relative(folder, full).startsWith('..')) throw Object.assign(new Error('outside of practice'), { code: 'ENOENT' })
    return full
  }
  const files: Files = {
    home,
    cwd: workspace,
    env: { HOME: home, PATH: '' },
    read: async (path) => real.files.read(guarded(path)),
    readChunks: async (path, take) => real.files.readChunks(guarded(path), take),
    info: async (path) => (relative(folder, resolve(workspace, path)).startsWith('..') ? undefined : real.files.info(path)),
    real: async (path) => real.files.real(guarded(path)),
    list: async (path) => real.files.list(guarded(path)),
    create: async (path, bytes, mode) => real.files.create(guarded(path), bytes, mode),
    replace: async (path, bytes, mode) => real.files.replace(guarded(path), bytes, mode),
    append: async (path, text) => real.files.append(guarded(path), text),
    remove: async (path) => real.files.remove(guarded(path)),
    rename: async (from, to) => real.files.rename(guarded(from), guarded(to)),
    makeFolder: async (path, mode) => real.files.makeFolder(guarded(path), mode),
  }

  const held = new Map<string, Buffer>()
  const callerOf = (_talosconfig: string, context: string) => ROLES[context]

  const answer = async (spec: ProcessSpec): Promise<Answer & { bytes?: Buffer }> => {
    const input = Buffer.from(spec.input ?? '')
    if (spec.file === 'talosctl') return talosctl(state, spec.args, (path) => held.get(path)?.toString('utf8'), callerOf)
    if (spec.file === 'age' || spec.file === 'age-keygen') return (await import('./age.ts')).age(files, spec, input)
    if (spec.file === 'git') return { exitCode: 128, stderr: 'fatal: not a git repository (or any of the parent directories): .git\n' }
    if (spec.file === 'kubectl' && spec.args.join(' ') === 'version --client --output json')
      return { exitCode: 0, stdout: `${JSON.stringify(KUBECTL, null, 2)}\n` }
    return { exitCode: 1, stderr: `practice does not know this: ${spec.file} ${spec.args.join(' ')}\n` }
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
          durationMs: 0,
        }
      await spec.onStart?.(real.processes.self())
      const given = await answer(spec)
      if (given.state) state = { ...given.state, now: state.now }
      await pass(CALL_TAKES)
      const stdout = given.bytes ?? Buffer.from(given.stdout ?? '')
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
        durationMs: CALL_TAKES,
      }
    },
    find: async (name) => (TOOLS.includes(name) ? `/practice/${name}` : undefined),
    self: real.processes.self,
    // a child of practice is our own process, which is not to be waited for
    alive: (ref) => ref.pid !== process.pid && real.processes.alive(ref),
  }

  return {
    workspace,
    system: {
      processes,
      files,
      network: { connect: async (host) => (state.nodes.some((n) => n.address === host) ? 'open' : 'silent') },
      memory: {
        problem: async () => undefined,
        keep: async (name, bytes) => {
          const path = `/practice/memory/${held.size}-${name}`
          held.set(path, bytes)
          return { path, remove: async () => void held.delete(path) }
        },
        clean: async () => 0,
      },
      clock: {
        now: () => new Date(state.now),
        sleep: (ms) => pass(ms),
      },
    },
  }
}

/** Lays out the home and the workspace of a new world. */
async function furnish(real: Files, at: { folder: string; home: string; workspace: string }, state: PracticeState): Promise<void> {
  const hardened = state.scenario === 'hardened'
  const { generateIdentity, identityToRecipient } = await import('age-encryption')
  const own = await generateIdentity()
  const recovery = await generateIdentity()
  for (const folder of [at.folder, at.home, at.workspace]) await real.makeFolder(folder, 0o700)
  const put = async (path: string, text: string, mode: number): Promise<void> => {
    await real.makeFolder(dirname(path), 0o700)
    await real.create(path, text, mode)
  }
  await put(join(at.home, '.talos', 'config'), talosconfig(hardened), 0o600)
  await put(join(at.home, '.config', 'talos-preflight', 'identity.txt'), `# practice: yours\n${own}\n`, 0o600)
  await put(
    join(at.folder, 'recovery', 'identity.txt'),
    `# practice: the recovery identity; its holder keeps it offline\n${recovery}\n`,
    0o600,
  )
  let profile = newProfile({ name: 'practice', environment: 'lab', observe: 'reader@practice', delivery: 'live' })
  const document = parseDocument(profile)
  document.setIn(['access', 'change'], 'admin@practice')
  profile = document.toString({ lineWidth: 0 })
  profile = withRecipient(profile, {
    name: 'you',
    role: 'operator',
    recipient: await identityToRecipient(own),
    opens: ['secrets', 'backups'],
  })
  profile = withRecipient(profile, {
    name: 'safe',
    role: 'recovery',
    recipient: await identityToRecipient(recovery),
    opens: ['secrets', 'backups'],
  })
  await put(join(at.workspace, PROFILE_FILE), profile, 0o644)
  await put(join(at.workspace, '.gitignore'), '.preflight.lock\n*.part\n*.tmp\nbackups/\n', 0o644)
  const first = state.nodes[0]
  if (!hardened && first) await put(join(at.workspace, 'controlplane.yaml'), machineConfig(first, state.clusterId), 0o644)
}

/** Real certificates with invented keys: they show a role and an end, and open nothing. */
function talosconfig(hardened: boolean): string {
  const key = Buffer.from(
    `-----BEGIN ED25519 PRIVATE KEY-----\n${inventedSecret('talosconfig key', 48)}\n-----END ED25519 PRIVATE KEY-----\n`,
  ).toString('base64')
  const context = (crt: string) => ({ endpoints: ['10.20.0.11', '10.20.0.12', '10.20.0.13'], ca: certificates.ca, crt, key })
  const value = {
    context: 'reader@practice',
    contexts: {
      'reader@practice': context(certificates.readerForSixtyDays),
      'admin@practice': context(hardened ? certificates.adminForFiveDays : certificates.adminForAYear),
    },
  }
  return parseDocument(JSON.stringify(value)).toString({ lineWidth: 0, collectionStyle: 'block' } as never)
}
