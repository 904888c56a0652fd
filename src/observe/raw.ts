import { isMap, plainLine } from '../contract.ts'

/** Picks from values of which nothing is known. Text that comes out is one line, bounded, and safe to draw. */

export type Raw = Record<string, unknown>

/** Deeper than this nothing is nested that a person wrote; an answer that is could end us. */
const DEEPEST = 100

/** Its message is safe to show. */
class Unreadable extends Error {}

/** Throws where an answer is nested too deeply to be walked. What is cut off there could be what decides. */
export function notTooDeep(depth: number): void {
  if (depth > DEEPEST) throw new Unreadable(`it is nested more than ${DEEPEST} levels deep`)
}

/** Why an answer could not be read. A message that is not ours can quote the answer, and with it a secret. */
export const unreadable = (error: unknown): string =>
  `its answer could not be read${error instanceof Unreadable ? `: ${error.message}` : ` (${error instanceof Error ? error.name : typeof error})`}`

export const asMap = (value: unknown): Raw => (isMap(value) ? value : {})
export const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
export const asText = (value: unknown, most = 200): string => (typeof value === 'string' ? plainLine(value, most) : '')

/** The items of a Kubernetes list, or undefined for what is no list. */
export function itemsOf(stdout: string): Raw[] | undefined {
  try {
    const value = asMap(JSON.parse(stdout))
    return Array.isArray(value.items) ? value.items.map(asMap) : undefined
  } catch {
    return undefined
  }
}
