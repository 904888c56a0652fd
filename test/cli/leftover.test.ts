import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { cleanEnvironment, cleanUp, PROGRAM, temporaryFolder } from '../support/terminal.ts'

afterEach(cleanUp)

test('what a killed run left in plain is removed by the next start, whatever it is, and said', () => {
  const home = temporaryFolder()
  const name = `talos-preflight-${2 ** 30}-1-1790000000000`
  const [notes, place] = [join(home, 'state/talos-preflight/scratch'), join(home, 'disk')]
  for (const folder of [notes, join(place, name)]) mkdirSync(folder, { recursive: true })
  writeFileSync(join(notes, name), place)
  writeFileSync(join(place, name, 'db.snapshot'), 'in plain')
  const run = () => spawnSync(process.execPath, [PROGRAM, 'doctor'], { cwd: home, env: cleanEnvironment(home), encoding: 'utf8' })
  expect(run().stderr).toBe(`${join(place, name)} was left in plain by a run that was killed; it was removed\n`)
  expect([existsSync(join(place, name)), existsSync(join(notes, name))]).toEqual([false, false])
  expect(run()).toMatchObject({ stderr: '', stdout: expect.stringMatching(/^(ok {5}|problem) {2}memory {7}\S/m) })
})
