import { STEPS } from '../../steps/index.ts'
import type { Questions } from '../contract.ts'
import { plainLine } from '../contract.ts'
import { EXIT, Refusal } from '../engine/errors.ts'
import { exitCodeFor } from '../engine/evaluate.ts'
import { talosconfigPlaces } from '../observe/observer.ts'
import type { System } from '../system/ports.ts'
import type { Choice, ContextInfo, DoorsInfo, StepInfo, WizardHost, WizardWorld } from '../ui/host.ts'
import type { Parsed } from './args.ts'
import { accessLine, closingLines, practiceFlag } from './commands.ts'
import type { Io } from './io.ts'
import { describeIdentity, keys } from './keys.ts'
import { openPlace, scenarioOf } from './place.ts'
import { Workspace } from './workspace.ts'
import { identityPath, openWorld, type Place, type Program, readContexts, type World } from './world.ts'

/** What the wizard needs of the program, made of the parts. */

interface Given {
  parsed: Parsed
  io: Io
  program: Program
  place: Place
  wrap: (system: System) => System
  command: string
}

const DAY = 86_400_000

function contextInfo(context: World['contexts']['found'][number], home: string, now: Date): ContextInfo {
  const days = Math.floor((new Date(context.notAfter).getTime() - now.getTime()) / DAY)
  return {
    name: context.name,
    file: context.file.startsWith(home) ? `~${context.file.slice(home.length)}` : context.file,
    role: context.roles[0] ?? (context.problem ? '' : 'no role'),
    ends:
      context.problem ??
      (days < 0 ? `expired ${-days} ${days === -1 ? 'day' : 'days'} ago` : `ends in ${days} ${days === 1 ? 'day' : 'days'}`),
    usable: !context.problem && days >= 0,
  }
}

export function wizardHost(given: Given): WizardHost {
  const { parsed, io, program, place, wrap, command } = given
  const straight: Choice | undefined = scenarioOf(parsed) ? { kind: 'practice' } : undefined

  const open = async (choice: Choice): Promise<WizardWorld> => {
    const target = choice.kind === 'practice' && place.mode !== 'practice' ? await openPlace(parsed, io, wrap, 'default') : place
    const flags = choice.kind === 'check' && choice.context ? { ...parsed.flags, context: choice.context } : parsed.flags
    return wizardWorld(await openWorld(program, target, { ...parsed, flags }, command))
  }

  return {
    product: program.name,
    version: program.version,
    ...(straight ? { straight } : {}),
    env: io.env,
    color: !io.env.NO_COLOR && parsed.flags['no-color'] !== true,
    doors: async (): Promise<DoorsInfo> => {
      const { system } = place
      const workspace = await Workspace.open(system, place.folder)
      const contexts = await readContexts(system, talosconfigPlaces(system, [parsed.flags.talosconfig, workspace?.profile.talosconfig]))
      const home = system.files.home
      const folder = place.folder.startsWith(home) ? `~${place.folder.slice(home.length)}` : place.folder
      return {
        place: workspace ? `${workspace.profile.cluster.name} in ${plainLine(folder, 40)}` : `no workspace in ${plainLine(folder, 40)}`,
        contexts: contexts.found.map((c) => contextInfo(c, home, system.clock.now())),
        problems: contexts.problems,
      }
    },
    open,
    init: async (world, name, environment) => {
      const { inner } = world as WizardWorld & { inner: World }
      if (environment !== 'production' && environment !== 'staging' && environment !== 'lab')
        throw new Refusal('usage', `${environment} is no environment`)
      const ca = inner.contexts.found.find((c) => c.certificate === inner.access[0]?.certificate)?.ca
      const info = (await inner.observer.observe(['clusterInfo'], {})).clusterInfo?.[0]?.look
      await Workspace.create(inner.place.system, inner.place.folder, {
        name,
        environment,
        delivery: 'live',
        ...(info?.ok && ca ? { identity: { ca, id: (info.value as { id: string }).id } } : {}),
        ...(inner.access[0] ? { observe: inner.access[0].context } : {}),
      })
      await world.close(EXIT.ok)
      return wizardWorld(await openWorld(program, inner.place, parsed, command))
    },
  }
}

function stepInfo(): StepInfo[] {
  return STEPS.map((step) => ({
    id: step.id,
    category: step.category,
    title: step.title,
    severity: step.severity,
    why: step.why,
    references: step.references,
    canMend: step.remediate !== undefined,
    questions: Object.entries(step.questions as Questions).map(([name, q]) => ({
      name,
      label: q.label,
      hint: q.hint,
      value: (raw: string | undefined) => raw ?? q.format(q.default as never),
      parse: (text: string) => {
        const parsed = q.parse(text)
        return 'error' in parsed ? parsed.error : undefined
      },
    })),
  }))
}

async function wizardWorld(world: World): Promise<WizardWorld & { inner: World }> {
  const { session, workspace, place } = world
  await workspace?.lock()
  const inKeys = async (words: string[], flags: World['flags']): Promise<string> => {
    const said: string[] = []
    await keys({
      world: { ...world, flags: { ...world.flags, ...flags } },
      front: { kind: 'tui' } as never,
      json: false,
      out: (text) => said.push(text.trim()),
      words,
    })
    return said[0] ?? ''
  }
  return {
    inner: world,
    session,
    steps: stepInfo(),
    header: {
      cluster: world.cluster.name || 'no cluster',
      environment: world.cluster.environment,
      mode:
        place.mode === 'practice' ? 'PRACTICE' : world.access.length === 0 ? 'OFFLINE' : world.delivery === 'gitops' ? 'GITOPS' : 'LIVE',
      as: accessLine(world),
    },
    delivery: world.delivery,
    workspace: workspace?.path,
    operator: world.operator,
    now: () => place.system.clock.now(),
    commandLine: (call) => world.caller.commandLine(call),
    keys: {
      info: async () => {
        const identity = await describeIdentity(world, world.flags.identity ?? (await identityPath(place.system)))
        const recipients = workspace?.profile.recipients ?? []
        return {
          identity: identity.text,
          recipients: recipients.map((r) => `${r.name}, ${r.role}, opens ${r.opens.join(' and ')}`),
          missing: !recipients.some((r) => r.opens.includes('secrets')),
          noRecovery: !recipients.some((r) => r.role === 'recovery'),
        }
      },
      create: () => inKeys(['create'], {}),
      protect: () => inKeys(['create'], { passphrase: true }),
      add: (name, recipient) => inKeys(['add', name, recipient], { role: 'recovery' }),
    },
    suffix: practiceFlag(world),
    closing: (plan, done) => closingLines(world, done, plan),
    exitCode: () => {
      const { report } = session.state()
      return report ? exitCodeFor(report.results, report.observed, { failOn: 'medium', allowUnknown: false }) : EXIT.ok
    },
    close: async (exitCode) => {
      await session.close(exitCode)
      await workspace?.unlock()
    },
  }
}
