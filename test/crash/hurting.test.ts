import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cleanUp } from '../support/terminal.ts'
import { everyLine, type Flow, reallyKilled, type Whole, whole } from './flow.ts'

/** The changes that can hurt are killed at every line of their journals: inside the window, before it is kept and behind that. */

const WAIVED = ['waive', 'BAK-02', '--why', 'a drill', '--until', '2027-02-21']
/** One API server and the next: a third one adds no line of another kind. */
const PLANES = ['--nodes', 'cp1,cp2']
const FLOWS: Record<string, Flow> = {
  'INF-02': {
    before: [],
    args: ['apply', 'INF-02', '--yes', '--answer', 'INF-02.admins=none', '--answer', 'INF-02.allow=9100/tcp=10.20.7.20'],
  },
  'K8S-02': { before: [WAIVED], args: ['apply', 'K8S-02', ...PLANES, '--yes'] },
  'MON-01': { before: [WAIVED], args: ['apply', 'MON-01', ...PLANES, '--yes'] },
  'K8S-04': { before: [], args: ['apply', 'K8S-04', '--yes', '--answer', 'K8S-04.namespace=payments'] },
}

describe.each(Object.entries(FLOWS))('%s, killed', (_, flow) => {
  let of: Whole
  beforeAll(async () => {
    of = await whole(flow)
  }, 120_000)
  afterAll(cleanUp)

  test('at every line of its journal, ends as if nothing had happened', async () => {
    expect(of.lines.length).toBeGreaterThan(10)
    await everyLine(flow, of)
  }, 300_000)

  test('with SIGKILL while the first change is under way', async () => {
    const at = of.lines.findIndex((l) => l.kind === 'tried' || (l.kind === 'intent' && l.done !== undefined && l.until === undefined))
    expect(at).toBeGreaterThan(0)
    await reallyKilled(flow, of, [{ line: at + 1, when: 'after' }])
  }, 120_000)
})
