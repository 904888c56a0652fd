import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cleanUp } from '../support/terminal.ts'
import { everyLine, type Flow, reallyKilled, type Whole, whole } from './flow.ts'

/** Taking the mend back is killed as well. */

const UNDO: Flow = { before: [['apply', 'INF-10', '--yes']], args: ['apply', 'INF-10', '--undo', '--yes'] }

describe('taking back, killed', () => {
  let of: Whole
  beforeAll(async () => {
    of = await whole(UNDO)
  }, 60_000)
  afterAll(cleanUp)

  test('at every line of its journal, ends as if nothing had happened', async () => {
    expect(of.lines.length).toBeGreaterThan(50)
    await everyLine(UNDO, of)
  }, 240_000)

  test('with SIGKILL while each node is changed', async () => {
    const points = of.lines.flatMap((l, i) =>
      l.kind === 'intent' && l.action === 'patch' ? [{ line: i + 1, when: 'after' } as const] : [],
    )
    expect(points.length).toBe(5)
    await reallyKilled(UNDO, of, points)
  }, 120_000)
})
