import type { Action } from '../../contract.ts'
import { Refusal } from '../../engine/errors.ts'
import type { Progress } from '../../engine/perform.ts'
import type { PlannedPart } from '../../engine/plan.ts'
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

/** Milliseconds between two signs of life. */
const HEARTBEAT = 5000

interface Told {
  part: PlannedPart
  action: Action
  progress: Progress
}

/** Every status of every action once; while one lasts, what it waits for, as a sign of life now and then and not at every look. */
function follow(session: Session, tell: { status: (told: Told) => void; sign: (told: Told) => void }): () => void {
  const said = new Map<string, { status: string; note: string | undefined }>()
  let last = 0
  return session.subscribe(() => {
    const { run } = session.state()
    if (!run) return
    for (const part of run.plan.parts) {
      for (const action of part.actions) {
        const progress = progressOf(run, part.digest, action.id)
        if (!progress) continue
        const key = `${run.plan.stage.kind} ${part.digest} ${action.id}`
        const before = said.get(key)
        const { status, note } = progress
        if (before?.status !== status) {
          said.set(key, { status, note: undefined })
          tell.status({ part, action, progress })
        }
        if (status !== 'running' || !note || note === before?.note || Date.now() - last < HEARTBEAT) continue
        last = Date.now()
        said.set(key, { status, note })
        tell.sign({ part, action, progress })
      }
    }
  })
}

/** A line for each action that ends, and a heartbeat while one lasts. */
export function followLines(session: Session, line: (text: string) => void): () => void {
  const say = ({ part, action, progress }: Told, rest: string) =>
    line(`${progress.at.slice(11, 19)} ${part.object.name} ${action.title}${rest}`)
  return follow(session, {
    status: (told) => {
      const { status, note } = told.progress
      if (status !== 'running') say(told, `${status === 'done' ? '' : `: ${status}`}${note ? `, ${note}` : ''}`)
    },
    sign: (told) => say(told, `: ${told.progress.note}`),
  })
}

/** The same as JSON lines; a sign of life has its own event, and until when a tentative change may be taking itself back. */
function followJson(session: Session, out: (text: string) => void, mode: string): () => void {
  const say = ({ part, action, progress }: Told, event: 'action' | 'progress', rest: { status?: string; until?: string | null }) =>
    out(
      `${JSON.stringify({ event, mode, step: part.step, object: part.object, action: action.id, title: action.title, ...rest, at: progress.at, note: progress.note ?? null })}\n`,
    )
  return follow(session, {
    status: (told) => say(told, 'action', { status: told.progress.status }),
    sign: (told) => say(told, 'progress', { until: told.progress.until ?? null }),
  })
}
