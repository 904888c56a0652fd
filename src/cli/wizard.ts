import { plainLine } from '../contract.ts'
import { lasting } from '../domain/remarks.ts'
import { EXIT, Refusal } from '../engine/errors.ts'
import type { System } from '../system/ports.ts'
import type { Choice, ContextInfo, DoorsInfo, WizardHost, WizardWorld } from '../ui/host.ts'
import type { Parsed } from './args.ts'
import type { Io } from './io.ts'
import { openPlace, scenarioOf } from './place.ts'
import { WORDS } from './words.ts'
import type { Place, Program, World } from './world.ts'

/** What the wizard needs of the program. The first screen needs none of the heavy parts, so they are loaded behind it. */

const opening = async () => {
  const [{ openWorld }, { wizardWorld }] = await Promise.all([import('./world.ts'), import('./wizard-world.ts')])
  return { openWorld, wizardWorld }
}

interface Given {
  parsed: Parsed
  io: Io
  program: Program
  place: Place
  wrap: (system: System) => System
  command: string
}

function contextInfo(context: World['contexts']['found'][number], home: string, now: Date): ContextInfo {
  const left = new Date(context.notAfter).getTime() - now.getTime()
  return {
    name: context.name,
    file: context.file.startsWith(home) ? `~${context.file.slice(home.length)}` : context.file,
    role: context.roles[0] ?? (context.problem ? '' : 'no role'),
    ends: context.problem ?? (left < 0 ? `expired ${lasting(-left)} ago` : `ends in ${lasting(left)}`),
    usable: !context.problem && left >= 0,
  }
}

export function wizardHost(given: Given): WizardHost {
  const { parsed, io, program, place, wrap, command } = given
  const straight: Choice | undefined = scenarioOf(parsed) ? { kind: 'practice' } : undefined

  const open = async (choice: Choice): Promise<WizardWorld> => {
    const target = choice.kind === 'practice' && place.mode !== 'practice' ? await openPlace(parsed, io, wrap, 'default') : place
    const flags = choice.kind === 'check' && choice.context ? { ...parsed.flags, context: choice.context } : parsed.flags
    const { openWorld, wizardWorld } = await opening()
    return wizardWorld(await openWorld(program, target, { ...parsed, flags }, command))
  }

  return {
    product: program.name,
    version: program.version,
    ...(straight ? { straight } : {}),
    words: WORDS,
    env: io.env,
    color: !io.env.NO_COLOR && parsed.flags['no-color'] !== true,
    doors: async (): Promise<DoorsInfo> => {
      const { system } = place
      const [{ Workspace }, { readContexts }, { talosconfigPlaces }] = await Promise.all([
        import('./workspace.ts'),
        import('./access.ts'),
        import('../observe/observer.ts'),
      ])
      const workspace = await Workspace.open(system, place.folder)
      const contexts = await readContexts(system, talosconfigPlaces(system, [parsed.flags.talosconfig, workspace?.profile.talosconfig]))
      const home = system.files.home
      const named = parsed.flags.context ?? workspace?.profile.access?.observe
      const folder = place.folder.startsWith(home) ? `~${place.folder.slice(home.length)}` : place.folder
      return {
        place: workspace ? `${workspace.profile.cluster.name} in ${plainLine(folder, 40)}` : `no workspace in ${plainLine(folder, 40)}`,
        contexts: contexts.found.map((c) => contextInfo(c, home, system.clock.now())),
        problems: contexts.problems,
        workspace: workspace !== undefined,
        ...(named ? { named } : {}),
      }
    },
    open,
    init: async (world, name, environment) => {
      const { inner } = world as WizardWorld & { inner: World }
      const { Workspace } = await import('./workspace.ts')
      const { openWorld, wizardWorld } = await opening()
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
