/**
 * The three kinds of errors. Text is lower case, without a final period, and follows the program's name; a hint says what to do.
 * Every code is listed in docs/errors.md.
 */

/** The operator can mend it. Nothing was changed. Exit code 2. */
export class Refusal extends Error {
  readonly code: string
  readonly hint: string | undefined
  constructor(code: string, message: string, hint?: string) {
    super(message)
    this.name = 'Refusal'
    this.code = code
    this.hint = hint
  }
}

/** An action failed, or nothing of the cluster could be looked at. The message is safe to show. Exit code 4. */
export class Failure extends Error {
  readonly code: string
  readonly hint: string | undefined
  constructor(code: string, message: string, hint?: string) {
    super(message)
    this.name = 'Failure'
    this.code = code
    this.hint = hint
  }
}

/** The operator stopped it. Exit code 130. */
export class Interrupted extends Error {
  constructor(message = 'interrupted') {
    super(message)
    this.name = 'Interrupted'
  }
}

export const EXIT = { ok: 0, failed: 1, usage: 2, unknown: 3, broken: 4, interrupted: 130 } as const
