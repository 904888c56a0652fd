import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cleanUp } from '../support/terminal.ts'
import { everyLine, type Flow, reallyKilled, type Whole, whole } from './flow.ts'

/** A plan in a file is killed while it is carried out, and goes on with the same file. */

const NODES = ['--nodes', 'cp1,w1']
const FLOW: Flow = {
  before: [['plan', 'INF-10', ...NODES, '--out', 'plan.json']],
  args: ['apply', 'plan.json', ...NODES, '--yes'],
}

describe('a plan in a file, killed', () => {
  let of: Whole
  beforeAll(async () => {
    of = await whole(FLOW)
  }, 60_000)
  afterAll(cleanUp)

  test('at every line of its journal, goes on with that file as if nothing had happened', async () => {
    expect(of.lines.length).toBeGreaterThan(20)
    await everyLine(FLOW, of)
  }, 240_000)

  test('with SIGKILL between a change and the checks behind it', async () => {
    const at = of.lines.findIndex((l) => l.kind === 'outcome' && l.action === 'patch')
    expect(at).toBeGreaterThan(0)
    await reallyKilled(FLOW, of, [{ line: at + 2, when: 'before' }])
  }, 60_000)
})
