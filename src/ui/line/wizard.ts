import { Failure, Interrupted, Refusal } from '../../engine/errors.ts'
import type { Plan, Stage } from '../../engine/plan.ts'
import type { WizardHost, WizardWorld } from '../host.ts'
import { checkText, planText, tookSeconds } from '../report/text.ts'
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
  const say = (text: string) => void io.stdout.write(`${text}\n`)
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
      try {
        await answered(perform(world, next))
      } catch (error) {
        if (!(error instanceof Refusal || error instanceof Failure)) throw error
        say(`${error.message} (${error.code})${error.hint ? `\n  ${error.hint.replaceAll('\n', '\n  ')}` : ''}`)
      }
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
        `The run of ${left.at.slice(0, 19).replace('T', ' ')} ended in the middle${left.intent ? `, at "${left.intent.title}" on ${left.intent.object.name}` : ''}. Not finished: ${left.left.join(', ')}.`,
      )
      const found = await w.session.resume(left)
      if (left.intent) say(`What became of it: ${found.result}. ${found.reason}.`)
    }
  }

  async function look(w: WizardWorld, all: boolean): Promise<void> {
    const report = all && w.session.state().report ? w.session.state().report : await w.session.look()
    if (!report) return
    const nodes = new Set(
      Object.values(report.observed)
        .flat()
        .filter((s) => s.object.kind === 'node')
        .map((s) => s.object.name),
    ).size
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
          nodes,
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
        .filter((r) => r.count === 'fail' && r.canMend)
        .map((r) => ({ value: { do: 'mend', step: r.id } as Next, name: `Mend ${r.id} ${r.title}: see the plan` })),
      ...results
        .filter((r) => r.canMend && r.count === 'pass')
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
        return word(w, next.do, next.step)
      case 'answers':
        return answers(w, next.step)
      case 'keys':
        return keys(w)
      default:
    }
  }

  async function change(w: WizardWorld, stage: Stage): Promise<void> {
    const plan = await w.session.plan(stage)
    const reviews = await w.session.review(plan)
    say(planText(plan, reviews, w.commandLine, w.delivery))
    if (plan.parts.length === 0) return
    const refused = reviews.find((r) => r.dryRun && !r.dryRun.ok)
    if (refused) {
      say(`It would be refused: ${refused.dryRun?.text}. Nothing was changed.`)
      return
    }
    if ((await w.keys.info()).missing) await keys(w)
    const front = lineFrontEnd({
      out: (text) => void io.stdout.write(text),
      streams: { input: io.stdin, output: io.stdout },
      signal: leaving.signal,
    })
    const how = await front.consent(plan, reviews)
    if (!how) {
      say('Nothing was changed.')
      return
    }
    const stop = front.follow(w.session)
    const result = await w.session.apply(plan, { how }).finally(stop)
    last = { plan, done: result.done.map((p) => p.object.name) }
    if (result.failed)
      say(
        `${result.failed.part.object.name}, ${result.failed.action.title}: ${result.failed.reason}\n${result.left.length > 0 ? `Not begun, still a plan: ${result.left.map((p) => p.object.name).join(', ')}` : ''}`,
      )
  }

  async function word(w: WizardWorld, kind: 'attest' | 'waive', step: string): Promise<void> {
    const covered = kind === 'attest' ? 'unknown' : 'fail'
    const findings =
      w.session
        .state()
        .report?.results.find((r) => r.id === step)
        ?.findings.filter((f) => f.verdict === covered) ?? []
    const object = await prompts.select(
      {
        message: 'For',
        choices: [
          { value: '', name: 'the whole step' },
          ...findings.map((f) => ({ value: `${f.object.kind}/${f.object.name}`, name: `${f.object.kind}/${f.object.name}` })),
        ],
      },
      context,
    )
    const why = await prompts.input(
      { message: 'Why', validate: (v) => v.trim() !== '' || 'whoever reads it later needs a reason' },
      context,
    )
    const today = w.now().toISOString().slice(0, 10)
    const until = await prompts.input(
      {
        message: 'Until (the last day it counts, as in 2026-12-31)',
        validate: (v) => (/^\d{4}-\d{2}-\d{2}$/.test(v) && v >= today) || `a day from ${today} on`,
      },
      context,
    )
    await (kind === 'attest' ? w.session.attest : w.session.waive)({
      step,
      ...(object ? { object } : {}),
      by: w.operator,
      why: why.trim(),
      on: today,
      until,
    })
  }

  async function answers(w: WizardWorld, id: string): Promise<void> {
    const info = w.steps.find((s) => s.id === id)
    for (const question of info?.questions ?? []) {
      const now = question.value(w.session.state().answers[id]?.[question.name])
      const text = await prompts.input(
        { message: `${question.label} (${question.hint})`, default: now, validate: (v) => question.parse(v) ?? true },
        context,
      )
      if (text !== now) await w.session.answer(id, question.name, text)
    }
  }

  async function keys(w: WizardWorld): Promise<void> {
    const info = await w.keys.info()
    say(`Yours: ${info.identity}`)
    for (const r of info.recipients) say(`Recipient: ${r}`)
    if (info.missing) {
      const how = await prompts.select(
        {
          message: 'Nothing can be sealed yet. Make your identity?',
          choices: [
            { value: 'plain', name: 'Yes' },
            { value: 'protect', name: host.words.keys.withPassphrase },
            { value: 'no', name: 'No' },
          ],
        },
        context,
      )
      if (how !== 'no') say(how === 'protect' ? await w.keys.protect() : await w.keys.create())
    }
    if (info.noRecovery && (await prompts.confirm({ message: 'No recovery recipient. Add one?', default: false }, context))) {
      const name = await prompts.input({ message: 'Who or where keeps it (a short name)' }, context)
      const recipient = await prompts.input({ message: 'Its public half (age1…)' }, context)
      say(await w.keys.add(name.trim(), recipient.trim()))
    }
  }
}
