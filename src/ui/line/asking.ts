import { isDay } from '../../contract.ts'
import type { WizardWorld, Words } from '../host.ts'

/** What the line wizard asks a person, question by question. */

export interface Asking {
  prompts: typeof import('@inquirer/prompts')
  context: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream; clearPromptOnDone: boolean; signal: AbortSignal }
  say: (text: string) => void
  words: Words
}

/** Asks for a line of text. A private key in it is not drawn, and not taken. */
function line(
  { prompts, context, words }: Asking,
  question: { message: string; default?: string; validate?: (text: string) => string | boolean },
): Promise<string> {
  const { holdsPrivateKey } = words.keys
  const validate = (text: string) =>
    holdsPrivateKey(text)
      ? 'there is a private key in it, and nothing of it is kept; ctrl+u empties the line'
      : (question.validate?.(text) ?? true)
  return prompts.input({ ...question, validate, transformer: (text) => (holdsPrivateKey(text) ? '********' : text) }, context)
}

/** A human's word for what no program can see, or a decision to live with a failure. */
export async function word(asking: Asking, w: WizardWorld, kind: 'attest' | 'waive', step: string): Promise<void> {
  const { prompts, context } = asking
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
  const why = await line(asking, { message: 'Why', validate: (v) => v.trim() !== '' || 'whoever reads it later needs a reason' })
  const today = w.now().toISOString().slice(0, 10)
  const until = await line(asking, {
    message: 'Until (the last day it counts, as in 2026-12-31)',
    validate: (v) => (isDay(v) && v >= today) || `a day from ${today} on`,
  })
  await (kind === 'attest' ? w.session.attest : w.session.waive)({
    step,
    ...(object ? { object } : {}),
    by: w.operator,
    why: why.trim(),
    on: today,
    until,
  })
}

/** The questions of a step; `only` where one of them keeps a plan waiting. */
export async function answers(asking: Asking, w: WizardWorld, id: string, only?: string): Promise<void> {
  const info = w.steps.find((s) => s.id === id)
  for (const question of info?.questions.filter((q) => only === undefined || q.name === only) ?? []) {
    const now = question.value(w.session.state().answers[id]?.[question.name])
    const text = await line(asking, {
      message: `${question.label} (${question.hint})`,
      default: now,
      validate: (v) => question.parse(v) ?? true,
    })
    if (text !== now) await w.session.answer(id, question.name, text)
  }
}

/** Who can open what is sealed, and what is missing there. */
export async function keys(asking: Asking, w: WizardWorld): Promise<void> {
  const { prompts, context, say, words } = asking
  const info = await w.keys.info()
  say(`Yours: ${info.identity}`)
  for (const r of info.recipients) say(`Recipient: ${r}`)
  if (info.missing) {
    const how = await prompts.select(
      {
        message: 'Nothing can be sealed yet. Make your identity?',
        choices: [
          { value: 'plain', name: 'Yes' },
          { value: 'protect', name: words.keys.withPassphrase },
          { value: 'no', name: 'No' },
        ],
      },
      context,
    )
    if (how !== 'no') say(how === 'protect' ? await w.keys.protect() : await w.keys.create())
  }
  if (info.noRecovery && (await prompts.confirm({ message: 'No recovery recipient. Add one?', default: false }, context))) {
    const name = await line(asking, { message: 'Who or where keeps it (a short name)' })
    const recipient = await line(asking, { message: 'Its public half (age1…)' })
    const opens = await prompts.select({ message: 'What may it open?', choices: words.keys.opens }, context)
    say(await w.keys.add(name.trim(), recipient.trim(), opens))
  }
}
