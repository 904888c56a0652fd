import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cleanUp, temporaryFolder } from '../support/terminal.ts'
import {
  chainProblems,
  changesOf,
  copyOf,
  countsOf,
  filesBelow,
  journalsOf,
  type KillPoint,
  killedAt,
  nodesOf,
  openSealed,
  run,
  sideBySide,
  underWay,
} from './run.ts'

/** Taking it back is killed as well, wherever something happens between two lines. */

const MEND = ['apply', 'INF-10', '--yes']
const UNDO = ['apply', 'INF-10', '--undo', '--yes']
const NODES = ['cp1', 'cp2', 'cp3', 'w1', 'w2']
const ONCE = Object.fromEntries(NODES.map((n) => [n, 1]))
/** The first config, the mend, and what takes it back. */
const CHANGED_TWICE = Object.fromEntries(NODES.map((n) => [n, 3]))

let mended: string
let untouched: unknown
let kinds: string[]

beforeAll(async () => {
  mended = join(temporaryFolder(), 'practice')
  await run(mended, ['doctor'])
  untouched = nodesOf(mended)
  expect((await run(mended, MEND)).exitCode).toBe(0)
  const whole = copyOf(mended)
  expect((await run(whole, UNDO)).exitCode).toBe(0)
  expect(nodesOf(whole)).toEqual(untouched)
  kinds =
    journalsOf(whole)
      .at(-1)
      ?.lines.map((l) => l.kind) ?? []
}, 60_000)
afterAll(cleanUp)

async function resumed(point: KillPoint): Promise<void> {
  const label = `${point.when} line ${point.line}`
  const folder = copyOf(mended)
  expect(await killedAt(point, folder, UNDO), label).toBe(true)
  const journals = journalsOf(folder)
  const begun = journals.length > 1 ? underWay(journals.at(-1)) : undefined

  const { exitCode, said } = await run(folder, UNDO)
  expect(exitCode, `${label}\n${said}`).toBe(0)
  if (begun) expect(said, label).toContain(`it was at "${begun.title}" on ${begun.node}`)
  else expect(said, label).not.toContain('What became of it')
  expect(nodesOf(folder), label).toEqual(untouched)
  expect(countsOf(folder), label).toEqual(CHANGED_TWICE)
  expect(changesOf(folder, 'mend'), label).toEqual(ONCE)
  expect(changesOf(folder, 'undo'), label).toEqual(ONCE)
  expect(chainProblems(folder), label).toEqual([])
  expect(
    filesBelow(folder).filter((f) => /\.(part|tmp|lock)$/.test(f)),
    label,
  ).toEqual([])
  expect([...new Set(await openSealed(folder))].toSorted(), label).toEqual(NODES)
}

describe('taking back, killed with SIGKILL', () => {
  test('before every line of its journal, and after every line behind which something happens, ends as if nothing had happened', async () => {
    expect(kinds.length).toBeGreaterThan(50)
    const points = kinds.flatMap((kind, i): KillPoint[] => [
      { line: i + 1, when: 'before' },
      ...(kind === 'intent' || kind === 'child' || kind === 'consented' ? [{ line: i + 1, when: 'after' } as const] : []),
    ])
    await sideBySide(points, availableParallelism() + 1, resumed)
  }, 240_000)
})
