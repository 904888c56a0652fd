import { readFile } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { STEPS } from '../../steps/index.ts'
import { type Block, type Call, type Opens, one, plain, plainLine, type Word } from '../contract.ts'
import { maskedDiff } from '../domain/masked-diff.ts'
import { clusterInfo, OBSERVATIONS, type TalosContext, talosContexts } from '../domain/observations.ts'
import { refuseRecipients } from '../domain/recipients.ts'
import { foldersOf, wantedSysctls } from '../domain/sysctl.ts'
import type { Verbs } from '../domain/verbs.ts'
import { Failure, Refusal } from '../engine/errors.ts'
import { answersFor, type RawAnswers } from '../engine/evaluate.ts'
import type { CallHooks, CallResult, EnginePorts } from '../engine/ports.ts'
import { createSession, type Session } from '../engine/session.ts'
import { createObserver, type Observer, talosconfigPlaces } from '../observe/observer.ts'
import { lastControllerError } from '../observe/parse.ts'
import { parseTalosconfig } from '../observe/talosconfig.ts'
import type { System } from '../system/ports.ts'
import { type Access, type Caller, createCaller } from '../tools/caller.ts'
import { sealTo } from '../tools/seal.ts'
import type { Parsed } from './args.ts'
import { fileProblem } from './file-problem.ts'
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
}

export interface World {
  place: Place
  program: Program
  flags: Parsed['flags']
  workspace?: Workspace
  contexts: { found: TalosContext[]; problems: string[] }
  access: Access[]
  caller: Caller
  observer: Observer
  session: Session
  operator: string
  cluster: { name: string; environment: string }
  delivery: 'live' | 'gitops'
  mode: 'live' | 'gitops' | 'practice'
  templates: Map<string, string>
}

const TEMPLATE_FILES = ['INF-10/machine.sysctls.yaml', 'INF-10/SysctlConfig.yaml']

/** Reads the contexts of every talosconfig that may be used; files that are not there are no problem. */
export async function readContexts(system: System, paths: readonly string[]): Promise<World['contexts']> {
  const found: TalosContext[] = []
  const problems: string[] = []
  for (const path of paths) {
    if (!(await system.files.info(path))) continue
    const bytes = await system.files.read(path).catch((error: NodeJS.ErrnoException) => error.code ?? 'error')
    if (typeof bytes === 'string') {
      problems.push(`${path} could not be read: ${bytes}`)
      continue
    }
    const parsed = parseTalosconfig(bytes.toString('utf8'), path)
    if ('problem' in parsed) problems.push(`${path} ${parsed.problem}`)
    else found.push(...parsed.contexts)
  }
  return { found, problems }
}

function accessOf(context: TalosContext, purpose: Access['purpose']): Access {
  return {
    purpose,
    talosconfig: context.file,
    context: context.name,
    roles: context.roles,
    endpoints: context.endpoints,
    nodes: context.nodes,
    notAfter: context.notAfter,
    certificate: context.certificate,
  }
}

/**
 * The credentials that may be used, each for its purpose: the flag, then the profile, then the file's own current context.
 *
 * @throws Refusal where a named context is not there, or two of them belong to different clusters.
 */
export function chooseAccess(
  contexts: readonly TalosContext[],
  named: { flag?: string | undefined; observe?: string | undefined; change?: string | undefined },
): Access[] {
  const pick = (name: string, from: string): TalosContext => {
    const context = contexts.find((c) => c.name === name)
    if (!context)
      throw new Refusal(
        'no-such-context',
        `there is no context "${name}" (${from})`,
        contexts.length > 0
          ? `contexts: ${contexts.map((c) => c.name).join(', ')}`
          : 'no talosconfig was found; name one with --talosconfig FILE',
      )
    if (context.problem) throw new Refusal('bad-context', `context "${name}" ${context.problem}`, 'take another one: --context NAME')
    return context
  }
  const observe = named.flag
    ? pick(named.flag, '--context')
    : named.observe
      ? pick(named.observe, 'access.observe in preflight.yaml')
      : (contexts.find((c) => c.current && !c.problem) ?? (contexts.length === 1 && !contexts[0]?.problem ? contexts[0] : undefined))
  const change = named.change ? pick(named.change, 'access.change in preflight.yaml') : undefined
  if (observe && change && observe.ca !== change.ca)
    throw new Refusal(
      'mixed-access',
      `contexts "${observe.name}" and "${change.name}" belong to different clusters`,
      'name contexts of one cluster in preflight.yaml, or --context NAME',
    )
  return [...(observe ? [accessOf(observe, 'observe')] : []), ...(change && change !== observe ? [accessOf(change, 'change')] : [])]
}

function parseAnswers(flags: readonly string[] | undefined, base: RawAnswers): RawAnswers {
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

export async function openWorld(program: Program, place: Place, parsed: Parsed, command: string): Promise<World> {
  const { system } = place
  const { flags } = parsed
  const folder = resolve(system.files.cwd, place.folder)
  const workspace = await Workspace.open(system, folder)
  const profile = workspace?.profile
  await system.memory.clean().catch(() => 0)
  const talosconfigs = talosconfigPlaces(system, [flags.talosconfig, profile?.talosconfig])
  const named = flags.talosconfig ?? profile?.talosconfig
  // talosctl makes an empty config where the file is missing, so it must never get that far
  if (named && !(await system.files.info(resolve(named))))
    throw new Refusal('no-talosconfig', `there is no talosconfig ${named}`, 'check the path given by --talosconfig or preflight.yaml')
  const contexts = await readContexts(system, talosconfigs)
  const access = chooseAccess(contexts.found, { flag: flags.context, observe: profile?.access?.observe, change: profile?.access?.change })
  const caller = createCaller(system, access)
  const answers = parseAnswers(flags.answer, profile?.steps ?? {})
  const cluster = {
    name: profile?.cluster.name ?? access[0]?.context.replace(/^.*@/, '') ?? '',
    environment: profile?.cluster.environment ?? '',
  }
  const delivery = profile?.delivery ?? 'live'
  const identityFile = flags.identity ? resolve(flags.identity) : await identityPath(system)
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
  })
  const templates = new Map<string, string>()
  for (const file of TEMPLATE_FILES) templates.set(file, await readFile(join(program.root, 'templates', file), 'utf8'))
  const operator = `${userInfo().username}@${hostname()}`
  const mode = place.mode === 'practice' ? 'practice' : delivery === 'gitops' ? 'gitops' : 'live'
  const session = createSession({
    ports: enginePorts({ system, caller, observer, ...(workspace ? { workspace } : {}) }),
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
    command,
    answers,
    attestations: profile?.attestations ?? [],
    waivers: profile?.waivers ?? [],
    ...(profile?.cluster.identity ? { pinned: { ...profile.cluster.identity } } : {}),
    save: {
      identity: async (identity) => workspace?.saveIdentity(identity),
      word: async (kind: 'attestations' | 'waivers', word: Word) => needed(workspace).saveWord(kind, word),
      answer: async (step, question, text) => workspace?.saveAnswer(step, question, text),
    },
  })
  return {
    place,
    program,
    flags,
    ...(workspace ? { workspace } : {}),
    contexts,
    access,
    caller,
    observer,
    session,
    operator,
    cluster,
    delivery,
    mode,
    templates,
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

/** The engine's ports, made of the system's. */
function enginePorts(parts: { system: System; caller: Caller; observer: Observer; workspace?: Workspace }): EnginePorts {
  const { system, caller, observer, workspace } = parts
  const run = (call: Call, options: Parameters<Caller['run']>[2] = {}) => caller.run(call.verb as keyof Verbs, call.args as never, options)

  const call = async (given: Call, hooks: CallHooks = {}): Promise<CallResult> => {
    const ran = await run(given, {
      ...(hooks.signal ? { signal: hooks.signal } : {}),
      ...(hooks.onChild ? { onStart: hooks.onChild } : {}),
    })
    if (!ran.ok) return { ok: false, reason: ran.reason, ...(ran.remedy ? { remedy: ran.remedy } : {}), output: ran.stdout }
    return { ok: true, summary: summaryOf(given, ran.stdout, ran.stderr), output: ran.stdout }
  }

  const recipientsFor = (opens: Opens): { name: string; recipient: string }[] =>
    (workspace?.profile.recipients ?? []).filter((r) => r.opens.includes(opens))

  return {
    clock: system.clock,
    observe: (names, options) => observer.observe(names, options),
    observeOne: (name, object, signal) => observer.observeOne(name, object, signal),
    holds: (observation, predicate, value, args) => {
      const check = OBSERVATIONS[observation]?.predicates[predicate]
      if (!check) throw new Error(`no predicate ${observation}.${predicate}`)
      return check(value as never, args)
    },
    call,
    commandLine: (given) => caller.commandLine(given),
    preview: (given) => previewOf(given, caller, system),
    seal: async (plaintext, to) => {
      if (!workspace) throw new Error('sealing needs a workspace')
      const recipients = recipientsFor(to.opens)
      const path = await workspace.place(to.path)
      try {
        const sealed = await sealTo(system, caller, plaintext, { path, recipients: recipients.map((r) => r.recipient) })
        return { path: to.path, sha256: sealed.sha256, bytes: sealed.bytes, recipients: recipients.map((r) => r.name) }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code) fileProblem(error, path)
        throw new Failure('not-sealed', (error as Error).message, 'nothing was changed; see talos-preflight doctor')
      }
    },
    cannotSeal: (opens) => {
      const recipients = recipientsFor(opens)
      if (recipients.length === 0) return `nobody could open what would be sealed: no recipient in preflight.yaml opens ${opens}`
      return refuseRecipients(recipients)
    },
    identify: async () => {
      const seen = await observer.observe([clusterInfo.name, talosContexts.name], {})
      const info = one(seen[clusterInfo.name] ?? [])
      if (!info.ok) return { reason: info.reason, ...(info.remedy ? { remedy: info.remedy } : {}) }
      const contexts = one(seen[talosContexts.name] ?? [])
      const ours = contexts.ok ? (contexts.value as TalosContext[]).find((c) => c.certificate === caller.access[0]?.certificate) : undefined
      return { identity: { ca: ours?.ca ?? '', id: (info.value as { id: string }).id } }
    },
    processes: system.processes,
    ...(workspace ? { workspace } : {}),
  }
}

/** What a call came to, in words that hold nothing of a configuration. */
function summaryOf(call: Call, stdout: Buffer, stderr: Buffer): string {
  if (call.verb === 'talosctl.controllerLog') return lastControllerError(plain(stdout.toString('utf8')), /KernelParamSpec/)
  if (call.verb !== 'talosctl.patch') return ''
  const text = stderr.toString('utf8')
  if (/no changes detected/.test(text)) return 'no changes: it is there already'
  if (/skipped in dry-run/.test(text)) return /without a reboot/.test(text) ? 'accepted, without a reboot' : 'accepted'
  return /without a reboot/.test(text) ? 'applied, without a reboot' : 'applied'
}

/** A masked diff of what a patch does to the configuration, made by the operator's own talosctl, in memory. */
async function previewOf(given: Call, caller: Caller, system: System): Promise<Block[]> {
  if (given.verb !== 'talosctl.patch') return []
  const { node, patches } = given.args as unknown as Verbs['talosctl.patch']
  const problem = await system.memory.problem()
  if (problem) return [{ type: 'text', text: `the diff is unknown: ${problem}` }]
  const before = await caller.run('talosctl.machineConfig', { node })
  if (!before.ok) return [{ type: 'text', text: `the diff is unknown: ${before.reason}` }]
  const held = await system.memory.keep('config.yaml', before.stdout)
  const after = await caller.run('talosctl.merge', { config: held.path, patches }).finally(held.remove)
  if (!after.ok) return [{ type: 'text', text: `the diff is unknown: ${after.reason}` }]
  return [maskedDiff(`machine config of ${node}`, before.stdout.toString('utf8'), after.stdout.toString('utf8'), patches)]
}
