import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { cleanEnvironment, cleanUp, PROGRAM, practiceFolder, temporaryFolder } from '../support/terminal.ts'

afterEach(cleanUp)

test('a snapshot that was checked and never sealed lets no API server be changed', () => {
  const home = temporaryFolder()
  const backups = join(practiceFolder(home), 'workspace', 'backups')
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [PROGRAM, ...args, '--practice'], { cwd: home, env: cleanEnvironment(home), encoding: 'utf8' })
  const planned = () => run('plan', 'MON-01').stdout
  expect(planned()).toContain('no snapshot of etcd was taken and checked')
  // where the folder should be, nothing can be written
  writeFileSync(backups, '')
  expect(run('backup', 'create').status).toBe(4)
  expect(run('check', 'BAK-02').status).toBe(0)
  expect(planned()).toContain('the last snapshot of etcd was checked, and no whole sealed file in backups/ here holds it')
  rmSync(backups)
  expect(run('backup', 'create').status).toBe(0)
  expect(planned()).toContain('set our audit policy')
  rmSync(backups, { recursive: true })
  expect(planned()).toContain('no whole sealed file in backups/ here holds it')
  expect(run('journal', 'verify').status).toBe(0)
}, 60_000)
