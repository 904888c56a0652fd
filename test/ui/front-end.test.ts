import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Progress } from '../../src/engine/perform.ts'
import type { Session } from '../../src/engine/session.ts'
import { progressKey } from '../../src/engine/state.ts'
import { chooseFrontEnd, type Surroundings } from '../../src/ui/front-end.ts'
import { reportFrontEnd } from '../../src/ui/report/front-end.ts'
import { planToLight } from '../engine/world.ts'

const TERMINAL: Surroundings = {
  stdinIsTTY: true,
  stdoutIsTTY: true,
  env: { TERM: 'xterm-256color' },
  plain: false,
  noInput: false,
  json: false,
}

describe('which front end there is', () => {
  test.each<[string, Partial<Surroundings>, string]>([
    ['a terminal on both sides', {}, 'tui'],
    ['no TERM at all', { env: {} }, 'tui'],
    ['TERM=linux', { env: { TERM: 'linux' } }, 'tui'],
    ['--plain', { plain: true }, 'line'],
    ['TERM=dumb', { env: { TERM: 'dumb' } }, 'line'],
    ['CI=true', { env: { CI: 'true' } }, 'line'],
    ['CI, empty', { env: { CI: '' } }, 'line'],
    ['CI=false', { env: { CI: 'false' } }, 'line'],
    ['a screen reader', { env: { INK_SCREEN_READER: 'true' } }, 'line'],
    ['INK_SCREEN_READER=false', { env: { INK_SCREEN_READER: 'false' } }, 'tui'],
    ['ACCESSIBLE=1', { env: { ACCESSIBLE: '1' } }, 'line'],
    ['ACCESSIBLE, empty', { env: { ACCESSIBLE: '' } }, 'tui'],
    ['standard input from somewhere else', { stdinIsTTY: false }, 'report'],
    ['standard output into a pipe', { stdoutIsTTY: false }, 'report'],
    ['no terminal at all', { stdinIsTTY: false, stdoutIsTTY: false }, 'report'],
    ['--no-input', { noInput: true }, 'report'],
    ['JSON', { json: true }, 'report'],
    ['no terminal wins over --plain', { stdinIsTTY: false, plain: true }, 'report'],
    ['--no-input wins over --plain', { noInput: true, plain: true }, 'report'],
    ['JSON wins over a screen reader', { json: true, env: { INK_SCREEN_READER: 'true' } }, 'report'],
    ['no terminal in CI', { stdinIsTTY: false, stdoutIsTTY: false, env: { CI: 'true' } }, 'report'],
  ])('%s: %s', (_, given, expected) => {
    expect(chooseFrontEnd({ ...TERMINAL, ...given })).toBe(expected)
  })
})

describe('a run that nobody watches', () => {
  afterEach(() => void vi.useRealTimers())

  /** What is said of the lamp's switch while it goes through these. */
  function followed(json: boolean, course: readonly Partial<Progress>[], everyMs: number): string[] {
    vi.useFakeTimers({ now: Date.parse('2026-11-23T12:00:00Z') })
    const plan = planToLight('a')
    const part = plan.parts[0]?.digest ?? ''
    let progress: Record<string, Progress> = {}
    let tell: () => void = () => undefined
    const session = {
      state: () => ({ run: { plan, progress, log: [] } }),
      subscribe: (listener: () => void) => {
        tell = listener
        return () => undefined
      },
    } as unknown as Session
    const said: string[] = []
    reportFrontEnd({ out: (text) => said.push(text.trim()), json, mode: 'live', yes: true }).follow(session)
    for (const given of course) {
      const at = new Date(Date.now()).toISOString()
      progress = { [progressKey(part, 'switch')]: { part, action: 'switch', status: 'running', at, ...given } }
      tell()
      tell()
      vi.advanceTimersByTime(everyMs)
    }
    return said
  }
  const until = '2026-11-23T12:05:45.000Z'
  const waiting = Array.from({ length: 12 }, (_, i) => ({ note: `takes itself back in ${300 - i} s`, until }))
  const course = [{}, ...waiting, { status: 'done' as const, note: 'kept after 13 s' }]

  test('gives a sign of life every five seconds while one action lasts, and one line when it ends', () => {
    expect(followed(false, course, 1000)).toEqual([
      '12:00:01 a switch on: takes itself back in 300 s',
      '12:00:06 a switch on: takes itself back in 295 s',
      '12:00:11 a switch on: takes itself back in 290 s',
      '12:00:13 a switch on, kept after 13 s',
    ])
  })

  test('gives the same as JSON lines, with until when it may be taking itself back', () => {
    const lines = followed(true, course, 1000).map((line) => JSON.parse(line))
    const of = { mode: 'live', step: 'LMP-01', object: { kind: 'lamp', name: 'a' }, action: 'switch', title: 'switch on' }
    const sign = (at: string, note: string) => ({ event: 'progress', ...of, until, at, note })
    expect(lines).toEqual([
      { event: 'action', ...of, status: 'running', at: '2026-11-23T12:00:00.000Z', note: null },
      sign('2026-11-23T12:00:01.000Z', 'takes itself back in 300 s'),
      sign('2026-11-23T12:00:06.000Z', 'takes itself back in 295 s'),
      sign('2026-11-23T12:00:11.000Z', 'takes itself back in 290 s'),
      { event: 'action', ...of, status: 'done', at: '2026-11-23T12:00:13.000Z', note: 'kept after 13 s' },
    ])
  })
})
