import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Driver, RED } from '../support/driver.ts'
import { cleanEnvironment, cleanUp, PROGRAM, Terminal, temporaryFolder } from '../support/terminal.ts'

afterEach(cleanUp)

const STACK = /\n\s+at .*:\d+:\d+|Error:|node:internal/

/** Runs it with pipes on all sides. */
function piped(args: string[], env: Record<string, string> = {}, input = ''): { code: number | null; stdout: string; stderr: string } {
  const home = temporaryFolder()
  const cwd = join(home, 'here')
  mkdirSync(cwd)
  const child = spawnSync(process.execPath, [PROGRAM, ...args], { cwd, env: cleanEnvironment(home, env), input, encoding: 'utf8' })
  return { code: child.status, stdout: child.stdout, stderr: child.stderr }
}

describe('line by line instead of the full screen', () => {
  test.each<[string, { args?: string[]; env?: Record<string, string> }]>([
    ['--plain', { args: ['--plain'] }],
    ['TERM=dumb', { env: { TERM: 'dumb' } }],
    ['CI=true', { env: { CI: 'true' } }],
    ['CI, set to nothing', { env: { CI: '' } }],
    ['INK_SCREEN_READER=true', { env: { INK_SCREEN_READER: 'true' } }],
    ['ACCESSIBLE=1', { env: { ACCESSIBLE: '1' } }],
  ])('with %s', async (_, { args = [], env = {} }) => {
    const terminal = new Terminal({ args, env })
    await terminal.untilSaid(/What do you want to do\?[\s\S]*Practise: a simulated cluster/)
    expect(terminal.onAlternateScreen).toBe(false)
    expect(terminal.raw).not.toContain('\u001b[?1049h')
    terminal.press('up')
    await terminal.until(/❯ Quit|> Quit/)
    terminal.press('enter')
    expect(await terminal.end()).toEqual({ exitCode: 0, signal: undefined })
  })

  test('ctrl+c at a question ends with 130 and shows no stack', async () => {
    const terminal = new Terminal({ args: ['practice', '--plain'] })
    await terminal.untilSaid('What next?')
    terminal.press('ctrl+c')
    expect(await terminal.end()).toEqual({ exitCode: 130, signal: undefined })
    expect(terminal.transcript()).not.toMatch(STACK)
    expect(terminal.raw.lastIndexOf('\u001b[?25h')).toBeGreaterThanOrEqual(terminal.raw.lastIndexOf('\u001b[?25l'))
  })

  test.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('%s at a question ends with 130', async (signal) => {
    const terminal = new Terminal({ args: ['practice', '--plain'] })
    await terminal.untilSaid('What next?')
    terminal.signal(signal)
    expect(await terminal.end()).toEqual({ exitCode: 130, signal: undefined })
    expect(terminal.transcript()).not.toMatch(STACK)
  })
})

describe('without a terminal', () => {
  test.each<[string, string[]]>([
    ['the wizard', []],
    ['practice', ['practice']],
    ['the wizard with --no-input', ['--no-input']],
  ])('%s says what is here and which command does what, and asks nothing', (_, args) => {
    const { code, stdout, stderr } = piped(args)
    expect(code).toBe(2)
    expect(stdout).toContain('The wizard needs a terminal, and there is none here.')
    expect(stdout).toContain('talos-preflight check')
    expect(stdout).toContain('talos-preflight --help')
    expect(stderr).toBe('')
    expect(stdout).not.toMatch(STACK)
    expect(stdout).not.toContain('\u001b')
  })

  test('as JSON it is one document', () => {
    const { code, stdout } = piped(['--output', 'json'])
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'talos-preflight/guidance/v1', contexts: [] })
  })

  test.each([
    ['standard input', '"$0" "$1" </dev/null; echo "code=$?"'],
    ['standard output', '"$0" "$1" | /bin/cat; echo "over"'],
  ])('only %s is none: no screen is drawn and no raw mode is tried', async (_, command) => {
    const terminal = new Terminal({ run: ['/bin/sh', '-c', command, process.execPath, PROGRAM] })
    await terminal.end()
    const said = terminal.transcript()
    expect(said).toContain('The wizard needs a terminal, and there is none here.')
    expect(said).toMatch(/code=2|over/)
    expect(said).not.toMatch(STACK)
    expect(terminal.raw).not.toContain('\u001b[?1049h')
    expect(terminal.raw).not.toContain('\u001b[?25l')
  })

  test.each<[string, string[], string]>([
    ['apply', ['apply', 'INF-10', '--practice'], 'no-consent'],
    ['waive', ['waive', 'INF-10', '--practice'], '--why'],
    ['keys create with a passphrase', ['keys', 'create', '--practice', '--passphrase'], 'identity-exists'],
  ])('%s refuses instead of asking, with the flag that answers', (_, args, says) => {
    const { code, stdout, stderr } = piped(args, {}, 'yes\nyes\n')
    expect(code).toBe(2)
    expect(stderr).toContain(says)
    expect(`${stdout}${stderr}`).not.toMatch(STACK)
  })

  test('CI in the environment changes nothing of that', () => {
    const { code, stdout } = piped([], { CI: 'true' })
    expect(code).toBe(2)
    expect(stdout).toContain('The wizard needs a terminal')
  })
})

/** Colours of letters and backgrounds; bold, dim and inverse are no colours. */
const sgrColours = (raw: string): string[] =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what is looked for
  [...raw.matchAll(/\u001b\[([\d;]*)m/g)].flatMap((m) => (m[1] ?? '').split(';')).filter((n) => /^(3[0-8]|4[0-8]|9[0-7]|10[0-7])$/.test(n))

describe('looks', () => {
  /** To the green step and back out. */
  async function throughAll(terminal: Terminal): Promise<void> {
    await terminal.until(RED, 'the checklist')
    await new Driver(terminal).choose('INF-10')
    for (const complete of [
      'enter see the plan',
      'enter go on to review',
      'enter change 5 objects',
      /pass.*\[Run\][\s\S]*enter findings/,
    ]) {
      terminal.press('enter')
      await terminal.until(complete)
      screens.push(terminal.screen())
    }
    terminal.press('?')
    screens.push(await terminal.until('Keys here'))
    terminal.press('enter')
    await terminal.until(/\[Run\]/)
    terminal.press('right')
    screens.push(await terminal.until('[Evidence]'))
    terminal.press('q')
    await terminal.end()
  }
  let screens: string[] = []
  afterEach(() => {
    screens = []
  })

  test('colours underline what is there', async () => {
    const terminal = new Terminal({ args: ['practice'] })
    await throughAll(terminal)
    expect(sgrColours(terminal.raw)).not.toEqual([])
  })

  test.each<[string, string[], Record<string, string>]>([
    ['NO_COLOR', ['practice'], { NO_COLOR: '1' }],
    ['--no-color', ['practice', '--no-color'], {}],
  ])('%s takes all colours away', async (_, args, env) => {
    const terminal = new Terminal({ args, env })
    await throughAll(terminal)
    expect(sgrColours(terminal.raw)).toEqual([])
  })

  test.each<[string, string[], Record<string, string>]>([
    ['NO_COLOR', ['practice', '--plain'], { NO_COLOR: '1' }],
    ['--no-color', ['practice', '--plain', '--no-color'], {}],
  ])('%s takes them away line by line as well', async (_, args, env) => {
    const terminal = new Terminal({ args, env })
    await terminal.untilSaid('What next?')
    terminal.press('up')
    await terminal.until(/❯ Quit|> Quit/)
    terminal.press('enter')
    await terminal.end()
    expect(sgrColours(terminal.raw)).toEqual([])
  })

  test.each([{ LANG: 'C' }, { LANG: undefined }, { LANG: 'en_US.UTF-8', LC_ALL: 'C' }])(
    '%j: nothing but ASCII on any screen',
    async (env) => {
      const terminal = new Terminal({ args: ['practice'], env })
      await throughAll(terminal)
      for (const screen of screens) expect(screen).toMatch(/^[\n\u0020-\u007e]*$/)
    },
  )
})

describe('a command that asks on a terminal', () => {
  const asking = async () => {
    const terminal = new Terminal({ args: ['apply', 'INF-10', '--practice'] })
    await terminal.untilSaid('Type yes to go on:')
    return terminal
  }

  test.each(['ctrl+c', 'SIGTERM', 'SIGHUP', 'SIGINT'] as const)(
    'is ended by %s with 130, without a change and without a stack',
    async (how) => {
      const terminal = await asking()
      if (how === 'ctrl+c') terminal.press(how)
      else terminal.signal(how)
      expect(await terminal.end()).toEqual({ exitCode: 130, signal: undefined })
      expect(terminal.transcript()).toMatch(/talos-preflight: interrupted \(interrupted\)$/)
      expect(terminal.transcript()).not.toMatch(STACK)
      expect(terminal.raw.lastIndexOf('\u001b[?25h')).toBeGreaterThanOrEqual(terminal.raw.lastIndexOf('\u001b[?25l'))
    },
  )

  test('takes nothing but yes for a yes', async () => {
    const terminal = await asking()
    terminal.write('y\r')
    expect(await terminal.end()).toEqual({ exitCode: 2, signal: undefined })
    expect(terminal.transcript()).toContain('Nothing was changed.')
  })
})
