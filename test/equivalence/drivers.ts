import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { Driver, LineDriver, RED } from '../support/driver.ts'
import { cleanEnvironment, LARGE, PROGRAM, Terminal, temporaryFolder } from '../support/terminal.ts'
import type { Scenario } from './scenarios.ts'
import { type Left, sessionLeft } from './session.ts'

/** Three ways to do the same thing. */

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

export async function sameSession(scenario: Scenario): Promise<void> {
  const keyboard = await byKeyboard(scenario)
  scenario.left(keyboard)
  expect(await byLine(scenario)).toEqual(keyboard)
  const { steps, ...withoutAnswers } = keyboard.profile
  expect(byFlags(scenario)).toEqual(scenario.flagsAnswer ? { ...keyboard, profile: withoutAnswers } : keyboard)
  expect(steps).toEqual(scenario.kept)
}
