import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../crash/run.ts'
import { cleanUp } from '../support/terminal.ts'
import { type EditedProfile, editedProfile } from './edited-profile.ts'

/** An answer that is none says where it stands. */

let profile: EditedProfile
beforeAll(async () => {
  profile = await editedProfile()
})
afterAll(cleanUp)

test.each([
  ['INF-10: {logMartians: perhaps}', 'INF-10 logMartians: "perhaps" is neither yes nor no (bad-answer)'],
  ['INF-10: {nope: 1}', 'INF-10 has no question "nope" (unknown-question)'],
  ['BAK-99: {x: 1}', 'there is no step BAK-99 to answer (unknown-step)'],
])('%s in the profile', async (answers, said) => {
  profile.write(`steps: {${answers}}\n`)
  const checked = await run(profile.folder, ['check', 'CRT-04'])
  expect([checked.exitCode, checked.said]).toEqual([2, expect.stringContaining(`${profile.path}, under "steps": ${said}`)])
})

test('a flag goes before the profile, and its own fault is its own', async () => {
  profile.write('steps: {INF-10: {logMartians: perhaps}}\n')
  expect((await run(profile.folder, ['check', 'CRT-04', '--answer', 'INF-10.logMartians=no'])).exitCode).not.toBe(2)
  const typed = await run(profile.folder, ['check', 'CRT-04', '--answer', 'INF-10.nope=no'])
  expect([typed.exitCode, typed.said]).toEqual([2, expect.not.stringContaining('under "steps"')])
})
