import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../crash/run.ts'
import { cleanUp, temporaryFolder } from '../support/terminal.ts'

/** An answer that is none says where it stands. */

let folder: string
let profile: string
let before: string
beforeAll(async () => {
  folder = join(temporaryFolder(), 'practice')
  await run(folder, ['doctor'])
  profile = join(folder, 'workspace', 'preflight.yaml')
  before = readFileSync(profile, 'utf8')
})
afterAll(cleanUp)

test.each([
  ['INF-10: {logMartians: perhaps}', 'INF-10 logMartians: "perhaps" is neither yes nor no (bad-answer)'],
  ['INF-10: {nope: 1}', 'INF-10 has no question "nope" (unknown-question)'],
  ['BAK-99: {x: 1}', 'there is no step BAK-99 to answer (unknown-step)'],
])('%s in the profile', async (answers, said) => {
  writeFileSync(profile, `${before}steps: {${answers}}\n`)
  const checked = await run(folder, ['check', 'CRT-04'])
  expect([checked.exitCode, checked.said]).toEqual([2, expect.stringContaining(`${profile}, under "steps": ${said}`)])
})

test('a flag goes before the profile, and its own fault is its own', async () => {
  writeFileSync(profile, `${before}steps: {INF-10: {logMartians: perhaps}}\n`)
  expect((await run(folder, ['check', 'CRT-04', '--answer', 'INF-10.logMartians=no'])).exitCode).not.toBe(2)
  const typed = await run(folder, ['check', 'CRT-04', '--answer', 'INF-10.nope=no'])
  expect([typed.exitCode, typed.said]).toEqual([2, expect.not.stringContaining('under "steps"')])
})
