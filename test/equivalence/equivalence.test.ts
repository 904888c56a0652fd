import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Driver, LineDriver, RED } from '../support/driver.ts'
import { cleanEnvironment, cleanUp, LARGE, PROGRAM, Terminal, temporaryFolder } from '../support/terminal.ts'
import { type Left, sessionLeft } from './session.ts'

afterEach(cleanUp)

/** The same thing done by hand on the full screen, by answers line by line, and by flags alone must leave the same session behind. */

interface Scenario {
  keyboard: (driver: Driver) => Promise<void>
  line: (driver: LineDriver) => Promise<void>
  /** Command lines, each with the exit code it ends with. */
  flags: [args: string[], exitCode: number][]
  /** An answer given by this flag is for that run; on a screen it is kept in the profile. */
  flagsAnswer?: string[]
  /** What must have come of it, so that three times nothing is not taken for the same. */
  left: (left: Left) => void
}

const UNTIL = '2027-02-21'
const mends = (left: Left, keys: number) => {
  expect(left.findings['INF-10']).toEqual(['cp1 pass', 'cp2 pass', 'cp3 pass', 'w1 pass', 'w2 pass'])
  expect(left.sealed).toEqual({ w1: 1, w2: 1, cp1: 1, cp2: 1, cp3: 1 })
  expect(Object.keys((left.nodes as { machineSysctls: object }[])[0]?.machineSysctls ?? {})).toHaveLength(keys)
}

const mendByKeyboard = async (driver: Driver) => {
  for (const complete of [/enter go on to review/, /enter change 5 objects/, /INF-10.*pass.*\[Run\][\s\S]*enter findings/]) {
    if (!complete.test(driver.terminal.screen())) driver.press('enter')
    await driver.terminal.until(complete)
  }
}
const openByKeyboard = async (driver: Driver) => {
  driver.press('enter')
  await driver.terminal.until(/\[Findings\][\s\S]*enter see the plan/)
}
const changeByLine = async (driver: LineDriver, choice: string) => {
  await driver.choose('What next?', choice)
  await driver.type('Apply to', 'yes')
  await driver.asked('What next?')
}

const SCENARIOS: Record<string, Scenario> = {
  'mend INF-10': {
    keyboard: async (driver) => {
      await openByKeyboard(driver)
      await mendByKeyboard(driver)
    },
    line: (driver) => changeByLine(driver, 'Mend INF-10'),
    flags: [[['apply', 'INF-10', '--yes'], 0]],
    left: (left) => mends(left, 15),
  },

  'mend INF-10 and take it back': {
    keyboard: async (driver) => {
      await openByKeyboard(driver)
      await mendByKeyboard(driver)
      driver.press('u')
      await driver.terminal.until(/Take back INF-10[\s\S]*enter go on to review/)
      driver.press('enter')
      await driver.terminal.until(/enter change 5 objects/)
      driver.press('enter')
      await driver.terminal.until(/INF-10.*fail.*\[Run\][\s\S]*enter findings/)
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
    keyboard: async (driver) => {
      driver.press('down')
      await driver.terminal.until(/> . CRT-01/)
      driver.press('w')
      await driver.terminal.until(/Waive CRT-01[\s\S]*> Why/)
      driver.terminal.write('a drill, the keys are invented')
      driver.press('enter')
      await driver.terminal.until(new RegExp(`> Until\\n +${UNTIL}`))
      driver.press('enter')
      await driver.terminal.until(/CRT-01 .*waived/)
    },
    line: async (driver) => {
      await driver.choose('What next?', 'Waive CRT-01')
      await driver.choose('For', 'the whole step')
      await driver.type('Why', 'a drill, the keys are invented')
      await driver.type('Until', UNTIL)
      await driver.asked('What next?')
    },
    flags: [[['waive', 'CRT-01', '--why', 'a drill, the keys are invented', '--until', UNTIL], 0]],
    left: (left) => {
      expect(left.profile.waivers).toMatchObject([{ step: 'CRT-01', why: 'a drill, the keys are invented', until: UNTIL }])
      expect(left.journal.at(-1)).toMatchObject({ kind: 'said', word: 'waived', step: 'CRT-01' })
      expect(left.findings['CRT-01']).toContain('controlplane.yaml fail waived')
    },
  },

  'answer logMartians=no, then mend INF-10': {
    keyboard: async (driver) => {
      await openByKeyboard(driver)
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
      await mendByKeyboard(driver)
    },
    line: async (driver) => {
      await driver.choose('What next?', 'Answers of INF-10')
      await driver.type('Log packets', 'no')
      await driver.type('Other network keys', '')
      await changeByLine(driver, 'Mend INF-10')
    },
    flags: [[['apply', 'INF-10', '--answer', 'INF-10.logMartians=no', '--yes'], 0]],
    flagsAnswer: ['--answer', 'INF-10.logMartians=no'],
    left: (left) => mends(left, 13),
  },

  'attest CRT-04, which has nothing that is unknown': {
    keyboard: async (driver) => {
      driver.press('down')
      driver.press('down')
      await driver.terminal.until(/> . CRT-04/)
      await driver.readHelp()
      expect(driver.shown().flatMap((s) => s.keys)).not.toContain('a')
      driver.terminal.write('a')
      driver.press('enter')
      await driver.terminal.until(/CRT-04.*\[Findings\]/)
    },
    line: async (driver) => {
      const choices = await driver.choices('What next?')
      expect(choices).toContain('Waive CRT-04')
      expect(choices.filter((c) => c.startsWith('Attest'))).toEqual([])
    },
    flags: [[['attest', 'CRT-04', '--why', 'it is fine', '--until', UNTIL], 2]],
    left: (left) => {
      expect(left.profile.attestations).toBeUndefined()
      expect(left.journal).toMatchObject([{ kind: 'identified' }])
    },
  },
}

async function byKeyboard(scenario: Scenario): Promise<Left> {
  const terminal = new Terminal({ size: LARGE })
  await terminal.until(/enter practise/)
  const driver = new Driver(terminal)
  driver.press('enter')
  await terminal.until(RED)
  await scenario.keyboard(driver)
  driver.press('q')
  expect((await terminal.end()).signal).toBeUndefined()
  return sessionLeft(terminal.home)
}

async function byLine(scenario: Scenario): Promise<Left> {
  const terminal = new Terminal({ size: LARGE, args: ['--plain'] })
  const driver = new LineDriver(terminal)
  await driver.choose('What do you want to do?', 'Practise')
  await scenario.line(driver)
  await driver.choose('What next?', 'Quit')
  expect((await terminal.end()).signal).toBeUndefined()
  return sessionLeft(terminal.home)
}

function byFlags(scenario: Scenario): Left {
  const home = temporaryFolder()
  const cwd = join(home, 'here')
  mkdirSync(cwd)
  const run = (args: string[], exitCode: number) => {
    const child = spawnSync(process.execPath, [PROGRAM, ...args, '--practice'], { cwd, env: cleanEnvironment(home), encoding: 'utf8' })
    expect(child.status, `${args.join(' ')}\n${child.stdout}${child.stderr}`).toBe(exitCode)
  }
  run(['check'], 1)
  for (const [args, exitCode] of scenario.flags) run(args, exitCode)
  return sessionLeft(home, scenario.flagsAnswer)
}

describe('by keyboard, line by line and by flags it is the same session', () => {
  test.each(Object.entries(SCENARIOS))('%s', async (_, scenario) => {
    const keyboard = await byKeyboard(scenario)
    scenario.left(keyboard)
    expect(await byLine(scenario)).toEqual(keyboard)
    const { steps, ...withoutAnswers } = keyboard.profile
    expect(byFlags(scenario)).toEqual(scenario.flagsAnswer ? { ...keyboard, profile: withoutAnswers } : keyboard)
    if (scenario.flagsAnswer) expect(steps).toEqual({ 'INF-10': { logMartians: 'no' } })
  })
})
