import { isMap, plainLine } from '../contract.ts'

/** Picks from values of which nothing is known. Text that comes out is one line, bounded, and safe to draw. */

export type Raw = Record<string, unknown>

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
