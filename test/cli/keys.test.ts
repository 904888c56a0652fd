import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cleanEnvironment, cleanUp, PROGRAM, temporaryFolder } from '../support/terminal.ts'

/** `keys`: what it lists without opening anything, and that a change of who opens what is sealed is in the journal. */

afterEach(cleanUp)

const MINE = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'
const SAFE = 'age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg'

let home: string
const at = (...path: string[]) => join(home, ...path)
const run = (...args: string[]) =>
  spawnSync(process.execPath, [PROGRAM, ...args], { cwd: at('cluster'), env: cleanEnvironment(home), encoding: 'utf8' })
const opens = (...args: string[]) => JSON.parse(run('keys', '--output', 'json', ...args).stdout).opens

beforeEach(() => {
  home = temporaryFolder()
  for (const folder of ['bin', 'cluster/secrets', '.config/talos-preflight']) mkdirSync(at(folder), { recursive: true })
  writeFileSync(at('cluster/preflight.yaml'), 'version: 1\ncluster: {name: x, environment: lab}\n')
  writeFileSync(at('cluster/secrets/bundle-2026-01-01T00-00-00.age'), 'age-encryption.org/v1\n')
  writeFileSync(at('.config/talos-preflight/identity.txt'), 'AGE-SECRET-KEY-1\n', { mode: 0o600 })
  for (const [name, script] of [
    ['age', `echo "$*" >> ${at('opened')}`],
    ['age-keygen', `echo ${MINE}`],
  ] as const) {
    writeFileSync(at('bin', name), `#!/bin/sh\n${script}\n`)
    chmodSync(at('bin', name), 0o755)
  }
})

test('a listing says what the identity opens by the recipients, and opens nothing', () => {
  expect(opens()).toBe('nothing that is sealed from now on: yours is none of the recipients in preflight.yaml')
  expect(run('keys', 'add', 'me', MINE, '--role', 'operator', '--opens', 'secrets').status).toBe(0)
  expect(opens()).toBe('secrets: yours is the recipient me')
  expect(run('keys').stdout).toContain('opens       secrets: yours is the recipient me\n')
  writeFileSync(at('.config/talos-preflight/identity.txt'), '-----BEGIN AGE ENCRYPTED FILE-----\n')
  expect(opens('--no-input')).toBe('unknown: the recipient of your identity cannot be read')
  expect(existsSync(at('opened'))).toBe(false)
})

test('who can open what is sealed, and who no longer can, is in the journal with who said so', () => {
  expect(run('keys', 'add', 'safe', SAFE, '--role', 'recovery', '--opens', 'backups').status).toBe(0)
  expect(run('keys', 'remove', 'safe').status).toBe(0)
  const folder = at('cluster/evidence/journal')
  const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
  const changes = lines.map((line) => JSON.parse(line)).filter((line) => line.kind === 'recipient')
  const entry = { name: 'safe', role: 'recovery', recipient: SAFE, opens: ['backups'], by: expect.stringMatching(/.@./) }
  expect(changes.toSorted((a, b) => (a.change < b.change ? -1 : 1))).toMatchObject([
    { change: 'added', ...entry },
    { change: 'removed', ...entry },
  ])
  expect(run('journal', 'verify').status).toBe(0)
})

test('a post-quantum identity is made where it is asked for, and none that cannot be used with the recipients there are', () => {
  rmSync(at('.config/talos-preflight/identity.txt'))
  expect(run('keys', 'add', 'safe', SAFE, '--role', 'recovery').status).toBe(0)
  const mixed = run('keys', 'create', '--post-quantum', '--name', 'me')
  expect([mixed.status, mixed.stderr]).toEqual([2, expect.stringContaining('(bad-recipient)')])
  expect(existsSync(at('.config/talos-preflight/identity.txt'))).toBe(false)
  expect(run('keys', 'remove', 'safe').status).toBe(0)
  expect(run('keys', 'create', '--post-quantum', '--name', 'me').stdout).toContain('me (operator, post-quantum) opens secrets and backups')
  expect(readFileSync(at('.config/talos-preflight/identity.txt'), 'utf8')).toMatch(/^AGE-SECRET-KEY-PQ-1/m)
})

test('a recipient that is none is listed as such, and nothing is made beside it', () => {
  rmSync(at('.config/talos-preflight/identity.txt'))
  // the library makes it then, as a real age-keygen would
  rmSync(at('bin/age-keygen'))
  const bad = '{name: bad, role: recovery, recipient: age1nothing, opens: [secrets]}'
  writeFileSync(at('cluster/preflight.yaml'), `version: 1\ncluster: {name: x, environment: lab}\nrecipients: [${bad}]\n`)
  expect(run('keys').stdout).toContain('recipient   bad, recovery, opens secrets, no age recipient, age1nothing…\n')
  const created = run('keys', 'create')
  expect([created.status, created.stderr]).toEqual([
    2,
    expect.stringMatching(/bad: "age1nothing…" is no age recipient \(bad-recipient\)\n.*keys remove NAME/),
  ])
  for (const flags of [
    ['--role', 'boss'],
    ['--opens', 'everything'],
  ])
    expect(run('keys', 'create', ...flags).status).toBe(2)
  expect(existsSync(at('.config/talos-preflight/identity.txt'))).toBe(false)
  expect(run('keys', 'add', 'safe', SAFE).stderr).toContain('a recipient needs the role of its holder (usage)\n  --role operator, or')
})

test('what brings the first recipient is named by what is there', () => {
  expect(run('keys').stdout).toContain('nothing can be sealed\n            talos-preflight keys use FILE\n')
  rmSync(at('cluster/preflight.yaml'))
  expect(run('keys').stdout).toContain('nothing can be sealed\n            talos-preflight init, then talos-preflight keys use FILE\n')
  rmSync(at('.config/talos-preflight/identity.txt'))
  expect(run('keys').stdout).toContain('nothing can be sealed\n            talos-preflight init, then talos-preflight keys create\n')
})
