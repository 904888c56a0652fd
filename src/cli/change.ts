import { resolve } from 'node:path'
import { isChange } from '../contract.ts'
import { EXIT, Failure, Interrupted, Refusal } from '../engine/errors.ts'
import type { PerformResult } from '../engine/perform.ts'
import { digestOfPlan, type Plan, type Stage, writePlan } from '../engine/plan.ts'
import type { PartReview } from '../engine/state.ts'
import { planText } from '../ui/report/plan-text.ts'
import { answerFlags, type CommandContext, closingLines, exitOf, practiceFlag, settle, tellUnfinished, warnings } from './command.ts'
import { fileProblem } from './file-problem.ts'
import { needed, parseAnswers, type World } from './world.ts'

/** `plan` and `apply`, and every command that carries out a plan of its own. */

const stageOf = (world: World, steps: string[]): Stage => ({
  kind: world.flags.undo ? 'undo' : 'mend',
  steps: steps.map((s) => s.toUpperCase()),
})

async function reviewed(world: World, plan: Plan): Promise<{ reviews: PartReview[]; text: string }> {
  const reviews = await world.session.review(plan)
  return { reviews, text: planText(plan, reviews, world.delivery, (call) => world.caller.commandLine(call)) }
}

export async function plan({ world, front, json, out, note, words }: CommandContext): Promise<number> {
  await tellUnfinished({ world, note })
  const given = world.flags.answer ? { answers: parseAnswers(world.flags.answer, {}) } : {}
  const made = await world.session.plan({ ...stageOf(world, words), ...given })
  const { text } = await reviewed(world, made)
  const path = world.flags.out && resolve(world.place.system.files.cwd, world.flags.out)
  if (path) {
    await world.place.system.files.replace(path, writePlan(made, world.mode), 0o644).catch((error) => fileProblem(error, path))
  }
  if (json) out(writePlan(made, world.mode))
  else {
    out(`${text}\n`)
    for (const warning of warnings(world, made)) front.say(`Warning: ${warning}`)
    const what = world.flags.out ?? `${words.join(' ')}${world.flags.undo ? ' --undo' : ''}${answerFlags(world)}`
    if (path) front.say(`Written to ${world.place.mode === 'practice' ? path : world.flags.out}.`)
    if (made.parts.length > 0) front.say(`Carry it out: ${world.program.name} apply ${what}${practiceFlag(world)}`)
  }
  return made.parts.length === 0 && made.blocked.length > 0 ? EXIT.usage : EXIT.ok
}

export async function apply(context: CommandContext): Promise<number> {
  const { world, words } = context
  const file = words.length === 1 && /\.json$|\//.test(words[0] ?? '') ? (words[0] ?? '') : undefined
  return carryOut(context, async () => {
    if (!file) return world.session.plan(stageOf(world, words))
    if (world.flags.answer)
      throw new Refusal(
        'usage',
        `${file} holds its own answers`,
        'make it again with others: talos-preflight plan STEP --answer … --out FILE',
      )
    const path = resolve(world.place.system.files.cwd, file)
    const text = (await world.place.system.files.read(path).catch((error) => fileProblem(error, path))).toString('utf8')
    return world.session.revive(text, file)
  })
}

/** What would refuse the change when it was tried on it. */
function refuseRefused(made: Plan, reviews: readonly PartReview[]): void {
  const refused = made.parts.filter((p) => reviews.find((r) => r.part === p.digest)?.dryRun?.ok === false)
  if (refused.length > 0)
    throw new Refusal(
      'dry-run-refused',
      `${refused.map((p) => p.object.name).join(', ')} would refuse the change: ${reviews.find((r) => r.part === refused[0]?.digest)?.dryRun?.text}`,
      'nothing was changed',
    )
}

/** A plan that has nothing to do: because nothing needs it, or because nothing can be done. */
async function nothingToDo({ world, json, out }: CommandContext, made: Plan): Promise<number> {
  if (made.blocked.length > 0)
    throw new Refusal(
      'blocked',
      `nothing can be done now: ${made.blocked[0]?.object.name}: ${made.blocked[0]?.reason}`,
      made.blocked[0]?.remedy,
    )
  const report = await world.session.look(made.stage.steps)
  if (json) out(`${JSON.stringify({ event: 'finished', mode: world.mode, result: 'nothing to do', summary: report.summary })}\n`)
  return made.stage.kind === 'undo' ? EXIT.ok : exitOf(world, report)
}

/** Shows a plan, asks where it changes something, carries it out, and says what came of it. */
export async function carryOut(context: CommandContext, makePlan: () => Promise<Plan>): Promise<number> {
  const { world, front, json, out, leaving } = context
  const { session } = world
  if (world.workspace) await settle(context)
  const made = await makePlan()
  const { reviews, text } = await reviewed(world, made)
  if (json) out(`${JSON.stringify({ event: 'planned', mode: world.mode, digest: digestOfPlan(made), plan: made })}\n`)
  else out(`${text}\n`)
  refuseRefused(made, reviews)
  if (made.parts.length === 0) return nothingToDo(context, made)
  if (world.flags['dry-run']) {
    front.say('Dry run: nothing was changed.')
    return EXIT.ok
  }
  needed(world.workspace)
  for (const warning of warnings(world, made)) {
    front.say(`Warning: ${warning}`)
    if (!world.flags['one-recipient'] && !(await front.confirm('Go on all the same?', '--one-recipient'))) {
      front.say('Nothing was done.')
      return EXIT.usage
    }
  }
  const asks = made.parts.some((p) => p.actions.some((a) => isChange(a) || a.kind === 'write'))
  const how = asks ? await front.consent(made) : 'nothing is changed by it'
  if (how === undefined) {
    front.say('Nothing was changed.')
    return EXIT.usage
  }
  if (leaving?.aborted) throw new Interrupted('interrupted; nothing was changed')
  const stop = front.follow(session)
  const result = await session.apply(made, { how }).finally(stop)
  return conclude(context, made, result)
}

function conclude({ world, front, json, out }: CommandContext, made: Plan, result: PerformResult): number {
  const { report, journalHead } = world.session.state()
  const word = result.failed ? 'failed' : result.stopped ? 'stopped' : 'done'
  if (json) {
    const [done, left] = [result.done.map((p) => p.object), result.left.map((p) => p.object)]
    const rest = { reason: result.failed?.reason ?? null, summary: report?.summary ?? null, journalHead }
    out(`${JSON.stringify({ event: 'finished', mode: world.mode, result: word, done, left, ...rest })}\n`)
  } else {
    const names = result.done.map((p) => p.object.name)
    front.say(`\n${closingLines(world, names, made).join('\n')}`)
  }
  if (result.failed) {
    const { part, action, reason, remedy } = result.failed
    const left = result.left.map((p) => p.object.name).join(', ')
    throw new Failure(
      'action-failed',
      `${part.object.name}, ${action.title}: ${reason}`,
      [remedy, left ? `${left} not begun: the rest is still a plan` : undefined].filter(Boolean).join('\n'),
    )
  }
  if (result.stopped || !report) {
    const before = result.done.length === made.parts.length ? ' before it was looked at again' : ''
    throw new Interrupted(`stopped${before}; ${result.done.length} done, ${result.left.length} not begun`)
  }
  const files = world.delivery === 'gitops' && made.parts.some((p) => p.actions.some((a) => a.kind === 'write'))
  if (made.stage.kind === 'undo' || files) return made.blocked.length > 0 ? EXIT.broken : EXIT.ok
  return exitOf(world, { ...report, results: report.results.filter((r) => made.stage.steps.includes(r.id)) })
}

/** `backup create`: one snapshot more, whether the last one still counts or not. */
export async function backup(context: CommandContext): Promise<number> {
  const { words, world } = context
  if (words[0] !== 'create') throw new Refusal('usage', `there is no "backup ${words[0]}"`, 'talos-preflight backup create')
  return carryOut(context, () => world.session.plan({ kind: 'mend', steps: ['BAK-02', 'BAK-03'], renew: true }))
}

/** `secrets seal` makes a bundle for a cluster that is to be made, `secrets adopt` takes that of one that runs. */
export async function secrets(context: CommandContext): Promise<number> {
  return carryOut(context, () => context.world.session.plan({ kind: 'mend', steps: ['CRT-02'], renew: true }))
}
