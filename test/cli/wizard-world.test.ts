import { afterEach, expect, test } from 'vitest'
import { wizardWorld } from '../../src/cli/wizard-world.ts'
import type { World } from '../../src/cli/world.ts'
import { practiceWorld } from '../support/practice.ts'
import { cleanUp } from '../support/terminal.ts'

afterEach(cleanUp)

/** The exit code of a wizard in which a step of severity medium was seen to fail. */
async function exitWith(flags: Partial<World['flags']>): Promise<number> {
  const world = await practiceWorld()
  const wizard = await wizardWorld({ ...world, flags: { ...world.flags, ...flags } })
  await wizard.session.look(['INF-10'])
  await wizard.close(0)
  return wizard.exitCode()
}

test('the wizard ends with the code that its flags ask for', async () => {
  expect(await exitWith({})).toBe(1)
  expect(await exitWith({ 'fail-on': 'high' })).toBe(0)
  await expect(exitWith({ 'fail-on': 'none' })).rejects.toThrow('--fail-on none is no severity')
})
