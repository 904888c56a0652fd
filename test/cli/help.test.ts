import { expect, test } from 'vitest'
import { helpFor, parse } from '../../src/cli/args.ts'
import { COMMANDS } from '../../src/cli/commands.ts'

/** How help is asked for, and what it looks like. */

test.each([
  [['-h'], undefined],
  [['help'], undefined],
  [['help', 'waive'], 'waive'],
  [['waive', '-h'], 'waive'],
  [['waive', '--help'], 'waive'],
])('%j is help', (argv, name) => {
  const { command, flags } = parse(argv)
  expect([command?.name, flags.help]).toEqual([name, true])
})

test('help about a command that there is not is refused', () => {
  expect(() => parse(['help', 'wave'])).toThrow('there is no command "wave"')
})

test.each([undefined, ...COMMANDS])('it is at most 100 columns wide, but for what is to be copied', (command) => {
  const lines = helpFor(command)
    .split('\n')
    .filter((line) => !line.startsWith('  talos-preflight '))
  expect(lines.filter((line) => line.length > 100)).toEqual([])
})
