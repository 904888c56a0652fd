import { type Conclusion, fail, pass } from '../contract.ts'

/** What is said of a configuration: a reason to fail, or what somebody should know. */
export interface Remark {
  weight: 'fail' | 'note'
  /** Without a final period. */
  sentence: string
  /** What a person has to do, where no plan mends it. */
  byHand?: string
}

export const failing = (sentence: string, byHand?: string): Remark => ({ weight: 'fail', sentence, ...(byHand ? { byHand } : {}) })
export const noting = (sentence: string): Remark => ({ weight: 'note', sentence })

/**
 * One conclusion of all remarks: it fails by the first kind, and what is only to be known stands behind either. `remedy` is the plan, for
 * what is not to be done by hand.
 */
export function concludeFrom(remarks: readonly Remark[], good: string, remedy?: string): Conclusion {
  const wrong = remarks.filter((r) => r.weight === 'fail')
  const notes = remarks.filter((r) => r.weight === 'note').map((r) => r.sentence)
  if (wrong.length === 0) return pass([good, ...notes].join('; '))
  const remedies = [...byHandOf(wrong), ...(remedy && wrong.some(isForAPlan) ? [remedy] : [])]
  return fail([...wrong.map((r) => r.sentence), ...notes].join('; '), remedies.join('; then: ') || undefined)
}

/** It fails, and a plan can mend it. */
export const isForAPlan = ({ weight, byHand }: Remark): boolean => weight === 'fail' && byHand === undefined

/** What has to be done by hand, each once. */
export const byHandOf = (remarks: readonly Remark[]): string[] => [...new Set(remarks.flatMap((r) => r.byHand ?? []))]

/** `a`, `a and b`, `a, b and c`, `a, b, c and 5 more`. */
export function listed(words: readonly string[], most = 3): string {
  if (words.length > most) return `${words.slice(0, most).join(', ')} and ${words.length - most} more`
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** `1 pod`, `3 pods`. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** How long a number of milliseconds is, as a person says it: `41 days`, `30 hours`, `less than an hour`. */
export const lasting = (ms: number): string =>
  ms < HOUR ? 'less than an hour' : ms < 2 * DAY ? counted(Math.floor(ms / HOUR), 'hour') : counted(Math.floor(ms / DAY), 'day')
