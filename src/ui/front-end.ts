import type { Plan } from '../engine/plan.ts'
import type { Session } from '../engine/session.ts'

/** What the flow needs of whoever sits in front of it. The report front end has nobody there: it refuses and says which flag answers. */
export interface FrontEnd {
  kind: 'tui' | 'line' | 'report'
  /** Status and guidance. */
  say: (text: string) => void
  /** Follows a session while something runs; returns the function that ends it. */
  follow: (session: Session) => () => void
  /** Consent to a plan that was shown. The string says how it was given. */
  consent: (plan: Plan) => Promise<string | undefined>
  /** One yes-or-no question; `flag` is what answers it without a person. */
  confirm: (question: string, flag: string) => Promise<boolean>
}

export interface Surroundings {
  stdinIsTTY: boolean
  stdoutIsTTY: boolean
  env: Readonly<Record<string, string | undefined>>
  plain: boolean
  noInput: boolean
  json: boolean
}

/**
 * Which front end there is. A full screen needs a real terminal on both sides; `CI`, a dumb terminal, a screen reader's setting
 * and `--plain` take the lines; without a terminal, with `--no-input` or JSON nobody is asked anything.
 */
export function chooseFrontEnd(s: Surroundings): FrontEnd['kind'] {
  if (s.json || s.noInput || !s.stdinIsTTY || !s.stdoutIsTTY) return 'report'
  if (s.plain || s.env.TERM === 'dumb' || s.env.CI !== undefined || s.env.INK_SCREEN_READER === 'true' || s.env.ACCESSIBLE) return 'line'
  return 'tui'
}
