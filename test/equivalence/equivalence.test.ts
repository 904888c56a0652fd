import { afterEach, describe, expect, test } from 'vitest'
import { cleanUp } from '../support/terminal.ts'
import { sameSession } from './drivers.ts'
import { changeByLine, goThrough, open, type Scenario, sayByLine, takeBack, UNTIL, waiveByKeyboard } from './scenarios.ts'
import type { Left } from './session.ts'

afterEach(cleanUp)

/** The same thing done by hand on the full screen, by answers line by line, and by flags alone must leave the same session behind. */

const mends = (left: Left, keys: number) => {
  expect(left.findings['INF-10']).toEqual(['cp1 pass', 'cp2 pass', 'cp3 pass', 'w1 pass', 'w2 pass'])
  expect(left.sealed).toEqual({ w1: 1, w2: 1, cp1: 1, cp2: 1, cp3: 1 })
  expect(Object.keys(left.world.nodes[0]?.machineSysctls ?? {})).toHaveLength(keys)
}

const SCENARIOS: Record<string, Scenario> = {
  'mend INF-10': {
    keyboard: async (driver) => {
      await open(driver, 'INF-10')
      await goThrough(driver, 5)
    },
    line: (driver) => changeByLine(driver, 'Mend INF-10'),
    flags: [[['apply', 'INF-10', '--yes'], 0]],
    left: (left) => mends(left, 15),
  },

  'mend INF-10 and take it back': {
    keyboard: async (driver) => {
      await open(driver, 'INF-10')
      await goThrough(driver, 5)
      await takeBack(driver, 'INF-10', 5)
    },
    line: async (driver) => {
      await changeByLine(driver, 'Mend INF-10')
      await changeByLine(driver, 'Take back INF-10')
    },
    flags: [
      [['apply', 'INF-10', '--yes'], 0],
      [['apply', 'INF-10', '--undo', '--yes'], 0],
    ],
    left: (left) => {
      expect(left.findings['INF-10']).toEqual(['cp1 fail', 'cp2 fail', 'cp3 fail', 'w1 fail', 'w2 fail'])
      expect(left.sealed).toEqual({ w1: 2, w2: 2, cp1: 2, cp2: 2, cp3: 2 })
    },
  },

  'waive CRT-01': {
    keyboard: (driver) => waiveByKeyboard(driver, 'CRT-01', 'a drill, the keys are invented'),
    line: (driver) => sayByLine(driver, 'Waive CRT-01', 'the whole step', 'a drill, the keys are invented'),
    flags: [[['waive', 'CRT-01', '--why', 'a drill, the keys are invented', '--until', UNTIL], 0]],
    left: (left) => {
      expect(left.profile.waivers).toMatchObject([{ step: 'CRT-01', why: 'a drill, the keys are invented', until: UNTIL }])
      expect(left.journal.at(-1)).toMatchObject({ kind: 'said', word: 'waived', step: 'CRT-01' })
      expect(left.findings['CRT-01']).toContain('controlplane.yaml fail waived')
    },
  },

  'answer logMartians=no, then mend INF-10': {
    keyboard: async (driver) => {
      await open(driver, 'INF-10')
      await driver.readHelp()
      driver.press('left')
      await driver.terminal.until('[Answers]')
      driver.press('enter')
      await driver.terminal.until('Answers of INF-10')
      driver.terminal.write('\u007f\u007f\u007fno')
      await driver.terminal.until(/^ {5}no$/m)
      driver.press('enter')
      await driver.terminal.until(/> Other network keys/)
      driver.press('enter')
      await driver.terminal.until(/looked at[\s\S]*\[Answers\][\s\S]*^ {3}no/m)
      driver.press('right')
      await driver.terminal.until(/looked at[\s\S]*\[Findings\][\s\S]*13 of 13[\s\S]*enter see the plan/)
      await goThrough(driver, 5)
    },
    line: async (driver) => {
      await driver.choose('What next?', 'Answers of INF-10')
      await driver.type('Log packets', 'no')
      await driver.type('Other network keys', '')
      await changeByLine(driver, 'Mend INF-10')
    },
    flags: [[['apply', 'INF-10', '--answer', 'INF-10.logMartians=no', '--yes'], 0]],
    flagsAnswer: ['--answer', 'INF-10.logMartians=no'],
    kept: { 'INF-10': { logMartians: 'no' } },
    left: (left) => mends(left, 13),
  },

  'attest CRT-04, which has nothing that is unknown': {
    keyboard: async (driver) => {
      await driver.choose('CRT-04')
      await driver.readHelp()
      expect(driver.shown().flatMap((s) => s.keys)).not.toContain('a')
      driver.terminal.write('a')
      driver.press('enter')
      await driver.terminal.until(/CRT-04.*\[Findings\]/)
    },
    line: async (driver) => {
      const choices = await driver.choices('What next?')
      expect(choices).toContain('Waive CRT-04')
      expect(choices.filter((c) => c.startsWith('Attest CRT-04'))).toEqual([])
    },
    flags: [[['attest', 'CRT-04', '--why', 'it is fine', '--until', UNTIL], 2]],
    left: (left) => {
      expect(left.profile.attestations).toBeUndefined()
      expect(left.journal).toMatchObject([{ kind: 'identified' }])
    },
  },
}

describe('by keyboard, line by line and by flags it is the same session', () => {
  test.each(Object.entries(SCENARIOS))('%s', (_, scenario) => sameSession(scenario), 120_000)
})
