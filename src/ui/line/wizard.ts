import { isChange, plain } from '../../contract.ts'
import { Failure, Interrupted, Refusal } from '../../engine/errors.ts'
import { type Unfinished, whereItWas } from '../../engine/history.ts'
import type { Plan, Stage } from '../../engine/plan.ts'
import { cannotTell } from '../../engine/refuse.ts'
import type { Became } from '../../engine/resume.ts'
import { isNamed, type WizardHost, type WizardWorld } from '../host.ts'
import { followLines } from '../report/front-end.ts'
import { planText } from '../report/plan-text.ts'
import { checkText, flowed, nodesSeen, tookSeconds } from '../report/text.ts'
import { type Asking, answers, keys, word } from './asking.ts'
import { answered, lineFrontEnd } from './front-end.ts'

/** The wizard line by line: the same session, questions asked one after the other. */

interface Streams {
  stdin: NodeJS.ReadableStream
  stdout: NodeJS.WritableStream
  onSignal: (listener: (signal: string) => void) => () => void
}

type Next = { do: 'mend' | 'undo' | 'attest' | 'waive' | 'answers'; step: string } | { do: 'look' | 'keys' | 'all' | 'quit' }

export async function lineWizard(host: WizardHost, io: Streams): Promise<number> {
  const prompts = await import('@inquirer/prompts')
  const leaving = new AbortController()
  const context = { input: io.stdin, output: io.stdout, clearPromptOnDone: false, signal: leaving.signal }
  const say = (text: string) => void io.stdout.write(`${flowed(text, (io.stdout as { columns?: number }).columns)}\n`)
  const asking: Asking = { prompts, context, say, words: host.words }
  let world: WizardWorld | undefined
  let last: { plan: Plan; done: string[] } | undefined
  // the object at hand is finished; the next question is not asked any more
  const off = io.onSignal(() => {
    world?.session.stop()
    leaving.abort()
  })
  try {
    const opened = await answered(openDoor())
    if (!opened) return 0
    world = opened
    // nothing reads the terminal between two questions
    world.session.lendTerminal((run) => run())
    await settle(world)
    for (;;) {
      if (leaving.signal.aborted) throw new Interrupted()
      await look(world, false)
      let next = await answered(whatNext(world))
      while (next.do === 'all') {
        await look(world, true)
        next = await answered(whatNext(world))
      }
      if (next.do === 'quit') break
      const [at, chosen] = [world, next]
      await orSaid(() => answered(perform(at, chosen)))
    }
    const exitCode = world.exitCode()
    await world.close(exitCode)
    for (const text of world.closing(last?.plan, last?.done ?? [])) say(text)
    return exitCode
  } catch (error) {
    if (error instanceof Interrupted) {
      await world?.close(130)
      return 130
    }
    await world?.close(4)
    throw error
  } finally {
    off()
  }

  async function openDoor(): Promise<WizardWorld | undefined> {
    if (host.straight) return host.open(host.straight)
    const doors = await host.doors()
    say(`${host.product} ${host.version}, ${doors.place}`)
    for (;;) {
      const door = await prompts.select(
        {
          message: 'What do you want to do?',
          choices: [
            { value: 'practise', name: `Practise: ${host.words.doors.practise.what}` },
            { value: 'check', name: `Check: ${host.words.doors.check.what}` },
            { value: 'setup', name: `Set up: ${host.words.doors.setup.what}, ${host.words.doors.setup.time}` },
            { value: 'incident', name: `Incident: ${host.words.doors.incident.what}, ${host.words.doors.incident.time}` },
            { value: 'quit', name: 'Quit' },
          ],
          default: doors.workspace ? 'check' : 'practise',
        },
        context,
      )
      if (door === 'quit') return undefined
      if (door === 'practise') return host.open({ kind: 'practice' })
      if (door === 'check') {
        const usable = doors.contexts.filter((c) => c.usable)
        if (usable.length === 0) {
          say(
            `${doors.contexts.length > 0 ? 'None of the contexts found can be used' : host.words.noContexts.short}; ${host.words.noContexts.hint}.`,
          )
          continue
        }
        if (isNamed(doors)) return host.open({ kind: 'check' })
        const name =
          usable.length === 1
            ? usable[0]?.name
            : await prompts.select(
                { message: 'Which cluster?', choices: usable.map((c) => ({ value: c.name, name: `${c.name}, ${c.role}, ${c.ends}` })) },
                context,
              )
        return host.open({ kind: 'check', ...(name ? { context: name } : {}) })
      }
      for (const text of host.words.notes[door]) say(text)
    }
  }

  async function settle(w: WizardWorld): Promise<void> {
    for (const left of await w.session.open()) {
      say(
        `The run of ${left.at.slice(0, 19).replace('T', ' ')} ended in the middle: ${whereItWas(left)}. Not finished: ${left.left.join(', ')}.`,
      )
      const stop = followLines(w.session, say)
      await orSaid(async () => {
        const found = await resumed(w, left)
        if (left.intent || left.unchecked) say(`What became of it: ${found.result}. ${found.reason}.`)
        if (found.result === 'cannot tell') throw cannotTell(left)
      }).finally(stop)
    }
  }

  async function resumed(w: WizardWorld, left: Unfinished): Promise<Became> {
    const found = await w.session.resume(left)
    if (!found.back) return found
    say(`${found.reason}. It would be taken back with:\n  $ ${plain(w.commandLine(found.back))}`)
    const agreed = await answered(prompts.confirm({ message: 'Take it back now?', default: false }, context))
    return agreed ? w.session.resume(left, { takeBack: true }) : found
  }

  /** What the operator can mend is said, and the wizard goes on. */
  async function orSaid(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Failure)) throw error
      say(`${error.message} (${error.code})${error.hint ? `\n  ${error.hint.replaceAll('\n', '\n  ')}` : ''}`)
    }
  }

  async function look(w: WizardWorld, all: boolean): Promise<void> {
    const report = all && w.session.state().report ? w.session.state().report : await w.session.look()
    if (!report) return
    const { cluster, environment, as, mode } = w.header
    say(
      checkText(
        report.results,
        report.summary,
        {
          product: host.product,
          suffix: w.suffix,
          cluster,
          environment,
          mode: mode.toLowerCase(),
          as,
          nodes: nodesSeen(report),
          seconds: tookSeconds(report),
        },
        { all, failOn: 'medium', exitCode: 0, columns: (io.stdout as { columns?: number }).columns },
      ),
    )
  }

  async function whatNext(w: WizardWorld): Promise<Next> {
    const results = w.session.state().report?.results ?? []
    const choices: { value: Next; name: string }[] = [
      ...results
        .filter((r) => (r.count === 'fail' || r.count === 'unknown') && r.canMend)
        .map((r) => ({ value: { do: 'mend', step: r.id } as Next, name: `Mend ${r.id} ${r.title}: see the plan` })),
      ...results
        .filter((r) => r.canUndo && r.count === 'pass')
        .map((r) => ({ value: { do: 'undo', step: r.id } as Next, name: `Take back ${r.id}: see the plan` })),
      ...results.filter((r) => r.count === 'unknown').map((r) => ({ value: { do: 'attest', step: r.id } as Next, name: `Attest ${r.id}` })),
      ...results.filter((r) => r.count === 'fail').map((r) => ({ value: { do: 'waive', step: r.id } as Next, name: `Waive ${r.id}` })),
      ...w.steps
        .filter((s) => s.questions.length > 0)
        .map((s) => ({ value: { do: 'answers', step: s.id } as Next, name: `Answers of ${s.id}` })),
      { value: { do: 'look' }, name: 'Look again' },
      { value: { do: 'all' }, name: 'Every finding' },
      { value: { do: 'keys' }, name: 'Keys that open what is sealed' },
      { value: { do: 'quit' }, name: 'Quit' },
    ]
    return prompts.select({ message: 'What next?', choices, pageSize: 12 }, context)
  }

  async function perform(w: WizardWorld, next: Next): Promise<void> {
    switch (next.do) {
      case 'mend':
      case 'undo':
        return change(w, { kind: next.do === 'undo' ? 'undo' : 'mend', steps: [next.step] })
      case 'attest':
      case 'waive':
        return word(asking, w, next.do, next.step)
      case 'answers':
        return answers(asking, w, next.step)
      case 'keys':
        return keys(asking, w)
      default:
    }
  }

  async function change(w: WizardWorld, stage: Stage): Promise<void> {
    const plan = await w.session.plan(stage)
    const reviews = await w.session.review(plan)
    say(planText(plan, reviews, w.delivery, w.commandLine))
    if (plan.parts.length === 0) {
      const waits = plan.blocked.find((b) => b.question)
      if (!waits || !(await prompts.confirm({ message: 'Answer it now?', default: true }, context))) return
      await answers(asking, w, waits.step, waits.question)
      return change(w, stage)
    }
    const refused = reviews.find((r) => r.dryRun && !r.dryRun.ok)
    if (refused) {
      say(`It would be refused: ${refused.dryRun?.text}. Nothing was changed.`)
      return
    }
    if ((await w.keys.info()).missing) await keys(asking, w)
    for (const warning of w.warnings(plan)) {
      say(warning)
      if (!(await prompts.confirm({ message: 'Go on all the same?', default: false }, context))) return
    }
    const front = lineFrontEnd({
      out: (text) => void io.stdout.write(text),
      streams: { input: io.stdin, output: io.stdout },
      signal: leaving.signal,
    })
    const changesSomething = plan.parts.some((p) => p.actions.some((a) => isChange(a) || a.kind === 'write'))
    const how = changesSomething ? await front.consent(plan) : 'nothing is changed by it'
    if (!how) {
      say('Nothing was changed.')
      return
    }
    const stop = front.follow(w.session)
    const result = await w.session.apply(plan, { how }).finally(stop)
    last = { plan, done: result.done.map((p) => p.object.name) }
    if (!result.failed) return
    const { part, action, reason, remedy } = result.failed
    say(`${part.object.name}, ${action.title}: ${reason}`)
    if (remedy) say(remedy)
    if (result.left.length > 0) say(`Not begun, still a plan: ${result.left.map((p) => p.object.name).join(', ')}`)
  }
}
