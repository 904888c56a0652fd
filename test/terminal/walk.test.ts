import { afterEach, describe, expect, test } from 'vitest'
import { Driver, RED } from '../support/driver.ts'
import { expectFrame, framesIn, steady } from '../support/golden.ts'
import { cleanUp, LARGE, SIZES, type Size, SMALL, sizeName, Terminal } from '../support/terminal.ts'

afterEach(cleanUp)

/** The screens between the first door and a green step, in order; each with what only it shows once it is complete. */
const WAY = [
  ['doors', /no workspace in ~\/here[\s\S]*enter practise/],
  ['checklist', RED],
  ['findings', /INF-10.*fail.*\[Findings\][\s\S]*enter see the plan/],
  ['plan', /\[Plan\][\s\S]*Plan for INF-10[\s\S]*enter go on to review/],
  ['review', /Change 5 objects[\s\S]*enter change 5 objects/],
  ['run', /INF-10.*pass.*\[Run\][\s\S]*enter findings/],
  ['findings-green', /INF-10.*pass.*\[Findings\][\s\S]*enter checklist/],
  ['checklist-green', /looked at[\s\S]*1 of 3 done[\s\S]*enter open .*n next to do/],
] as const

/** And back: what Enter alone does not lead to is pressed because the footer shows it. */
const WAY_BACK = [
  ['up', 'chosen-again', /> ✓ INF-10/],
  ['enter', 'findings-green-again', /INF-10.*pass.*\[Findings\][\s\S]*u undo/],
  ['u', 'undo-plan', /\[Plan\][\s\S]*Take back INF-10[\s\S]*enter go on to review/],
  ['enter', 'undo-review', /Take back 5 objects[\s\S]*enter change 5 objects/],
  ['enter', 'undo-run', /INF-10.*fail.*\[Run\][\s\S]*enter findings/],
  ['enter', 'findings-red-again', /INF-10.*fail.*\[Findings\][\s\S]*enter see the plan/],
] as const

async function walk(terminal: Terminal, size: Size): Promise<void> {
  const driver = new Driver(terminal)
  const folder = `walk-${sizeName(size)}`
  let number = 0
  const see = async (name: string, complete: RegExp) => {
    const screen = await terminal.until(complete, name)
    number++
    expectFrame(`${folder}/${String(number).padStart(2, '0')}-${name}`, steady(screen))
  }
  for (const [index, [name, complete]] of WAY.entries()) {
    if (index > 0) driver.press('enter')
    await see(name, complete)
  }
  for (const [key, name, complete] of WAY_BACK) {
    driver.press(key)
    await see(name, complete)
  }
  driver.press('q')
  await terminal.end()
  expectFrame(`${folder}/${number + 1}-closing`, steady(terminal.transcript()))
}

describe('practice is walked with nothing but the keys that are shown', () => {
  test.each(SIZES.map((size) => [sizeName(size), size] as const))(
    'from the first door to green and back to red, at %s',
    async (_, size) => {
      const terminal = new Terminal({ size })
      await walk(terminal, size)
      // the exit code is that of a check: INF-10 fails again
      expect(await terminal.ended).toEqual({ exitCode: 1, signal: undefined })
      expect(terminal.onAlternateScreen).toBe(false)
      expect(terminal.raw.lastIndexOf('\u001b[?1049l')).toBeGreaterThan(terminal.raw.lastIndexOf('\u001b[?1049h'))
      expect(terminal.raw.lastIndexOf('\u001b[?25h')).toBeGreaterThan(terminal.raw.lastIndexOf('\u001b[?25l'))
      expect(terminal.raw.lastIndexOf('\u001b[?2004l')).toBeGreaterThan(terminal.raw.lastIndexOf('\u001b[?2004h'))
    },
  )

  test('every committed frame of the walk is one that the walk takes', () => {
    const names = [...WAY.map(([name]) => name), ...WAY_BACK.map(([, name]) => name), 'closing']
    const expected = names.map((name, i) => `${String(i + 1).padStart(2, '0')}-${name}`)
    for (const size of [SMALL, LARGE]) expect(framesIn(`walk-${sizeName(size)}`)).toEqual(expected)
  })

  test('a key that is not shown is not pressed', async () => {
    const terminal = new Terminal()
    await terminal.until('enter practise')
    const driver = new Driver(terminal)
    expect(() => driver.press('w')).toThrow('does not show the key "w"')
    await driver.readHelp()
    expect(driver.shown().flatMap((s) => s.keys)).toContain('c')
    driver.press('c')
    await terminal.until('no talosconfig was found')
  })
})
