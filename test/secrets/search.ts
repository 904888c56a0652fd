import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Looks for secrets in every form in which they could have got somewhere: plain, base64, and folded. */

export interface Seeded {
  name: string
  value: string
}

/** Shapes of one secret: as it is, in base64 at each of the three alignments, and either of them folded at common widths. */
export function shapes(value: string): string[] {
  const bytes = Buffer.from(value)
  const encoded = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    // the first and last characters depend on what stands beside it
    return text.slice(shift === 0 ? 0 : 4, text.length - 4)
  })
  return [value, ...encoded].filter((s) => s.length >= 12)
}

/** Names of the secrets that a text holds in some shape. Line breaks and what surrounds them in folded text do not hide one. */
export function secretsIn(text: string, seeded: readonly Seeded[]): string[] {
  const unfolded = text.replace(/\\n|\s+|["'|>+-](?=\s)/g, '')
  return seeded
    .filter((s) => shapes(s.value).some((shape) => text.includes(shape) || unfolded.includes(shape.replace(/\s+/g, ''))))
    .map((s) => s.name)
}

/** Every file below a folder with its content. */
export function filesBelow(folder: string, skip: (path: string) => boolean = () => false): { path: string; text: string }[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (skip(path)) return []
    if (entry.isDirectory()) return filesBelow(path, skip)
    return lstatSync(path).isFile() ? [{ path, text: readFileSync(path, 'latin1') }] : []
  })
}
