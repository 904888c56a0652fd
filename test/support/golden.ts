import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { ROOT } from './terminal.ts'

/** Screens as committed text files. `UPDATE_FRAMES=1 npm test -- test/ui test/terminal` writes them again; look at the diff then. */

const FRAMES = join(ROOT, 'test', 'frames')
const updating = process.env.UPDATE_FRAMES === '1'

/** A screen with what differs from run to run replaced by placeholders of the same width. */
export function steady(screen: string): string {
  return (
    screen
      .replace(/\/tmp\/tp-\w{6}/g, (path) => path.replace(/\w{6}$/, 'XXXXXX'))
      .replace(/\d{4}-\d{2}-\d{2}T\d{2}[:-]\d{2}[:-]\d{2}/g, (t) => t.replace(/\d/g, '0'))
      .replace(/\b\d{2}:\d{2}(:\d{2})?\b/g, (t) => t.replace(/\d/g, '0'))
      .replace(/(journal head )[0-9a-f]{8}/g, '$1########')
      // as the simulated clock goes, which every call moves
      .replace(/(kept after )\d+ s/g, '$1### s')
      // etcd's revision grows with the simulated clock, which every call moves
      .replace(/((?:revision |etcd-practice-)0*)(\d+)/g, (_, before, revision) => before + revision.replace(/\d/g, '0'))
  )
}

/** Compares with the committed frame. One that is missing is an error, so that no screen slips in unseen. */
export function expectFrame(name: string, screen: string): void {
  const path = join(FRAMES, `${name}.txt`)
  const text = `${screen.replace(/ +$/gm, '').trimEnd()}\n`
  // what throws while it is drawn leaves an empty screen
  if (!text.trim()) throw new Error(`nothing was drawn for test/frames/${name}.txt`)
  if (updating) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return
  }
  if (!existsSync(path))
    throw new Error(`there is no frame test/frames/${name}.txt; look at this and write it with UPDATE_FRAMES=1:\n${text}`)
  expect(text, `test/frames/${name}.txt`).toBe(readFileSync(path, 'utf8'))
}

/** Names of the committed frames in a folder, without their ending. */
export function framesIn(folder: string): string[] {
  const path = join(FRAMES, folder)
  return existsSync(path)
    ? readdirSync(path)
        .filter((name) => name.endsWith('.txt'))
        .map((name) => name.slice(0, -4))
        .toSorted()
    : []
}
