import { readdir, readFile } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { STEPS } from '../../steps/index.ts'
import { type Observes, plainLine, type Word } from '../contract.ts'
import { PROFILE_FILE } from '../domain/profile.ts'
import { foldersOf, wantedSysctls } from '../domain/sysctl.ts'
import { Refusal } from '../engine/errors.ts'
import { answersFor, type RawAnswers } from '../engine/evaluate.ts'
import { createSession, type Session } from '../engine/session.ts'
import { createObserver, type Observer, talosconfigPlaces } from '../observe/observer.ts'
import type { System } from '../system/ports.ts'
import { cleanScratch } from '../system/scratch.ts'
import type { Access } from '../tools/access.ts'
import { type Caller, createCaller } from '../tools/caller.ts'
import { type ChosenKubernetes, type Credentials, credentials, type FoundContexts, talosCas } from './access.ts'
import type { Parsed } from './args.ts'
import { enginePorts } from './engine-ports.ts'
import { refusePrivateKey } from './private-key.ts'
import { proofsIn } from './proofs.ts'
import { wordsOfNoStep } from './stray-words.ts'
import { Workspace } from './workspace.ts'

/** Puts the parts together: system, credentials, caller, observer, workspace, session. */

export interface Program {
  name: string
  version: string
  /** Folder that holds `templates/`. */
  root: string
}

/** Where everything below runs: the real machine, or practice. */
export interface Place {
  system: System
  mode: 'live' | 'practice'
  /** The folder that is the workspace if it has a profile. */
  folder: string
  scenario?: string
  /** Steps that are mended before anybody sees a new simulated world, in rounds. */
  prepare?: string[][]
}

export interface World {
  place: Place
  program: Program
  flags: Parsed['flags']
  workspace?: Workspace
  contexts: FoundContexts
  access: Access[]
  kubernetes?: ChosenKubernetes
  refused: Credentials['refused']
  /** What was put right at the start, to be said. */
  notes: string[]
  caller: Caller
  observer: Observer
  session: Session
  operator: string
  cluster: { name: string; environment: string }
  delivery: 'live' | 'gitops'
  mode: 'live' | 'gitops' | 'practice'
}

/** Every template by its path below the folder. */
async function templatesBelow(folder: string): Promise<Map<string, string>> {
  const paths = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('.yaml'))
  return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(join(folder, path), 'utf8')] as const)))
}

export function parseAnswers(flags: readonly string[] | undefined, base: RawAnswers): RawAnswers {
  const answers = structuredClone(base)
  for (const flag of flags ?? []) {
    const match = /^([A-Za-z0-9-]+)\.([A-Za-z0-9]+)=(.*)$/s.exec(flag)
    if (!match)
      throw new Refusal('bad-answer', `"${plainLine(flag, 80)}" is not STEP.QUESTION=VALUE`, 'as in --answer INF-10.logMartians=no')
    const [, step = '', question = '', value = ''] = match
    answers[step.toUpperCase()] = { ...answers[step.toUpperCase()], [question]: value }
  }
  for (const step of STEPS) answersFor(step, answers)
  const stranger = Object.keys(answers).find((id) => !STEPS.some((s) => s.id === id))
  if (stranger) throw new Refusal('unknown-step', `there is no step ${stranger} to answer`, `steps: ${STEPS.map((s) => s.id).join(', ')}`)
  return answers
}

/** The answers of a run: the profile's, and before them those of flags. What is wrong in the file is told from what was typed. */
function answersOf(flags: Parsed['flags'], workspace: Workspace | undefined): RawAnswers {
  try {
    return parseAnswers(flags.answer, workspace?.profile.steps ?? {})
  } catch (error) {
    parseAnswers(flags.answer, {})
    if (!(error instanceof Refusal) || !workspace) throw error
    throw new Refusal(error.code, `${join(workspace.path, PROFILE_FILE)}, under "steps": ${error.message}`, error.hint)
  }
}

/** Commands that look at files of the workspace and this machine alone. */
const HERE_ALONE = ['journal', 'doctor', 'keys']
/** Commands that look at the steps that are named, which may need no cluster. */
const AT_STEPS = ['check', 'attest', 'waive']

function asksCluster({ command, words }: Parsed): boolean {
  const name = command?.name ?? ''
  if (HERE_ALONE.includes(name)) return false
  if (!AT_STEPS.includes(name) || words.length === 0) return true
  const steps = STEPS.filter((s) => words.some((id) => id.toUpperCase() === s.id))
  return steps.some((s) => Object.values(s.observes as Observes).some((o) => o.scope !== 'workstation'))
}

/** A workspace that was named and is none: its answers and waivers would be missing without a word. `init` makes one, the wizard offers to. */
function refuseNamed(place: Place, { command, flags }: Parsed, folder: string): void {
  if (flags.workspace === undefined || place.mode === 'practice' || !command || command.name === 'init') return
  throw new Refusal(
    'no-such-workspace',
    `${plainLine(folder)} is no workspace: there is no ${PROFILE_FILE} in it`,
    'check the path; a new one: talos-preflight init --workspace FOLDER',
  )
}

export async function openWorld(program: Program, place: Place, parsed: Parsed, command: string): Promise<World> {
  const { system } = place
  const { flags } = parsed
  const folder = resolve(system.files.cwd, place.folder)
  const workspace = await Workspace.open(system, folder)
  if (!workspace) refuseNamed(place, parsed, folder)
  const profile = workspace?.profile
  await system.memory.clean().catch(() => 0)
  const talosconfigs = talosconfigPlaces(system, [flags.talosconfig, profile?.talosconfig])
  const { contexts, access, kubernetes, refused } = await credentials(system, talosconfigs, { flags, profile })
  if (refused[0] && asksCluster(parsed)) throw refused[0].why
  const caller = createCaller(system, access, kubernetes?.access)
  const answers = answersOf(flags, workspace)
  const cluster = {
    name: profile?.cluster.name ?? access[0]?.context.replace(/^.*@/, '') ?? '',
    environment: profile?.cluster.environment ?? '',
  }
  const delivery = profile?.delivery ?? 'live'
  const identityFile = flags.identity ? resolve(system.files.cwd, flags.identity) : await identityPath(system)
  const scratch = flags.scratch ?? profile?.scratch
  const notes = await cleanScratch(system, scratch ? resolve(folder, scratch) : undefined)
  const observer = createObserver({
    system,
    caller,
    cluster,
    folder,
    talosconfigs,
    nodes: (flags.nodes?.split(',') ?? profile?.nodes ?? []).map((n) => n.trim()).filter(Boolean),
    kernelFolders: () =>
      foldersOf(
        Object.keys(wantedSysctls(answersFor(stepOf('INF-10'), session.state().answers) as unknown as Parameters<typeof wantedSysctls>[0])),
      ),
    scan: { exclude: profile?.scan?.exclude ?? [], seconds: Number(profile?.scan?.seconds ?? 60) || 60, defaultPlaces: [identityFile] },
    ...(flags['machine-config'] ? { machineConfig: resolve(flags['machine-config']) } : {}),
    identity: async () => {
      const ca = access[0] && contexts.found.find((c) => c.certificate === access[0]?.certificate)?.ca
      return ca ? { ca } : undefined
    },
    cas: { talos: await talosCas(system, access), kubernetes: kubernetes?.ca ?? [] },
    sealed: {
      ...(workspace ? { workspace: workspace.path } : {}),
      identity: identityFile,
      proofs: async (observation) => (workspace ? proofsIn(workspace, observation) : []),
    },
  })
  const templates = await templatesBelow(join(program.root, 'templates'))
  const operator = `${userInfo().username}@${hostname()}`
  const mode = place.mode === 'practice' ? 'practice' : delivery === 'gitops' ? 'gitops' : 'live'
  const sessionFor = (typed: string): Session =>
    createSession({
      ports: enginePorts({
        system,
        mode,
        caller,
        observer,
        identity: identityFile,
        ...(workspace ? { workspace } : {}),
        ...(scratch ? { scratch: resolve(folder, scratch) } : {}),
      }),
      steps: STEPS,
      template: (path) => {
        const text = templates.get(path)
        if (text === undefined) throw new Error(`no template ${path}`)
        return text
      },
      cluster,
      delivery,
      mode,
      operator,
      tool: `${program.name} ${program.version}`,
      command: typed,
      answers,
      attestations: profile?.attestations ?? [],
      waivers: profile?.waivers ?? [],
      recipients: () => workspace?.profile.recipients ?? [],
      ...(workspace?.profile.cluster.identity ? { pinned: { ...workspace.profile.cluster.identity } } : {}),
      save: {
        identity: async (identity) => workspace?.saveIdentity(identity),
        word: async (kind: 'attestations' | 'waivers', word: Word) => {
          refusePrivateKey(word.why, word.by, word.object)
          await needed(workspace).saveWord(kind, word)
        },
        answer: async (step, question, text) => {
          refusePrivateKey(text)
          await workspace?.saveAnswer(step, question, text)
        },
        recipient: async (change, recipient) => {
          refusePrivateKey(recipient.name, recipient.recipient)
          await (change === 'added' ? needed(workspace).addRecipient(recipient) : needed(workspace).removeRecipient(recipient.name))
        },
      },
    })
  if (place.prepare && place.prepare.length > 0) {
    const before = sessionFor(`how a ${place.scenario} world comes about`)
    for (const steps of place.prepare) await before.apply(await before.plan({ kind: 'mend', steps }), { how: 'practice' })
    await before.close(0)
    place.prepare = []
  }
  const session = sessionFor(command)
  return {
    place,
    program,
    flags,
    ...(workspace ? { workspace } : {}),
    contexts,
    access,
    ...(kubernetes ? { kubernetes } : {}),
    refused,
    notes: [...notes.map((note) => plainLine(note, 400)), ...wordsOfNoStep(workspace?.profile)],
    caller,
    observer,
    session,
    operator,
    cluster,
    delivery,
    mode,
  }
}

const stepOf = (id: string) => {
  const step = STEPS.find((s) => s.id === id)
  if (!step) throw new Error(`no step ${id}`)
  return step
}

export function needed(workspace: Workspace | undefined): Workspace {
  if (!workspace) throw new Refusal('no-workspace', 'this needs a workspace, and there is none here', 'talos-preflight init')
  return workspace
}

/** Where the operator's own identity is: outside workspace and git. A file `identity-path` beside it names another one. */
export async function identityPath(system: System): Promise<string> {
  const folder = join(system.files.env.XDG_CONFIG_HOME || join(system.files.home, '.config'), 'talos-preflight')
  const pointer = await system.files.read(join(folder, 'identity-path')).then(
    (b) => b.toString('utf8').trim(),
    () => '',
  )
  return pointer || join(folder, 'identity.txt')
}
