import { STEPS } from '../../steps/index.ts'
import { plainLine, type Questions, type SealAction } from '../contract.ts'
import { EXIT } from '../engine/errors.ts'
import { shellQuote } from '../tools/caller.ts'
import type { StepInfo, WizardWorld } from '../ui/host.ts'
import { accessLine, closingLines, exitOf, failOn, practiceFlag, warnings } from './command.ts'
import { describeIdentity } from './identity.ts'
import { keys } from './keys.ts'
import { identityPath, type World } from './world.ts'

/** An opened cluster as the wizard sees it. */

/** Sealing by hand, to the same recipients and into the same folder. What a tool insists on having in a file is in one meanwhile. */
function sealLine(world: World, action: SealAction): string {
  const recipients = (world.workspace?.profile.recipients ?? [])
    .filter((r) => r.opens.includes(action.opens))
    .map((r) => `--recipient ${shellQuote(r.recipient)}`)
  const age = `age ${recipients.join(' ')}`
  const path = action.path.replace('{time}', '$(date -u +%Y-%m-%dT%H-%M-%S)').replace(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase())
  if ('held' in action.source) return `${age} < ${action.source.held} > ${path}`
  const { call, through = [] } = action.source
  const steps = [call, ...through].map((c) => world.caller.commandLine(c))
  const files = through.map((c) => String(c.args[world.caller.verbOf(c.verb).reads ?? ''] ?? ''))
  return [...files.map((file, i) => `${steps[i]} > ${file} && `), steps.at(-1), ` | ${age} > ${path}`].join('')
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
    canUndo: step.undo !== undefined,
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

export async function wizardWorld(world: World): Promise<WizardWorld & { inner: World }> {
  const { session, workspace, place } = world
  // a severity that is none is refused before anything is looked at
  failOn(world)
  await workspace?.lock()
  const inKeys = async (words: string[], flags: World['flags']): Promise<string> => {
    const said: string[] = []
    await keys({
      world: { ...world, flags: { ...world.flags, ...flags } },
      front: { kind: 'tui' } as never,
      json: false,
      out: (text) => said.push(text.trim()),
      note: () => undefined,
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
    folder: plainLine(workspace?.path ?? place.folder),
    operator: world.operator,
    now: () => place.system.clock.now(),
    commandLine: (call) => world.caller.commandLine(call),
    sealLine: (action) => sealLine(world, action),
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
      add: (name, recipient, opens) => inKeys(['add', name, recipient], { role: 'recovery', opens }),
    },
    product: world.program.name,
    suffix: practiceFlag(world),
    warnings: (plan) => warnings(world, plan),
    closing: (plan, done) => [...closingLines(world, done, plan), ...world.notes.map((note) => `  note       ${note}`)],
    exitCode: () => {
      const { report } = session.state()
      return report ? exitOf(world, report) : EXIT.ok
    },
    close: async (exitCode) => {
      await session.close(exitCode).finally(() => workspace?.unlock())
    },
  }
}
