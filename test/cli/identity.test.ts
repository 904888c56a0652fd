import { chmodSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { generateX25519Identity } from 'age-encryption'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { describeIdentity } from '../../src/cli/identity.ts'
import type { World } from '../../src/cli/world.ts'
import { createCaller } from '../../src/tools/caller.ts'
import { type Machine, machine } from '../tools/fixtures.ts'

/** What is said of the operator's own age identity, which is never shown. */

let m: Machine
beforeEach(() => {
  m = machine({ env: { PATH: '/nowhere' } })
})
afterEach(() => m.remove())
const own = await generateX25519Identity()

async function said(text: string, mode = 0o600) {
  const path = join(m.folder, 'identity.txt')
  await m.system.files.create(path, text, 0o600)
  chmodSync(path, mode)
  const world = { place: { system: m.system }, caller: createCaller(m.system, []) } as unknown as World
  const found = await describeIdentity(world, path)
  expect(found.text).not.toContain(own.slice(0, 24))
  return { ...found, text: found.text.replace(path, 'FILE'), ...(found.hint ? { hint: found.hint.replace(path, 'FILE') } : {}) }
}

describe('an identity', () => {
  test('is named by its recipient', async () => {
    expect(await said(`# made today\n${own}\n`)).toMatchObject({ ok: true, text: expect.stringMatching(/^FILE, age1[a-z0-9]+…$/) })
  })

  test.each([0o644, 0o640, 0o604, 0o660])('that others can read (mode %o) is not well, and how it is closed is said', async (mode) => {
    expect(await said(own, mode)).toMatchObject({
      ok: false,
      text: `FILE can be read by others (mode 0${mode.toString(8)})`,
      hint: 'chmod 600 FILE',
    })
  })

  test('that is a link is as open as what it leads to', async () => {
    const [real, path] = [join(m.folder, 'real.txt'), join(m.folder, 'identity.txt')]
    const world = { place: { system: m.system }, caller: createCaller(m.system, []) } as unknown as World
    symlinkSync(real, path)
    expect(await describeIdentity(world, path)).toMatchObject({ there: true, ok: false, text: `${path} is a link that leads nowhere` })
    await m.system.files.create(real, own, 0o600)
    expect(await describeIdentity(world, path)).toMatchObject({ ok: true, text: expect.stringMatching(/age1[a-z0-9]+…$/) })
    chmodSync(real, 0o644)
    expect(await describeIdentity(world, path)).toMatchObject({ ok: false, hint: `chmod 600 ${path}` })
  })

  test('that is protected is taken as it is', async () => {
    expect(await said('-----BEGIN AGE ENCRYPTED FILE-----\n')).toMatchObject({ ok: true, text: 'FILE, protected with a passphrase' })
  })

  test('that is none is told from one', async () => {
    expect(await said('hello\n')).toMatchObject({ ok: false, text: 'FILE is no age identity that can be read' })
  })
})
