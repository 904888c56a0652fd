import { afterEach, describe, expect, test } from 'vitest'
import { Driver, RED } from '../support/driver.ts'
import { framesIn } from '../support/golden.ts'
import { cleanUp, SIZES, sizeName, Terminal } from '../support/terminal.ts'
import { framesOf, type Screen, walk } from '../support/walk.ts'

afterEach(cleanUp)

/** From a red step to a green one with Enter alone, and back: what Enter does not lead to is pressed because the footer shows it. */
const MEND: Screen[] = [
  ['enter', 'checklist', RED],
  ['down', '', /> ✗ INF-10/],
  ['enter', 'findings', /INF-10.*fail.*\[Findings\][\s\S]*enter see the plan/],
  ['enter', 'plan', /\[Plan\][\s\S]*Plan for INF-10[\s\S]*enter go on to review/],
  ['enter', 'review', /Change 5 objects[\s\S]*enter change 5 objects/],
  ['enter', 'run', /INF-10.*pass.*\[Run\][\s\S]*enter findings/],
  ['enter', 'findings-green', /INF-10.*pass.*\[Findings\][\s\S]*enter checklist/],
  ['enter', 'checklist-green', /looked at[\s\S]*1 of \d+ done[\s\S]*enter open .*n next to do/],
  ['down', 'chosen-again', /> ✓ INF-10/],
  ['enter', 'findings-green-again', /INF-10.*pass.*\[Findings\][\s\S]*u undo/],
  ['u', 'undo-plan', /\[Plan\][\s\S]*Take back INF-10[\s\S]*enter go on to review/],
  ['enter', 'undo-review', /Take back 5 objects[\s\S]*enter take back 5 objects/],
  ['enter', 'undo-run', /INF-10.*fail.*\[Run\][\s\S]*enter findings.*w waive/],
  ['enter', 'findings-red-again', /INF-10.*fail.*\[Findings\][\s\S]*enter see the plan/],
]

describe('practice is walked with nothing but the keys that are shown', () => {
  test.each(SIZES.map((size) => [sizeName(size), size] as const))(
    'from the first door to green and back to red, at %s',
    async (_, size) => {
      const terminal = new Terminal({ size })
      await terminal.until(/no workspace in ~\/here[\s\S]*enter practise/, 'the doors')
      await walk(new Driver(terminal), size, 'walk', { before: 'doors', screens: MEND })
      // the exit code is that of a check: INF-10 fails again
      expect(await terminal.ended).toEqual({ exitCode: 1, signal: undefined })
      expect(terminal.onAlternateScreen).toBe(false)
      expect(terminal.raw.lastIndexOf('\u001b[?1049l')).toBeGreaterThan(terminal.raw.lastIndexOf('\u001b[?1049h'))
      expect(terminal.raw.lastIndexOf('\u001b[?25h')).toBeGreaterThan(terminal.raw.lastIndexOf('\u001b[?25l'))
      expect(terminal.raw.lastIndexOf('\u001b[?2004l')).toBeGreaterThan(terminal.raw.lastIndexOf('\u001b[?2004h'))
    },
  )

  test('every committed frame of the walk is one that the walk takes', () => {
    for (const size of SIZES) expect(framesIn(`walk-${sizeName(size)}`)).toEqual(framesOf(MEND, 'doors'))
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
