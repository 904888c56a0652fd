import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { cleanEnvironment, cleanUp, PROGRAM, practiceFolder, temporaryFolder } from '../support/terminal.ts'

afterEach(cleanUp)

const child = fileURLToPath(new URL('../crash/child.mjs', import.meta.url))

test('what an earlier run left open is told by every command that looks or plans, and is no part of its answer', () => {
  const home = temporaryFolder()
  practiceFolder(home)
  const of = (program: string[], ...args: string[]) =>
    spawnSync(process.execPath, [...program, ...args, '--practice'], { cwd: home, env: cleanEnvironment(home), encoding: 'utf8' })
  const run = (...args: string[]) => of([PROGRAM], ...args)
  expect(of([child, '7', 'after'], 'apply', 'INF-10', '--yes').signal).toBe('SIGKILL')
  for (const command of [
    ['check', 'INF-10'],
    ['plan', 'INF-10'],
  ])
    for (const output of ['text', 'json']) {
      const { stdout, stderr } = run(...command, '--output', output)
      expect(stderr).toMatch(
        /^The run of .* ended in the middle: it was at ".+" on \w+; .* See: talos-preflight apply INF-10 --practice=default$/m,
      )
      expect(stdout).not.toContain('ended in the middle')
      if (output === 'json') expect(JSON.parse(stdout)).toHaveProperty('schema')
    }
  expect(run('apply', 'INF-10', '--yes').status).toBe(0)
  expect(run('check', 'INF-10').stderr).toBe('')
}, 60_000)
