import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../crash/run.ts'
import { cleanUp } from '../support/terminal.ts'
import { type EditedProfile, editedProfile } from './edited-profile.ts'

/** `attest` and `waive`, and what is said of words that do not count. */

let profile: EditedProfile
beforeAll(async () => {
  profile = await editedProfile()
})
afterAll(cleanUp)

const waivers = (...lines: string[]): void =>
  profile.write(`waivers:\n${lines.map((line) => `  - {by: ann, why: so, on: 2026-01-01, ${line}}\n`).join('')}`)

test.each(['2027-02-31', '2026-13-01', 'tomorrow'])(
  'until %s, which there is not, is refused by the command and in the file',
  async (day) => {
    profile.write('')
    const waived = await run(profile.folder, ['waive', 'INF-10', '--why', 'x', '--until', day])
    expect(waived.exitCode).toBe(2)
    expect(waived.said).toContain(`--until ${day} is no day that there is (usage)`)
    expect(readFileSync(profile.path, 'utf8')).toBe(profile.asMade)
    waivers(`step: INF-10, until: ${day}`)
    const checked = await run(profile.folder, ['check', 'INF-10'])
    expect(checked.exitCode).toBe(2)
    expect(checked.said).toContain(`(waivers[0].until): expected a day as in 2026-12-31, found "${day}" (bad-profile)`)
  },
)

test('a waiver that ended, one of no step and one of no object are told; one that counts is counted apart', async () => {
  const last = '2099-01-01'
  waivers(
    'step: INF-10, until: 2026-01-02, object: node/cp1',
    `step: BAK-99, until: ${last}`,
    `step: INF-10, until: ${last}, object: node/cp9`,
    `step: MON-01, until: ${last}`,
  )
  const { said } = await run(profile.folder, ['check', 'INF-10', 'MON-01'])
  expect(said).toMatch(/cp1: .*; the waiver of ann ended on 2026-01-02/)
  expect(said).toContain('The waiver of BAK-99 by ann in preflight.yaml covers nothing: there is no such step\n')
  expect(said).toContain('The waiver of INF-10 node/cp9 by ann in preflight.yaml covers nothing: INF-10 says nothing of node/cp9\n')
  expect((await run(profile.folder, ['check', 'INF-10', '--output', 'json'])).said).toContain('INF-10 says nothing of node/cp9\n')
  expect(said).toContain('0 of 2 done, 1 fail, 1 waived.')
})
