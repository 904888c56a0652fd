import { resolve } from 'node:path'
import { SEVERITIES, type Severity, type Word } from '../contract.ts'
import { EXIT, Failure, Interrupted, Refusal } from '../engine/errors.ts'
import { exitCodeFor } from '../engine/evaluate.ts'
import { type Unfinished, verifyJournals } from '../engine/journal.ts'
import { digestOfPlan, type Plan, type Stage, writePlan } from '../engine/plan.ts'
import type { PartReview, Report } from '../engine/session.ts'
import type { FrontEnd } from '../ui/front-end.ts'
import { CHECK_SCHEMA, type CheckDocument, stepsOf } from '../ui/report/document.ts'
import { checkText, planText, tookSeconds } from '../ui/report/text.ts'
import { toolsUsed } from './doctor.ts'
import { fileProblem } from './file-problem.ts'
import { Workspace } from './workspace.ts'
import { needed, type World } from './world.ts'

/** The commands. Each drives the session and prints what it says; none has a flow of its own. */

export interface CommandContext {
  world: World
  front: FrontEnd
  json: boolean
  out: (text: string) => void
  /** Width of the terminal; absent in a pipe. */
  columns?: number | undefined
  words: string[]
}

const DAY = 86_400_000

/** Who looks and for how long still: `os:reader, 41 days left`. */
export function accessLine(world: World): string {
  const access = world.access[0]
  if (!access) return 'no talosconfig'
  const left = new Date(access.notAfter).getTime() - world.place.system.clock.now().getTime()
  const ends = left <= 0 ? `ended on ${access.notAfter.slice(0, 10)}` : `${Math.floor(left / DAY)} days left`
  return `${access.roles.join(' and ') || 'no role'}, ${ends}`
}

const failOn = (world: World): Severity => {
  const given = world.flags['fail-on'] ?? 'medium'
  const severity = SEVERITIES.find((s) => s === given)
  if (!severity) throw new Refusal('usage', `--fail-on ${given} is no severity`, `one of ${SEVERITIES.join(', ')}`)
  return severity
}

const exitOf = (world: World, report: Report): number =>
  exitCodeFor(report.results, report.observed, { failOn: failOn(world), allowUnknown: world.flags['allow-unknown'] === true })

export async function check({ world, front, json, out, words, columns }: CommandContext): Promise<number> {
  const severity = failOn(world)
  for (const left of await world.session.open())
    front.say(`${sentenceOf(left)} See: talos-preflight apply ${left.steps.join(' ')}${left.stage === 'undo' ? ' --undo' : ''}\n`)
  const report = await world.session.look(words.length > 0 ? words : undefined)
  const exitCode = exitOf(world, report)
  if (json) out(`${JSON.stringify(await documentOf(world, report), null, 2)}\n`)
  else {
    const nodes = new Set(
      Object.values(report.observed)
        .flat()
        .filter((s) => s.object.kind === 'node')
        .map((s) => s.object.name),
    ).size
    out(
      checkText(
        report.results,
        report.summary,
        {
          product: world.program.name,
          suffix: practiceFlag(world),
          cluster: world.cluster.name,
          environment: world.cluster.environment,
          mode: world.mode,
          as: accessLine(world),
          nodes,
          seconds: tookSeconds(report),
        },
        { all: world.flags.all === true, failOn: severity, exitCode, columns },
      ),
    )
  }
  return exitCode
}

async function documentOf(world: World, report: Report): Promise<CheckDocument> {
  const versions = new Set(
    Object.values(await world.observer.observe(['members'], {}))
      .flat()
      .flatMap((s) => (s.look.ok ? (s.look.value as { version: string }[]).map((m) => m.version) : []))
      .filter(Boolean),
  )
  return {
    schema: CHECK_SCHEMA,
    mode: world.mode,
    tool: { name: world.program.name, version: world.program.version },
    tools: await toolsUsed(world),
    operator: world.operator,
    access: world.access.map((a) => ({ purpose: a.purpose, role: a.roles.join(' '), certificateSha256: a.certificate })),
    startedAt: report.startedAt,
    finishedAt: report.finishedAt,
    clockOffsetSeconds: null,
    cluster:
      world.cluster.name || report.identity
        ? { ...world.cluster, identity: report.identity ?? null, talosVersions: [...versions].toSorted(), kubernetesVersion: null }
        : null,
    steps: stepsOf(report.results, world.program.name),
    summary: report.summary,
    journalHead: world.session.state().journalHead,
  }
}

const stageOf = (world: World, steps: string[]): Stage => ({
  kind: world.flags.undo ? 'undo' : 'mend',
  steps: steps.map((s) => s.toUpperCase()),
})

async function reviewed(world: World, plan: Plan): Promise<{ reviews: PartReview[]; text: string }> {
  const reviews = await world.session.review(plan)
  return { reviews, text: planText(plan, reviews, (call) => world.caller.commandLine(call), world.delivery) }
}

/** What is worth knowing before a plan is agreed to, beside the plan. */
function warnings(world: World, plan: Plan): string[] {
  const seals = plan.parts.some((p) => p.actions.some((a) => a.kind === 'seal'))
  const recipients = (world.workspace?.profile.recipients ?? []).filter((r) => r.opens.includes('secrets'))
  return seals && recipients.length === 1
    ? [
        'Warning: what is sealed can be opened by one recipient only. If that identity is lost, so is every sealed file: talos-preflight keys add NAME RECIPIENT --role recovery',
      ]
    : []
}

export async function plan({ world, front, json, out, words }: CommandContext): Promise<number> {
  const made = await world.session.plan(stageOf(world, words))
  const { text } = await reviewed(world, made)
  if (world.flags.out) {
    const path = resolve(world.place.system.files.cwd, world.flags.out)
    await world.place.system.files.replace(path, writePlan(made), 0o644).catch((error) => fileProblem(error, path))
  }
  if (json) out(writePlan(made))
  else {
    out(`${text}\n`)
    for (const warning of warnings(world, made)) front.say(warning)
    if (world.flags.out)
      front.say(`Written to ${world.flags.out}. Carry it out: ${world.program.name} apply ${world.flags.out}${practiceFlag(world)}`)
    else if (made.parts.length > 0)
      front.say(`Carry it out: ${world.program.name} apply ${words.join(' ')}${world.flags.undo ? ' --undo' : ''}${practiceFlag(world)}`)
  }
  return made.parts.length === 0 && made.blocked.length > 0 ? EXIT.broken : EXIT.ok
}

/** What was under way when an earlier run ended, as one sentence. */
function sentenceOf(left: Unfinished): string {
  const done = left.done.length > 0 ? `${left.done.join(', ')} ${left.done.length === 1 ? 'was' : 'were'} done, ` : ''
  const at = left.intent ? `it was at "${left.intent.title}" on ${left.intent.object.name}` : `nothing was under way`
  return `The run of ${left.at.slice(0, 19).replace('T', ' ')} (${left.command}) ended in the middle: ${done}${at}, ${left.left.join(', ')} ${left.left.length === 1 ? 'was' : 'were'} not finished.`
}

/** Finds out what became of interrupted runs before anything new is planned. */
async function settle(world: World, front: FrontEnd): Promise<void> {
  for (const left of await world.session.open()) {
    front.say(sentenceOf(left))
    if (left.child && world.place.system.processes.alive(left.child))
      front.say(`Process ${left.child.pid} of that run still works; waiting for it.`)
    const found = await world.session.resume(left)
    if (left.intent) front.say(`What became of it: ${found.result} (${found.reason}).`)
    if (found.result === 'cannot tell') {
      throw new Failure(
        'cannot-tell',
        `it cannot be told whether "${left.intent?.title}" on ${left.intent?.object.name} was done: ${found.reason}`,
        'look at the object by hand, or name a context that may see it; then run the same command again',
      )
    }
  }
}

export async function apply({ world, front, json, out, words }: CommandContext): Promise<number> {
  const { session } = world
  const target = words.length === 1 && /\.json$|\//.test(words[0] ?? '') ? resolve(world.place.system.files.cwd, words[0] ?? '') : undefined
  if (world.workspace) await settle(world, front)
  let made: Plan
  if (target) {
    const text = (await world.place.system.files.read(target).catch((error) => fileProblem(error, target))).toString('utf8')
    made = await session.revive(text, words[0] ?? '')
  } else made = await session.plan(stageOf(world, words))
  const { reviews, text } = await reviewed(world, made)
  if (json) out(`${JSON.stringify({ event: 'planned', digest: digestOfPlan(made), plan: made })}\n`)
  else out(`${text}\n`)
  for (const warning of warnings(world, made)) front.say(warning)
  const refused = made.parts.filter((p) => reviews.find((r) => r.part === p.digest)?.dryRun?.ok === false)
  if (refused.length > 0)
    throw new Refusal(
      'dry-run-refused',
      `${refused.map((p) => p.object.name).join(', ')} would refuse the change: ${reviews.find((r) => r.part === refused[0]?.digest)?.dryRun?.text}`,
      'nothing was changed',
    )
  if (made.parts.length === 0) {
    if (made.blocked.length > 0)
      throw new Failure(
        'blocked',
        `nothing can be done now: ${made.blocked[0]?.object.name}: ${made.blocked[0]?.reason}`,
        made.blocked[0]?.remedy,
      )
    const report = await session.look(made.stage.steps)
    if (json) out(`${JSON.stringify({ event: 'finished', result: 'nothing to do', summary: report.summary })}\n`)
    return made.stage.kind === 'undo' ? EXIT.ok : exitOf(world, report)
  }
  if (world.flags['dry-run']) {
    front.say('Dry run: nothing was changed.')
    return EXIT.ok
  }
  needed(world.workspace)
  const how = await front.consent(made, reviews)
  if (how === undefined) {
    front.say('Nothing was changed.')
    return EXIT.usage
  }
  const stop = front.follow(session)
  const result = await session.apply(made, { how }).finally(stop)
  const report = session.state().report
  if (json)
    out(
      `${JSON.stringify({ event: 'finished', result: result.failed ? 'failed' : result.stopped ? 'stopped' : 'done', done: result.done.map((p) => p.object), left: result.left.map((p) => p.object), reason: result.failed?.reason ?? null, summary: report?.summary ?? null, journalHead: session.state().journalHead })}\n`,
    )
  else
    front.say(
      `\n${closingLines(
        world,
        result.done.map((p) => p.object.name),
        made,
      ).join('\n')}`,
    )
  if (result.failed) {
    const { part, action, reason, remedy } = result.failed
    throw new Failure(
      'action-failed',
      `${part.object.name}, ${action.title}: ${reason}`,
      [
        remedy,
        result.left.length > 0 ? `${result.left.map((p) => p.object.name).join(', ')} not begun: the rest is still a plan` : undefined,
      ]
        .filter(Boolean)
        .join('\n'),
    )
  }
  if (result.stopped) throw new Interrupted(`stopped; ${result.done.length} done, ${result.left.length} not begun`)
  if (made.stage.kind === 'undo' || world.delivery === 'gitops') return EXIT.ok
  return report ? exitOf(world, { ...report, results: report.results.filter((r) => made.stage.steps.includes(r.id)) }) : EXIT.ok
}

/** The five lines that are left on the screen: what is, where it is kept, what is next, how to take it back. */
export function closingLines(world: World, done: readonly string[], made: Plan | undefined): string[] {
  const { report, journalHead } = world.session.state()
  const results = report?.results ?? []
  const open = results.filter((r) => r.count === 'fail' || r.count === 'unknown')
  const next = results.find((r) => r.count === 'fail' && r.canMend)
  const head = `${world.cluster.name || 'no cluster'}: ${results.length - open.length} of ${results.length} done, ${results.filter((r) => r.count === 'fail').length} fail, ${results.filter((r) => r.count === 'unknown').length} unknown.`
  const what =
    made && done.length > 0
      ? ` ${made.stage.steps.join(', ')} ${world.delivery === 'gitops' ? 'written as files' : made.stage.kind === 'undo' ? 'taken back' : 'mended'} on ${done.join(', ')}.`
      : ''
  return [
    results.length > 0 ? `${head}${what}` : what.trim() || 'Nothing was looked at.',
    ...(world.workspace && journalHead ? [`  evidence   ${world.workspace.path}/evidence/   journal head ${journalHead.slice(0, 8)}`] : []),
    ...(made && world.workspace && done.length > 0 && world.delivery === 'live'
      ? [
          `  sealed     ${world.workspace.path}/secrets/   ${(world.workspace.profile.recipients ?? []).filter((r) => r.opens.includes('secrets')).length} recipients`,
        ]
      : []),
    ...(next ? [`  next       ${world.program.name} plan ${next.id}${practiceFlag(world)}`] : []),
    ...(made && made.stage.kind === 'mend' && done.length > 0 && world.delivery === 'live'
      ? [`  undo       ${world.program.name} apply --undo ${made.stage.steps.join(' ')}${practiceFlag(world)}`]
      : []),
  ]
}

/** Behind every command that is proposed while practising. */
export const practiceFlag = (world: World): string => (world.place.mode === 'practice' ? ` --practice=${world.place.scenario}` : '')

async function sayWord({ world, out, words, json }: CommandContext, kind: 'attest' | 'waive'): Promise<number> {
  const { flags, session } = world
  const workspace = needed(world.workspace)
  const step = (words[0] ?? '').toUpperCase()
  if (!flags.why)
    throw new Refusal(
      'usage',
      `${kind} needs a reason`,
      `--why "${kind === 'attest' ? 'what you saw, and where' : 'why you live with it'}"`,
    )
  if (!flags.until || !/^\d{4}-\d{2}-\d{2}$/.test(flags.until) || Number.isNaN(Date.parse(flags.until)))
    throw new Refusal('usage', `${kind} needs the last day it counts`, '--until 2026-12-31')
  const today = world.place.system.clock.now().toISOString().slice(0, 10)
  if (flags.until < today) throw new Refusal('usage', `--until ${flags.until} is in the past`, `today is ${today}`)
  if (flags.object && !/^[^/]+\/.+$/.test(flags.object))
    throw new Refusal('usage', `--object ${flags.object} is not KIND/NAME`, 'as in node/cp1')
  const report = await session.look([step])
  const findings = report.results[0]?.findings ?? []
  const covered = kind === 'attest' ? 'unknown' : 'fail'
  const meant = findings.filter((f) => f.verdict === covered && (!flags.object || `${f.object.kind}/${f.object.name}` === flags.object))
  if (meant.length === 0) {
    const open = findings.filter((f) => f.verdict === covered).map((f) => `${f.object.kind}/${f.object.name}`)
    throw new Refusal(
      'nothing-to-cover',
      `${step}${flags.object ? ` ${flags.object}` : ''} has nothing that is ${covered}: ${kind === 'attest' ? 'an attestation covers only what is unknown' : 'a waiver covers only what fails'}`,
      open.length > 0 ? `${covered}: ${open.join(', ')}` : `see talos-preflight check ${step} --all`,
    )
  }
  const word: Word = {
    step,
    ...(flags.object ? { object: flags.object } : {}),
    by: flags.by ?? world.operator,
    why: flags.why,
    on: today,
    until: flags.until,
  }
  await (kind === 'attest' ? session.attest(word) : session.waive(word))
  if (json) out(`${JSON.stringify({ schema: 'talos-preflight/word/v1', kind, word }, null, 2)}\n`)
  else
    out(
      `${step} ${kind === 'attest' ? 'attested' : 'waived'} until ${flags.until} by ${word.by}, for ${meant.map((f) => f.object.name).join(', ')}. Kept in ${workspace.path}/preflight.yaml.\n`,
    )
  return EXIT.ok
}

export const attest = (context: CommandContext): Promise<number> => sayWord(context, 'attest')
export const waive = (context: CommandContext): Promise<number> => sayWord(context, 'waive')

export async function init({ world, out, front }: CommandContext): Promise<number> {
  const { flags, place } = world
  const seen = world.access.length > 0 ? await world.observer.observe(['clusterInfo'], {}) : {}
  const info = seen.clusterInfo?.[0]?.look
  const name = flags.name ?? (info?.ok ? (info.value as { name: string }).name : undefined) ?? world.cluster.name
  if (!name) throw new Refusal('usage', 'the cluster needs a name, and none answered', '--name NAME')
  const environment = flags.environment ?? 'production'
  if (environment !== 'production' && environment !== 'staging' && environment !== 'lab')
    throw new Refusal('usage', `--environment ${environment} is not known`, 'production, staging or lab')
  const delivery = flags.delivery ?? 'live'
  if (delivery !== 'live' && delivery !== 'gitops') throw new Refusal('usage', `--delivery ${delivery} is not known`, 'live or gitops')
  const ca = world.contexts.found.find((c) => c.certificate === world.access[0]?.certificate)?.ca
  const folder = flags.workspace ?? place.system.files.cwd
  const made = await Workspace.create(place.system, folder, {
    name,
    environment,
    delivery,
    ...(info?.ok && ca ? { identity: { ca, id: (info.value as { id: string }).id } } : {}),
    ...(world.access[0] ? { observe: world.access[0].context } : {}),
  })
  out(`${made.path} is the workspace of ${name} now: preflight.yaml, .gitignore.\n`)
  if (info && !info.ok) front.say(`The cluster was not asked who it is: ${info.reason}. The first check that reaches it will.`)
  front.say(`Next: ${world.program.name} keys create, then ${world.program.name} check`)
  return EXIT.ok
}

export async function journal({ world, out, words, json }: CommandContext): Promise<number> {
  if (words[0] !== 'verify') throw new Refusal('usage', `there is no "journal ${words[0]}"`, 'talos-preflight journal verify')
  const workspace = needed(world.workspace)
  const found = verifyJournals(await workspace.journals())
  if (json) out(`${JSON.stringify({ schema: 'talos-preflight/journal/v1', ...found }, null, 2)}\n`)
  else {
    out(`${found.files} journals, ${found.lines} lines${found.problems.length === 0 ? ', every chain is whole' : ''}\n`)
    for (const name of found.torn) out(`${name}: its last line was cut while it was written; it is left out\n`)
    for (const problem of found.problems) out(`${problem}\n`)
    for (const [name, head] of Object.entries(found.heads)) out(`head ${head.slice(0, 16)}  ${name}\n`)
  }
  return found.problems.length > 0 ? EXIT.failed : EXIT.ok
}
