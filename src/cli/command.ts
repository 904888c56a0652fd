import { isChange, plain, SEVERITIES, type Severity } from '../contract.ts'
import { lasting } from '../domain/remarks.ts'
import { Refusal } from '../engine/errors.ts'
import { exitCodeFor, summarize } from '../engine/evaluate.ts'
import { type Unfinished, whereItWas } from '../engine/history.ts'
import type { Plan } from '../engine/plan.ts'
import { cannotTell } from '../engine/refuse.ts'
import type { Became } from '../engine/resume.ts'
import type { Report } from '../engine/state.ts'
import { shellQuote } from '../tools/caller.ts'
import type { FrontEnd } from '../ui/front-end.ts'
import type { World } from './world.ts'

/** What every command is given, and what several of them say. */

export interface CommandContext {
  world: World
  front: FrontEnd
  json: boolean
  out: (text: string) => void
  /** What is no part of what was asked for: standard error. */
  note: (text: string) => void
  /** Width of the terminal; absent in a pipe. */
  columns?: number | undefined
  words: string[]
  /** Aborted once somebody asked to stop; absent in the wizard. */
  leaving?: AbortSignal
}

/** Who looks and for how long still: `os:reader, 41 days left`. */
export function accessLine(world: World): string {
  const access = world.access[0]
  if (!access) return 'no talosconfig'
  const left = new Date(access.notAfter).getTime() - world.place.system.clock.now().getTime()
  const ends = left <= 0 ? `ended on ${access.notAfter.slice(0, 10)}` : `${lasting(left)} left`
  return `${access.roles.join(' and ') || 'no role'}, ${ends}`
}

export const failOn = (world: World): Severity => {
  const given = world.flags['fail-on'] ?? 'medium'
  const severity = SEVERITIES.find((s) => s === given)
  if (!severity) throw new Refusal('usage', `--fail-on ${given} is no severity`, `one of ${SEVERITIES.join(', ')}`)
  return severity
}

export const exitOf = (world: World, report: Report): number =>
  exitCodeFor(report.results, report.observed, { failOn: failOn(world), allowUnknown: world.flags['allow-unknown'] === true })

/** What was under way when an earlier run ended, as one sentence. */
function sentenceOf(left: Unfinished): string {
  const done = left.done.length > 0 ? `${left.done.join(', ')} ${left.done.length === 1 ? 'was' : 'were'} done, ` : ''
  return `The run of ${left.at.slice(0, 19).replace('T', ' ')} (${left.command}) ended in the middle: ${done}${whereItWas(left)}; ${left.left.join(', ')} ${left.left.length === 1 ? 'was' : 'were'} not finished.`
}

/** Says what earlier runs left open, where nothing is done about it. It is no part of what was asked for. */
export async function tellUnfinished({ world, note }: Pick<CommandContext, 'world' | 'note'>): Promise<void> {
  for (const left of await world.session.open())
    note(
      `${sentenceOf(left)} See: ${world.program.name} apply ${left.steps.join(' ')}${left.stage === 'undo' ? ' --undo' : ''}${practiceFlag(world)}\n`,
    )
}

/** Finds out what became of interrupted runs before anything new is planned. */
export async function settle({ world, front, json, note }: CommandContext): Promise<void> {
  const say = (text: string): void => (json ? note(`${text}\n`) : front.say(text))
  for (const left of await world.session.open()) {
    say(sentenceOf(left))
    if (left.child && world.place.system.processes.alive(left.child))
      say(`Process ${left.child.pid} of that run still works; waiting for it.`)
    if (left.intent?.until && new Date(left.intent.until) > world.place.system.clock.now())
      say(
        `${left.intent.object.name} was being tried and takes itself back by ${left.intent.until.slice(11, 19)} UTC; nothing is sent to it before.`,
      )
    const stop = front.follow(world.session)
    const found = await resumed(world, front, left, say).finally(stop)
    if (left.intent) say(`What became of it: ${found.result} (${found.reason}).`)
    else if (left.unchecked) say('The checks behind that change were made, and hold.')
    const why = world.flags['leave-open']
    if (found.result === 'cannot tell' && why === undefined) throw cannotTell(left, found.reason)
    if (found.result === 'cannot tell') await world.session.leave(left, `left open by ${world.operator}: ${why}`)
  }
}

/** What became of it; what was tried and is still there is taken back where somebody says so. */
async function resumed(world: World, front: FrontEnd, left: Unfinished, say: (text: string) => void): Promise<Became> {
  const found = await world.session.resume(left)
  if (!found.back) return found
  say(`"${left.intent?.title}" on ${left.intent?.object.name}: ${found.reason}.`)
  say(`It would be taken back with:\n  $ ${plain(world.caller.commandLine(found.back))}`)
  const agreed = world.flags['take-back'] === true || (await front.confirm('Take it back now?', '--take-back'))
  return agreed ? world.session.resume(left, { takeBack: true }) : found
}

/** The five lines that are left on the screen: what is, where it is kept, what is next, how to take it back. */
export function closingLines(world: World, names: readonly string[], made: Plan | undefined): string[] {
  const done = [...new Set(names)]
  const { report, journalHead } = world.session.state()
  const results = report?.results ?? []
  const next = results.find((r) => r.count === 'fail' && r.canMend)
  const { fail, unknown, waived } = summarize(results)
  const head = `${world.cluster.name || 'no cluster'}: ${results.length - fail - unknown - waived} of ${results.length} done, ${fail} fail, ${unknown} unknown${waived > 0 ? `, ${waived} waived` : ''}.`
  const what =
    made && done.length > 0
      ? ` ${made.stage.steps.join(', ')} ${world.delivery === 'gitops' ? 'written as files' : made.stage.kind === 'undo' ? 'taken back' : 'mended'} on ${done.join(', ')}.`
      : ''
  return [
    results.length > 0 ? `${head}${what}` : what.trim() || 'Nothing was looked at.',
    ...(world.workspace && journalHead ? [`  evidence   ${world.workspace.path}/evidence/   journal head ${journalHead.slice(0, 8)}`] : []),
    ...(made && world.workspace && done.length > 0 ? sealedLines(world, made) : []),
    ...(next ? [`  next       ${world.program.name} plan ${next.id}${practiceFlag(world)}`] : []),
    ...(made && made.stage.kind === 'mend' && done.length > 0 && made.parts.some((p) => p.actions.some(isChange))
      ? [`  undo       ${world.program.name} apply --undo ${made.stage.steps.join(' ')}${practiceFlag(world)}`]
      : []),
  ]
}

/** What is to be agreed to beside a plan, a sentence each. */
export function warnings(world: World, plan: Plan): string[] {
  const opens = new Set(plan.parts.flatMap((p) => p.actions).flatMap((a) => (a.kind === 'seal' ? [a.opens] : [])))
  return [...opens].flatMap((what) => {
    const able = (world.workspace?.profile.recipients ?? []).filter((r) => r.opens.includes(what))
    return able.length === 1
      ? [
          `what is sealed now can be opened by ${able[0]?.name} only. If that identity is lost, so is the file. A second one: talos-preflight keys add NAME RECIPIENT --role recovery --opens ${what}`,
        ]
      : []
  })
}

/** Where what was sealed lies, and how many can open it. */
function sealedLines(world: World, made: Plan): string[] {
  const seals = made.parts.flatMap((p) => p.actions).flatMap((a) => (a.kind === 'seal' ? [a] : []))
  const folders = new Map(seals.map((a) => [a.path.split('/')[0] ?? '', a.opens]))
  return [...folders].map(([folder, opens]) => {
    const count = (world.workspace?.profile.recipients ?? []).filter((r) => r.opens.includes(opens)).length
    return `  sealed     ${world.workspace?.path}/${folder}/   ${count} ${count === 1 ? 'recipient' : 'recipients'}`
  })
}

/** Answers that were given with the command, for the one that is proposed behind it. */
export const answerFlags = (world: World): string => (world.flags.answer ?? []).map((a) => ` --answer ${shellQuote(a)}`).join('')

/** Behind every command that is proposed while practising. */
export const practiceFlag = (world: World): string => (world.place.mode === 'practice' ? ` --practice=${world.place.scenario}` : '')
