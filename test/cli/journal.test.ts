import { spawnSync } from 'node:child_process'
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cleanEnvironment, cleanUp, PROGRAM, practiceFolder, temporaryFolder } from '../support/terminal.ts'

afterEach(cleanUp)

let home: string
let workspace: string
const run = (...args: string[]) =>
  spawnSync(process.execPath, [PROGRAM, ...args], { cwd: home, env: cleanEnvironment(home), encoding: 'utf8' })
const verified = (...more: string[]) => run('journal', 'verify', ...more)
const journals = () =>
  readdirSync(join(workspace, 'evidence/journal')).map((name) => readFileSync(join(workspace, 'evidence/journal', name), 'utf8'))

beforeEach(() => {
  home = temporaryFolder()
  workspace = join(home, 'cluster')
})

test('looks within one second keep what each of them saw, and every digest in the journals is that of its file', () => {
  expect(run('init', '--environment', 'lab', '--name', 'x', '--workspace', workspace).status).toBe(0)
  // a run takes less than half a second
  for (let i = 0; i < 4; i++) expect(run('check', 'CRT-01', '--workspace', workspace).status).toBe(0)
  expect(journals()).toHaveLength(4)
  const folders = journals().map((text) => /"evidence":"evidence\/runs\/([^"]+)"/.exec(text)?.[1])
  expect(readdirSync(join(workspace, 'evidence/runs')).toSorted()).toEqual(folders.toSorted())
  expect(new Set(folders).size).toBe(4)
  const { status, stdout } = verified('--workspace', workspace)
  expect([status, stdout]).toEqual([0, expect.stringContaining('8 files that they name are as they were written\n')])
})

test('what was changed since is found, and what is not here any more is named', () => {
  workspace = join(practiceFolder(home), 'workspace')
  expect(run('apply', 'INF-10', '--nodes', 'w1', '--yes', '--practice').status).toBe(0)
  expect(run('backup', 'create', '--practice').status).toBe(0)
  const whole = JSON.parse(verified('--practice', '--output', 'json').stdout)
  expect(whole).toMatchObject({ schema: 'talos-preflight/journal/v1', problems: [], gone: [] })

  const at = (folder: string) => join(workspace, folder, readdirSync(join(workspace, folder)).find((n) => !n.endsWith('.json')) ?? '')
  const seen = join(at('evidence/runs'), 'observations.json')
  writeFileSync(seen, readFileSync(seen, 'utf8').replace('"0"', '"1"'))
  appendFileSync(at('secrets'), 'x')
  rmSync(at('backups'))
  const { status, stdout } = verified('--practice')
  expect(status).toBe(1)
  expect(stdout).toMatch(/^evidence\/runs\/\S+\/observations\.json: is not what \S+\.jsonl says was written$/m)
  expect(stdout).toMatch(/^secrets\/config-w1-\S+\.age: is not what \S+\.jsonl says was written$/m)
  expect(stdout).toMatch(/^1 file that they name is not here: backups\/etcd-\S+\.age$/m)
  expect(stdout).toContain(`${whole.evidence - 3} files that they name are as they were written`)
})

test('a plan that was changed is found, and what a journal names outside the workspace is not looked at', () => {
  workspace = join(practiceFolder(home), 'workspace')
  expect(run('apply', 'INF-10', '--nodes', 'w1', '--yes', '--practice').status).toBe(0)
  const plans = join(workspace, 'evidence/plans')
  appendFileSync(join(plans, readdirSync(plans)[0] ?? ''), '\n')
  const folder = join(workspace, 'evidence/runs')
  const findings = join(folder, readdirSync(folder)[0] ?? '', 'findings.json')
  appendFileSync(findings, '\n')
  const { status, stdout } = verified('--practice')
  expect(status).toBe(1)
  expect(stdout).toMatch(/^evidence\/plans\/\w+\.json: is not what \S+\.jsonl says was written$/m)
  expect(stdout).toMatch(/^evidence\/runs\/\S+\/findings\.json: is not what \S+\.jsonl says was written$/m)

  const outside = {
    seq: 1,
    at: '2026-11-23T12:00:00.000Z',
    prev: null,
    kind: 'observed',
    evidence: '../../../../etc/\u001b[2J',
    sha256: 'x',
  }
  writeFileSync(join(workspace, 'evidence/journal', 'z.jsonl'), `${JSON.stringify(outside)}\n`)
  const told = verified('--practice')
  expect(told.stdout).toContain('1 file that they name is not here: ../../../../etc//observations.json')
  expect(told.stdout).not.toContain('\u001b')
}, 30_000)
