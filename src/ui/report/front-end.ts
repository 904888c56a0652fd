import { Refusal } from '../../engine/errors.ts'
import type { Session } from '../../engine/session.ts'
import { progressOf } from '../../engine/state.ts'
import type { FrontEnd } from '../front-end.ts'

/** Nobody is there: status goes out as lines, or as JSON lines; a question is a refusal that names what answers it. */
export function reportFrontEnd(options: { out: (text: string) => void; json: boolean; mode: string; yes: boolean }): FrontEnd {
  return {
    kind: 'report',
    say: (text) => {
      if (!options.json) options.out(`${text}\n`)
    },
    follow: (session) =>
      options.json ? followJson(session, options.out, options.mode) : followLines(session, (line) => options.out(`${line}\n`)),
    consent: async (plan) => {
      if (!options.yes)
        throw new Refusal(
          'no-consent',
          `nobody is here to agree to a change of ${plan.parts.length} ${plan.parts.length === 1 ? 'object' : 'objects'}`,
          'look at the plan first, then give --yes',
        )
      return '--yes'
    },
    confirm: async (question, flag) => {
      throw new Refusal('unanswered', `${question} (nobody is here to answer)`, `answer it with ${flag}`)
    },
  }
}

/** A line for each action that ends, and a heartbeat while one lasts. */
export function followLines(session: Session, line: (text: string) => void): () => void {
  const said = new Map<string, string>()
  let last = 0
  const look = () => {
    const { run } = session.state()
    if (!run) return
    for (const part of run.plan.parts) {
      for (const action of part.actions) {
        const progress = progressOf(run, part.digest, action.id)
        const key = `${run.plan.stage.kind} ${part.digest} ${action.id}`
        if (!progress || said.get(key) === `${progress.status} ${progress.note ?? ''}`) continue
        const time = progress.at.slice(11, 19)
        if (progress.status === 'running') {
          // a wait that goes on says so now and then, not at every look
          if (!progress.note || Date.now() - last < HEARTBEAT) continue
          last = Date.now()
          line(`${time} ${part.object.name} ${action.title}: ${progress.note}`)
        } else {
          line(
            `${time} ${part.object.name} ${action.title}${progress.status === 'done' ? '' : `: ${progress.status}`}${progress.note ? `, ${progress.note}` : ''}`,
          )
        }
        said.set(key, `${progress.status} ${progress.note ?? ''}`)
      }
    }
  }
  return session.subscribe(look)
}

/** Milliseconds between two signs of life. */
const HEARTBEAT = 5000

function followJson(session: Session, out: (text: string) => void, mode: string): () => void {
  const said = new Set<string>()
  return session.subscribe(() => {
    const { run } = session.state()
    if (!run) return
    for (const part of run.plan.parts) {
      for (const action of part.actions) {
        const progress = progressOf(run, part.digest, action.id)
        const key = `${part.digest} ${action.id} ${progress?.status}`
        if (!progress || said.has(key)) continue
        said.add(key)
        out(
          `${JSON.stringify({ event: 'action', mode, step: part.step, object: part.object, action: action.id, title: action.title, status: progress.status, at: progress.at, note: progress.note ?? null })}\n`,
        )
      }
    }
  })
}
