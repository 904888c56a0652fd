import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Line } from '../../src/engine/journal.ts'
import { cleanUp, temporaryFolder } from '../support/terminal.ts'
import { pointsOf } from './flow.ts'
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
  uncheckedIn,
  underWay,
} from './run.ts'

/** The mend is killed at every line of its journal and run again: the end is the same, and nothing is done twice. */

const MEND = ['apply', 'INF-10', '--yes']
const NODES = ['cp1', 'cp2', 'cp3', 'w1', 'w2']
const ONCE = Object.fromEntries(NODES.map((n) => [n, 1]))
/** The first config is one, too. */
const CHANGED_ONCE = Object.fromEntries(NODES.map((n) => [n, 2]))

let fresh: string
let mended: unknown
let untouched: unknown
let kinds: Line['kind'][]

beforeAll(async () => {
  fresh = join(temporaryFolder(), 'practice')
  await run(fresh, ['doctor'])
  untouched = nodesOf(fresh)
  const whole = copyOf(fresh)
  expect((await run(whole, MEND)).exitCode).toBe(0)
  mended = nodesOf(whole)
  kinds = journalsOf(whole)[0]?.lines.map((l) => l.kind) ?? []
}, 60_000)
afterAll(cleanUp)

async function resumed(point: KillPoint): Promise<void> {
  const label = `${point.when} line ${point.line}`
  const folder = copyOf(fresh)
  expect(await killedAt(point, folder, MEND), label).toBe(true)
  const [killed] = point.line === 1 && point.when === 'before' ? [] : journalsOf(folder)
  const begun = underWay(killed)
  const consented = killed?.lines.some((l) => l.kind === 'consented')

  const { exitCode, said } = await run(folder, MEND)
  expect(exitCode, `${label}\n${said}`).toBe(0)
  if (begun) {
    expect(said, label).toContain(`it was at "${begun.title}" on ${begun.node}`)
    expect(said, label).toMatch(/What became of it: (done|not done) \(.+\)\./)
  } else expect(said, label).not.toContain('What became of it')
  expect(nodesOf(folder), label).toEqual(mended)
  expect(countsOf(folder), label).toEqual(CHANGED_ONCE)
  expect(changesOf(folder, 'mend'), label).toEqual(ONCE)
  expect(uncheckedIn(folder), label).toEqual([])
  expect(chainProblems(folder), label).toEqual([])
  expect(
    filesBelow(folder).filter((f) => /\.(part|tmp|lock)$/.test(f)),
    label,
  ).toEqual([])
  expect([...new Set(await openSealed(folder))].toSorted(), label).toEqual(NODES)

  // what the journals hold after a crash must be enough to take everything back
  const lostOutcome = begun?.title.startsWith('set ') === true
  if (lostOutcome || (consented === true && point.line % 10 === 0)) {
    expect((await run(folder, ['apply', 'INF-10', '--undo', '--yes'])).exitCode, label).toBe(0)
    expect(nodesOf(folder), label).toEqual(untouched)
    expect(changesOf(folder, 'undo'), label).toEqual(ONCE)
  }
}

describe('the mend, killed with SIGKILL', () => {
  test('before every line of its journal, and after those behind which something happens, ends as if nothing had happened', async () => {
    expect(kinds.length).toBeGreaterThan(50)
    await sideBySide(pointsOf(kinds), availableParallelism() + 1, resumed)
  }, 240_000)

  test('one line after the last it comes to its end by itself', async () => {
    expect(await killedAt({ line: kinds.length + 1, when: 'before' }, copyOf(fresh), MEND)).toBe(false)
  })
})
