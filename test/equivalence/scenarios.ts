import { expect } from 'vitest'
import type { Driver, LineDriver } from '../support/driver.ts'
import type { Left } from './session.ts'

/** What is done by keyboard, line by line and by flags, and what must have come of it each time. */

export interface Scenario {
  keyboard: (driver: Driver) => Promise<void>
  line: (driver: LineDriver) => Promise<void>
  /** Command lines, each with the exit code it ends with. */
  flags: [args: string[], exitCode: number][]
  /** An answer given by this flag is for that run; on a screen it is kept in the profile. */
  flagsAnswer?: string[]
  /** The answers that are kept then. */
  kept?: Record<string, unknown>
  /** What must have come of it, so that three times nothing is not taken for the same. */
  left: (left: Left) => void
}

export const UNTIL = '2027-02-21'

export const open = async (driver: Driver, step: string): Promise<void> => {
  await driver.choose(step)
  driver.press('enter')
  await driver.terminal.until(new RegExp(`${step}.*\\[Findings\\]`))
}

/** From the findings of a step, or from its plan, to the end of its run. */
export const goThrough = async (driver: Driver, objects: number, verb = 'change'): Promise<void> => {
  const end = /\[Run\][\s\S]*Done on [\s\S]*enter findings/
  for (const complete of [/enter go on to review/, new RegExp(`enter ${verb} ${objects} objects?`), end]) {
    if (!complete.test(driver.terminal.screen())) driver.press('enter')
    await driver.terminal.until(complete)
  }
}

export const takeBack = async (driver: Driver, step: string, objects: number): Promise<void> => {
  driver.press('u')
  await driver.terminal.until(new RegExp(`Take back ${step}[\\s\\S]*enter go on to review`))
  driver.press('enter')
  await driver.terminal.until(new RegExp(`enter take back ${objects} objects?`))
  driver.press('enter')
  await driver.terminal.until(new RegExp(`${step}.*fail.*\\[Run\\][\\s\\S]*Done on [\\s\\S]*enter findings`))
}

/** Fills the answers form that the plan leads to; the other fields stay as they are. */
export const answer = async (
  driver: Driver,
  step: string,
  answers: readonly [label: string, text: string][],
  fields: number,
): Promise<void> => {
  driver.press('enter')
  await driver.terminal.until(/enter answer what it asks/)
  driver.press('enter')
  await driver.terminal.until(`Answers of ${step}`)
  const left = [...answers]
  for (let at = 1; at <= fields; at++) {
    const [label, text] = left[0] ?? ['', '']
    if (label && driver.terminal.screen().includes(`> ${label}`)) {
      driver.type(text)
      await driver.terminal.until(new RegExp(`^ {5}${text.replaceAll('.', '\\.')}$`, 'm'))
      left.shift()
    }
    const before = fieldAt(driver)
    driver.press('enter')
    if (at < fields) await driver.terminal.until(() => fieldAt(driver) !== before, `a field behind "${before}"`)
  }
  expect(left).toEqual([])
  await driver.terminal.until(/enter go on to review/)
}
const fieldAt = (driver: Driver): string => driver.terminal.rows().find((row) => / {1,2}> \S/.test(row)) ?? ''

export const changeByLine = async (driver: LineDriver, choice: string): Promise<void> => {
  await driver.choose('What next?', choice)
  await driver.type(choice.startsWith('Take back') ? 'Take back on' : 'Apply to', 'yes')
  await driver.asked('What next?')
}

export const waiveByKeyboard = async (driver: Driver, step: string, why: string): Promise<void> => {
  await driver.choose(step)
  driver.press('w')
  await driver.terminal.until(new RegExp(`Waive ${step}[\\s\\S]*> Why`))
  driver.type(why)
  driver.press('enter')
  await driver.terminal.until(new RegExp(`> Until\\n +${UNTIL}`))
  driver.press('enter')
  await driver.terminal.until(new RegExp(`${step} .*waived`))
}

export const sayByLine = async (driver: LineDriver, choice: string, object: string, why: string): Promise<void> => {
  await driver.choose('What next?', choice)
  await driver.choose('For', object)
  await driver.type('Why', why)
  await driver.type('Until', UNTIL)
  await driver.asked('What next?')
}
