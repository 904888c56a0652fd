import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateIdentity } from 'age-encryption'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { World } from '../../src/cli/world.ts'
import { filesBelow } from '../secrets/search.ts'
import { practiceWorld } from '../support/practice.ts'
import { cleanEnvironment, cleanUp, PROGRAM, temporaryFolder } from '../support/terminal.ts'

/** A private key in what an operator says: nothing of it is kept, and it is not repeated. */

let world: World
let key: string
beforeAll(async () => {
  world = await practiceWorld()
  key = await generateIdentity()
})
afterAll(cleanUp)

test.each([
  ['waive', 'INF-02', '--why', 'KEY', '--until', '2099-01-01'],
  ['attest', 'CRT-06', '--why', 'seen', '--by', 'KEY', '--until', '2099-01-01'],
  ['keys', 'add', 'KEY', 'age1…', '--role', 'recovery'],
  ['check', '--answer', 'K8S-04.namespace=KEY'],
  ['init', '--name', 'KEY', '--workspace', 'new'],
  ['KEY'],
  ['check', '--KEY'],
])('%s %s is refused', (...args) => {
  const home = temporaryFolder()
  const given = [...args, ...(args[0] === 'init' ? [] : ['--practice', '--output', 'json'])].map((a) => a.replace('KEY', `the ${key}`))
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...given], {
    cwd: home,
    env: cleanEnvironment(home),
    encoding: 'utf8',
  })
  expect([status, stderr]).toEqual([2, expect.stringContaining('(private-key)')])
  expect(stdout + stderr).not.toContain(key)
  for (const { path, text } of filesBelow(home, () => false)) expect({ path, found: text.includes(key) }).toEqual({ path, found: false })
})

describe('where no command line says it', () => {
  const word = () => ({ step: 'INF-02', by: 'me', why: `see ${key}`, on: '2026-11-01', until: '2099-01-01' })

  test.each<[string, () => Promise<unknown>]>([
    ['a waiver', () => world.session.waive(word())],
    ['an attestation', () => world.session.attest(word())],
    ['an answer', () => world.session.answer('K8S-04', 'namespace', key)],
    [
      'the label of a recipient',
      () => world.session.changeRecipient('added', { name: key, role: 'recovery', recipient: 'age1', opens: ['secrets'] }),
    ],
  ])('%s is refused', async (_, say) => {
    await expect(say()).rejects.toMatchObject({ code: 'private-key', message: expect.not.stringContaining(key) })
    const folder = world.workspace?.path ?? ''
    for (const { path, text } of filesBelow(folder, () => false))
      expect({ path, found: text.includes(key) }).toEqual({ path, found: false })
    expect(readFileSync(join(folder, 'preflight.yaml'), 'utf8')).not.toContain('AGE-SECRET')
    expect(world.session.state().answers).not.toHaveProperty(['K8S-04', 'namespace'], key)
  })
})
