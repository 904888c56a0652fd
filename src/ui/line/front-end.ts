import { Interrupted } from '../../engine/errors.ts'
import type { FrontEnd } from '../front-end.ts'
import { followLines } from '../report/front-end.ts'

/** One line after the other: for dumb terminals, screen readers and people who like it. Questions are asked by Inquirer. */
export function lineFrontEnd(options: {
  out: (text: string) => void
  streams: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream }
  /** Ends the waiting for an answer. */
  signal: AbortSignal
}): FrontEnd {
  const context = { ...options.streams, clearPromptOnDone: false, signal: options.signal }
  return {
    kind: 'line',
    say: (text) => options.out(`${text}\n`),
    follow: (session) => followLines(session, (line) => options.out(`${line}\n`)),
    consent: async (plan) => {
      const { input } = await import('@inquirer/prompts')
      const objects = plan.parts.map((p) => p.object.name)
      const asks = plan.stage.kind === 'undo' ? 'Take back on' : 'Apply to'
      const answer = await answered(
        input(
          {
            message: `${asks} ${objects.length > 6 ? `${objects.slice(0, 6).join(', ')} and ${objects.length - 6} more` : objects.join(', ')}? Type yes to go on:`,
          },
          context,
        ),
      )
      return answer.trim().toLowerCase() === 'yes' ? 'typed yes' : undefined
    },
    confirm: async (question) => {
      const { confirm } = await import('@inquirer/prompts')
      return answered(confirm({ message: question, default: false }, context))
    },
  }
}

/** An answer; Inquirer's ways of saying that Ctrl-C was pressed or the waiting was ended become ours. */
export const answered = <T>(question: Promise<T>): Promise<T> =>
  question.catch((error: Error) => {
    if (error.name === 'ExitPromptError' || error.name === 'AbortPromptError') throw new Interrupted()
    throw error
  })
