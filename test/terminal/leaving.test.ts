import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { FRESH_SAID, RED } from '../support/driver.ts'
import { cleanUp, PROGRAM, Terminal } from '../support/terminal.ts'
import { inTheMiddle, journalsOf, patched } from './held.ts'

afterEach(cleanUp)

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The last word on each mode of the terminal is that it is off, and the cursor is there. */
function expectRestored({ raw, onAlternateScreen }: Terminal): void {
  expect(onAlternateScreen).toBe(false)
  expect(raw).toContain('\u001b[?1049h')
  for (const [on, off] of [
    ['\u001b[?1049h', '\u001b[?1049l'],
    ['\u001b[?25l', '\u001b[?25h'],
    ['\u001b[?2004h', '\u001b[?2004l'],
  ] as const)
    expect(raw.lastIndexOf(off), JSON.stringify(off)).toBeGreaterThan(raw.lastIndexOf(on))
}

async function atChecklist(): Promise<Terminal> {
  const terminal = new Terminal({ args: ['practice'] })
  await terminal.until(RED, 'the checklist')
  return terminal
}

async function atDoors(): Promise<Terminal> {
  const terminal = new Terminal()
  await terminal.until(/no workspace in[\s\S]*enter practise/, 'the doors')
  return terminal
}

describe('leaving the wizard', () => {
  test('q at the doors ends with 0, and nothing is left on the screen', async () => {
    const terminal = await atDoors()
    terminal.press('q')
    expect(await terminal.end()).toEqual({ exitCode: 0, signal: undefined })
    expectRestored(terminal)
    expect(terminal.transcript()).toBe('')
  })

  test('q on the checklist ends with what a check would end with, and says where things are', async () => {
    const terminal = await atChecklist()
    terminal.press('q')
    expect(await terminal.end()).toEqual({ exitCode: 1, signal: undefined })
    expectRestored(terminal)
    expect(terminal.transcript()).toMatch(/^practice: [^\n]*\n {2}evidence .*\n {2}next {7}talos-preflight plan INF-02/)
    expect(terminal.transcript().split('\n')[0]).toBe(`practice: ${FRESH_SAID}`)
  })

  test('ctrl+c at the doors ends with 130', async () => {
    const terminal = await atDoors()
    terminal.press('ctrl+c')
    expect(await terminal.end()).toEqual({ exitCode: 130, signal: undefined })
    expectRestored(terminal)
  })

  test('ctrl+c on the checklist ends with 130 and closes the journal', async () => {
    const terminal = await atChecklist()
    terminal.press('ctrl+c')
    expect(await terminal.end()).toEqual({ exitCode: 130, signal: undefined })
    expectRestored(terminal)
    expect(journalsOf(terminal.home).at(-1)?.at(-1)).toMatchObject({ kind: 'closed', exitCode: 130 })
  })

  test('ctrl+c ends it from inside a form too', async () => {
    const terminal = await atChecklist()
    terminal.press('w')
    await terminal.until('Waive INF-02')
    terminal.write('because')
    await terminal.until(/why.*|because/i)
    terminal.press('ctrl+c')
    expect((await terminal.end()).exitCode).toBe(130)
    expectRestored(terminal)
  })

  test.each(SIGNALS)('%s at the doors restores the terminal and ends with 130', async (signal) => {
    const terminal = await atDoors()
    terminal.signal(signal)
    expect(await terminal.end()).toEqual({ exitCode: 130, signal: undefined })
    expectRestored(terminal)
  })

  test.each(SIGNALS)('%s on the checklist restores the terminal, ends with 130 and closes the journal', async (signal) => {
    const terminal = await atChecklist()
    terminal.signal(signal)
    expect(await terminal.end()).toEqual({ exitCode: 130, signal: undefined })
    expectRestored(terminal)
    expect(journalsOf(terminal.home).at(-1)?.at(-1)).toMatchObject({ kind: 'closed', exitCode: 130 })
  })

  test.each(['q', 'SIGTERM'] as const)('after %s the shell has its terminal back: lines, echo and signals', async (how) => {
    const inside = `/bin/sh -c 'echo $$ >../pid; exec "$0" "$1"' "$0" "$1"; echo "code=$?"; stty -a; echo over`
    const terminal = new Terminal({ run: ['/bin/sh', '-c', inside, process.execPath, PROGRAM], env: { PATH: '/usr/bin:/bin' } })
    await terminal.until(/no workspace in[\s\S]*enter practise/, 'the doors')
    if (how === 'q') terminal.press('q')
    else process.kill(Number(readFileSync(join(terminal.home, 'pid'), 'utf8')), how)
    const said = await terminal.untilSaid(/^over$/m)
    await terminal.end()
    expect(said).toContain(how === 'q' ? 'code=0' : 'code=130')
    expect(said).toMatch(/(^|\s)icanon/m)
    expect(said).toMatch(/(^|\s)echo\s/m)
    expect(said).toMatch(/(^|\s)isig/m)
  })
})

describe('leaving while something is being changed', () => {
  test('q asks first; the answer that stops finishes the object at hand and leaves the rest a plan', async () => {
    const { terminal, driver, goOn } = await inTheMiddle()
    driver.press('q')
    await terminal.until('Something is being changed')
    driver.press('x')
    await terminal.until('Stopping after the object at hand')
    goOn()
    const screen = await terminal.until(/\[Run\][\s\S]*enter findings/)
    expect(screen).toContain('w2')
    expect(patched(terminal.home)).toEqual(['w1', 'w2'])
    driver.press('q')
    expect((await terminal.end()).exitCode).toBe(1)
  })

  test('ctrl+c stops after the object at hand and leaves the wizard where it is', async () => {
    const { terminal, driver, goOn } = await inTheMiddle()
    terminal.press('ctrl+c')
    await terminal.until('Stopping after the object at hand')
    goOn()
    await terminal.until(/Stopped\. 2 done, 3 not begun/)
    expect(patched(terminal.home)).toEqual(['w1', 'w2'])
    driver.press('q')
    await terminal.end()
  })

  test.each(['q', 'ctrl+c', 'SIGTERM'] as const)('%s between the last look and the first change prevents the change', async (how) => {
    const { terminal, driver, goOn } = await inTheMiddle('"kind":"planned"', /looking once more before the change/)
    expect(terminal.screen()).not.toContain('u undo')
    if (how === 'q') driver.press('q')
    else if (how === 'ctrl+c') terminal.press(how)
    else terminal.signal(how)
    await terminal.untilSaid('finishing the object at hand')
    goOn()
    expect((await terminal.end()).exitCode).toBe(how === 'q' ? 1 : 130)
    expectRestored(terminal)
    expect(patched(terminal.home)).toEqual([])
    const lines = journalsOf(terminal.home).at(-1) ?? []
    expect(lines.at(-1)?.kind).toBe('closed')
    expect(lines.map((l) => l.kind)).not.toContain('intent')
  })

  test('a second signal ends the waiting, not the change', async () => {
    const { terminal, goOn } = await inTheMiddle()
    terminal.signal('SIGTERM')
    await terminal.untilSaid('finishing the object at hand')
    terminal.signal('SIGINT')
    terminal.signal('SIGHUP')
    goOn()
    expect(await terminal.end()).toEqual({ exitCode: 130, signal: undefined })
    const lines = journalsOf(terminal.home).at(-1) ?? []
    expect(lines.at(-1)?.kind).toBe('closed')
    expect(lines.filter((l) => l.kind === 'intent')).toHaveLength(lines.filter((l) => l.kind === 'outcome').length)
  })

  test.each(SIGNALS)('%s finishes the object at hand, writes what became of it, and ends with 130', async (signal) => {
    const { terminal, driver, goOn } = await inTheMiddle()
    // a key pressed in the meantime does not make the program forget what it waits for
    driver.press('?')
    await terminal.until('Keys here')
    terminal.signal(signal)
    await terminal.untilSaid('finishing the object at hand')
    goOn()
    expect(await terminal.end()).toEqual({ exitCode: 130, signal: undefined })
    expectRestored(terminal)
    expect(patched(terminal.home)).toEqual(['w1', 'w2'])
    const lines = journalsOf(terminal.home).at(-1) ?? []
    expect(lines.at(-1)).toMatchObject({ kind: 'closed', exitCode: 130 })
    expect(lines.filter((l) => l.kind === 'intent')).toHaveLength(lines.filter((l) => l.kind === 'outcome').length)
    expect(terminal.transcript()).toMatch(/INF-10 mended on w1, w2\./)
  })
})
