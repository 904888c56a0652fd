import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { cleanUp, Terminal, temporaryFolder } from '../support/terminal.ts'

afterEach(cleanUp)

const fixture = fileURLToPath(new URL('fixtures/hand-over.mjs', import.meta.url))
const ROUNDS = 10

describe('the terminal is handed to a child', () => {
  test(`${ROUNDS} times in a row, and neither the child nor the app misses a key`, async () => {
    const home = temporaryFolder()
    const terminal = new Terminal({ home, run: [process.execPath, fixture], env: { OUT: join(home, 'out') } })
    await terminal.until('rounds: 0')
    let typed = ''
    for (let round = 1; round <= ROUNDS; round++) {
      terminal.press('h')
      await terminal.until(`child ${round} asks:`)
      expect(terminal.onAlternateScreen).toBe(false)
      // key by key, as a person types: each could be taken by the wrong reader
      const line = `answer-${round}-for-the-child`
      for (const char of line) terminal.write(char)
      terminal.press('enter')
      const screen = await terminal.until(new RegExp(`rounds: ${round}$`, 'm'))
      expect(screen).toContain(`the child got: [${line}]`)
      for (const char of 'abc') terminal.write(char)
      terminal.write('def')
      typed += 'abcdef'
      await terminal.until(`the app got: [${typed}]`)
    }
    terminal.press('q')
    expect(await terminal.end()).toEqual({ exitCode: 0, signal: undefined })
    expect(terminal.onAlternateScreen).toBe(false)
  })

  test('what is typed while the terminal changes hands goes to the one or the other, and nothing hangs', async () => {
    const home = temporaryFolder()
    const terminal = new Terminal({ home, run: [process.execPath, fixture], env: { OUT: join(home, 'out') } })
    await terminal.until('rounds: 0')
    for (let round = 1; round <= ROUNDS; round++) {
      terminal.press('h')
      terminal.write('soon')
      await terminal.until(`child ${round} asks:`)
      terminal.write(`done${round}\r`)
      await terminal.until(new RegExp(`rounds: ${round}$`, 'm'))
      await terminal.until(new RegExp(`the child got: \\[.*done${round}\\]`))
      terminal.write('.')
      await terminal.until(/the app got: \[.*\.\]/)
    }
    terminal.press('q')
    expect((await terminal.end()).exitCode).toBe(0)
  })
})
