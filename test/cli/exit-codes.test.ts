import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../crash/run.ts'
import { cleanEnvironment, cleanUp, PROGRAM, temporaryFolder } from '../support/terminal.ts'

/** Exit codes that a timer or a pipeline goes by. */

let folder: string
beforeAll(() => {
  folder = join(temporaryFolder(), 'practice')
})
afterAll(cleanUp)

test('with neither a cluster nor a workspace a check ends with 4, and fails nothing that it did not see', () => {
  const home = temporaryFolder()
  const check = (...args: string[]) =>
    spawnSync(process.execPath, [PROGRAM, 'check', ...args], { cwd: home, env: cleanEnvironment(home), encoding: 'utf8' })
  const { status, stdout } = check('--output', 'json', '--allow-unknown')
  expect(status).toBe(4)
  const { steps } = JSON.parse(stdout)
  const findings = (id: string) => steps.find((s: { id: string }) => s.id === id).findings
  for (const id of ['BAK-02', 'BAK-03', 'CRT-02'])
    expect(findings(id)).toMatchObject([
      { verdict: 'unknown', reason: 'there is no workspace, so nothing is sealed here', remedy: 'talos-preflight init' },
    ])
  expect(steps.filter((s: { verdict: string }) => s.verdict === 'fail')).toEqual([])
  expect(check().stdout).toMatch(/exit 4 \(nothing of the cluster could be looked at\)\n$/)
  expect(check('CRT-01').status).toBe(0)
})

test.each([[['plan', 'INF-02']], [['apply', 'INF-02', '--yes']], [['plan', 'K8S-02']]])(
  '%j of which nothing can be done ends with 2',
  async (args) => {
    const { exitCode, said } = await run(folder, args)
    expect(exitCode, said).toBe(2)
  },
)

test('a node that no member is called says so, beside what came of taking it for an address', async () => {
  const { exitCode, said } = await run(folder, ['check', 'INF-10', '--nodes', 'nope'])
  expect(exitCode).toBe(4)
  expect(said).toContain('nope:50000 does not answer: no route to host; no member of the cluster is called nope\n')
  expect(said).toContain('its address is right; they are called cp1, cp2, cp3, w1 and w2\n')
  expect((await run(folder, ['check', 'INF-10', '--nodes', '10.20.0.99'])).said).not.toContain('is called')
})
