import type { Ran } from './operator.ts'

/** The document of a check. */

/** A finding with its object as `kind/name`. */
export interface Found {
  object: string
  verdict: string
  reason: string
  remedy: string | null
}

export interface Checked {
  code: number | null
  ran: Ran
  /** Of each step. */
  verdicts: Record<string, string>
  findings: (step: string) => Found[]
}

interface Step {
  id: string
  verdict: string
  findings: (Omit<Found, 'object'> & { object: { kind: string; name: string } })[]
}

export function checkedOf(ran: Ran): Checked {
  let steps: Step[]
  try {
    steps = JSON.parse(ran.stdout).steps
  } catch {
    throw new Error(`no document, exit code ${ran.code}:\n${ran.stdout}${ran.stderr}`)
  }
  return {
    code: ran.code,
    ran,
    verdicts: Object.fromEntries(steps.map((s) => [s.id, s.verdict])),
    findings: (id) =>
      (steps.find((s) => s.id === id)?.findings ?? []).map(({ object, verdict, reason, remedy }) => ({
        object: `${object.kind}/${object.name}`,
        verdict,
        reason,
        remedy,
      })),
  }
}
