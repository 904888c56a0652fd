import { describe, expect, test } from 'vitest'
import { carryOut } from '../../src/cli/change.ts'
import type { CommandContext } from '../../src/cli/command.ts'
import { Interrupted } from '../../src/engine/errors.ts'
import { reportFrontEnd } from '../../src/ui/report/front-end.ts'
import { sessionOf } from '../engine/sessions.ts'
import { type World, world } from '../engine/world.ts'

/** `apply STEP --yes` that somebody stops: by a signal, which reaches the session and everything that waits. */
function applying(w: World, kind: 'mend' | 'undo' = 'mend') {
  const { session } = sessionOf(w)
  const leaving = new AbortController()
  const said: string[] = []
  const context = {
    world: {
      session,
      workspace: w.ports.workspace,
      delivery: 'live',
      flags: { yes: true },
      caller: { commandLine: w.ports.commandLine },
      program: { name: 'talos-preflight' },
      place: { mode: 'live', system: w.ports },
      cluster: { name: 'lab' },
    },
    front: reportFrontEnd({ out: (text) => said.push(text), json: true, mode: 'live', yes: true }),
    json: true,
    out: (text: string) => said.push(text),
    words: ['LMP-01'],
    leaving: leaving.signal,
  } as unknown as CommandContext
  const stop = () => {
    session.stop()
    leaving.abort()
  }
  const ends = () => carryOut(context, () => session.plan({ kind, steps: ['LMP-01'] })).catch((error: unknown) => error)
  return { stop, ends, session, last: () => JSON.parse(said.at(-1) ?? '{}') }
}

/** Without who is asked for it, since only the ending counts. */
const warningless = (w: World): World => {
  Object.assign(w.ports.workspace ?? {}, { profile: { recipients: [] } })
  return w
}

describe('a stop', () => {
  test('while it is reviewed ends it at once, and nothing is changed', async () => {
    const w = warningless(world({ a: false, b: false }))
    const { stop, ends } = applying(w)
    w.ports.preview = async () => {
      stop()
      return []
    }
    expect(await ends()).toBeInstanceOf(Interrupted)
    expect([w.calls, w.lamps]).toEqual([[], { a: { on: false }, b: { on: false } }])
  })

  test('between two works ends it before the first change', async () => {
    const w = warningless(world({ a: false }))
    const { stop, ends, session } = applying(w)
    const off = session.subscribe(() => {
      if (session.state().activity.kind !== 'reviewing') return
      off()
      const back = session.subscribe(() => {
        if (session.state().activity.kind !== 'idle') return
        back()
        stop()
      })
    })
    expect(await ends()).toBeInstanceOf(Interrupted)
    expect(w.lamps).toEqual({ a: { on: false } })
  })

  test('in the last look before the change ends it, and nothing is changed', async () => {
    const w = warningless(world({ a: false }))
    const { stop, ends } = applying(w)
    const { observe } = w.ports
    let looks = 0
    w.ports.observe = async (...given) => {
      if (++looks === 2) stop()
      return observe(...given)
    }
    expect(await ends()).toBeInstanceOf(Interrupted)
    expect(w.calls).toEqual([])
  })

  test('in the look behind the last change does not end with 0, because it was not looked at again', async () => {
    const w = warningless(world({ a: false }))
    const { stop, ends, last } = applying(w)
    const { observe } = w.ports
    w.ports.observe = async (...given) => {
      if (w.lamps.a?.on) stop()
      return observe(...given)
    }
    const ended = await ends()
    expect(ended).toBeInstanceOf(Interrupted)
    expect((ended as Error).message).toBe('stopped before it was looked at again; 1 done, 0 not begun')
    expect(last()).toMatchObject({ event: 'finished', result: 'stopped', summary: null })
  })

  test('of one run does not stop the next', async () => {
    const w = warningless(world({ a: false, b: false }))
    const { session } = applying(w)
    const plan = await session.plan({ kind: 'mend', steps: ['LMP-01'] })
    w.answers.switch = () => {
      session.stop()
      session.stop()
      return undefined
    }
    expect((await session.apply(plan, { how: 'test' })).done.map((p) => p.object.name)).toEqual(['a'])
    delete w.answers.switch
    const rest = await session.plan({ kind: 'mend', steps: ['LMP-01'] })
    expect((await session.review(rest)).length).toBe(1)
    expect((await session.apply(rest, { how: 'test' })).done.map((p) => p.object.name)).toEqual(['b'])
  })
})
