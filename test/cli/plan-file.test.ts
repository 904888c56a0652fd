import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { cleanEnvironment, cleanUp, PROGRAM, practiceFolder, temporaryFolder } from '../support/terminal.ts'

afterEach(cleanUp)

const RESTRICTED = ['level=restricted', 'despite=yes'].flatMap((answer) => ['--answer', `K8S-02.${answer}`])

test('a plan in a file is carried out with what was answered for it', () => {
  const home = temporaryFolder()
  const file = join(practiceFolder(home), 'workspace', 'plan.json')
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [PROGRAM, ...args, '--practice'], { cwd: home, env: cleanEnvironment(home), encoding: 'utf8' })
  expect(run('waive', 'BAK-02', '--why', 'a drill', '--until', '2027-05-31').status).toBe(0)
  expect(run('plan', 'K8S-02', ...RESTRICTED, '--out', file).status).toBe(0)

  const other = run('apply', file, '--yes', '--answer', 'K8S-02.level=baseline')
  expect([other.status, other.stderr]).toEqual([2, expect.stringContaining('plan.json holds its own answers')])

  const applied = run('apply', file, '--yes')
  expect(applied.stdout + applied.stderr).toContain('K8S-02 mended on cp1, cp2, cp3')
  expect(applied.status).toBe(0)
  expect(run('check', 'K8S-02', ...RESTRICTED).stdout).toMatch(/^pass +K8S-02/m)
}, 60_000)
