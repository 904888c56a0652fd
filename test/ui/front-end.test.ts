import { describe, expect, test } from 'vitest'
import { chooseFrontEnd, type Surroundings } from '../../src/ui/front-end.ts'

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
