import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cleanUp } from '../support/terminal.ts'
import { everyLine, type Flow, reallyKilled, type Whole, whole } from './flow.ts'

/** What only reads, seals and proves is killed as well: nothing half is left, and what it makes is there and opens. */

const FLOWS: Record<string, Flow> = {
  'secrets adopt': { before: [], args: ['secrets', 'adopt'] },
  'backup create': { before: [], args: ['backup', 'create'] },
}

describe.each(Object.entries(FLOWS))('%s, killed', (_, flow) => {
  let of: Whole
  beforeAll(async () => {
    of = await whole(flow)
  }, 60_000)
  afterAll(cleanUp)

  test('at every line of its journal, comes to the same end', async () => {
    expect(of.lines.map((l) => l.kind)).toContain('intent')
    await everyLine(flow, of)
  }, 120_000)

  test('with SIGKILL while it seals', async () => {
    const at = of.lines.findIndex((l) => l.kind === 'intent' && l.path !== undefined)
    expect(at).toBeGreaterThan(0)
    await reallyKilled(flow, of, [{ line: at + 1, when: 'after' }])
  }, 60_000)
})
