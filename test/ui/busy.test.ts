import { afterEach, describe, expect, test } from 'vitest'
import type { Session } from '../../src/engine/session.ts'
import { practiceWorld } from '../support/practice.ts'
import { cleanUp } from '../support/terminal.ts'

afterEach(cleanUp)

/** What the session said it was doing, in order, without repetitions. */
async function activitiesOf(session: Session, work: () => Promise<unknown>): Promise<string[]> {
  const kinds: string[] = []
  const off = session.subscribe(() => {
    const { kind } = session.state().activity
    if (kinds.at(-1) !== kind) kinds.push(kind)
  })
  await work()
  off()
  return kinds
}

describe('a session that works says so until it is done', () => {
  test('a look is over when its report is there, not before', async () => {
    const { session } = await practiceWorld()
    const reportAtIdle: boolean[] = []
    session.subscribe(() => {
      if (session.state().activity.kind === 'idle') reportAtIdle.push(session.state().report !== undefined)
    })
    expect(await activitiesOf(session, () => session.look())).toEqual(['looking', 'idle'])
    expect(reportAtIdle).toEqual([true])
  })

  test('from consent to the last look nothing else can be begun', async () => {
    const { session } = await practiceWorld()
    const plan = await session.plan({ kind: 'mend', steps: ['INF-10'] })
    expect(await activitiesOf(session, () => session.apply(plan, { how: 'test' }))).toEqual(['looking', 'performing', 'looking', 'idle'])
  })

  test('a stop after the last look before the change prevents the change', async () => {
    const world = await practiceWorld((system) => ({
      ...system,
      files: {
        ...system.files,
        append: async (path, text) => {
          if (text.includes('"kind":"planned"')) world.session.stop()
          return system.files.append(path, text)
        },
      },
    }))
    const plan = await world.session.plan({ kind: 'mend', steps: ['INF-10'] })
    const result = await world.session.apply(plan, { how: 'test' })
    expect(result.stopped).toBe(true)
    expect(result.done).toEqual([])
    expect(result.left.map((p) => p.object.name)).toEqual(['w1', 'w2', 'cp1', 'cp2', 'cp3'])
    expect(world.session.state().report?.results[0]?.count).toBe('fail')
  })

  test('a stop that was meant for an earlier look does not stop a later change', async () => {
    const { session } = await practiceWorld()
    const plan = await session.plan({ kind: 'mend', steps: ['INF-10'] })
    session.stop()
    const result = await session.apply(plan, { how: 'test' })
    expect(result.done).toHaveLength(5)
  })
})
