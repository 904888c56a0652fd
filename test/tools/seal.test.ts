import { statSync } from 'node:fs'
import { join } from 'node:path'
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { System } from '../../src/system/ports.ts'
import { createCaller } from '../../src/tools/caller.ts'
import { sealTo } from '../../src/tools/seal.ts'
import { type Machine, machine } from './fixtures.ts'

const plaintext = Buffer.from('machine:\n  token: invented\n')
const [own, safe] = [await generateX25519Identity(), await generateX25519Identity()]
const recipients = [await identityToRecipient(own), await identityToRecipient(safe)]

let m: Machine
beforeEach(() => {
  m = machine({ env: { PATH: '/nowhere' } })
})
afterEach(() => m.remove())
const path = () => join(m.folder, 'config.age')
const seal = (system: System = m.system, to: readonly string[] = recipients) =>
  sealTo(system, createCaller(system, []), { bytes: plaintext.length, buffer: plaintext }, { path: path(), recipients: to })
/** The same machine, with a program that is called age and does this. */
const withAge = (script: string): System => {
  m.remove()
  m = machine()
  m.program('age', script)
  return m.system
}

describe('sealing without the age program', () => {
  test('gives a file that each recipient opens, for its owner alone', async () => {
    const sealed = await seal()
    expect(sealed).toEqual({
      path: path(),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      bytes: statSync(path()).size,
      by: 'age-encryption',
    })
    expect(statSync(path()).mode & 0o777).toBe(0o600)
    const bytes = await m.system.files.read(path())
    expect(bytes.includes(plaintext)).toBe(false)
    for (const identity of [own, safe]) {
      const decrypter = new Decrypter()
      decrypter.addIdentity(identity)
      expect(Buffer.from(await decrypter.decrypt(new Uint8Array(bytes)))).toEqual(plaintext)
    }
  })

  test('says which recipients need the program', async () => {
    await expect(seal(m.system, ['ssh-ed25519 AAAA'])).rejects.toThrow(
      'without the age binary only recipients of kind age1… and age1pq1… can be used',
    )
  })
})

describe('a sealed file', () => {
  test('never takes the place of another one, and leaves nothing half done', async () => {
    await m.system.files.create(path(), 'older', 0o600)
    await expect(seal()).rejects.toThrow(/exists already$/)
    expect((await m.system.files.read(path())).toString()).toBe('older')
    expect((await m.system.files.list(m.folder)).map((e) => e.name).toSorted()).toEqual(['bin', 'config.age'])
  })

  test('does not fail over what a killed run left', async () => {
    await m.system.files.create(`${path()}.part`, 'half', 0o600)
    await seal()
    expect((await m.system.files.list(m.folder)).map((e) => e.name).toSorted()).toEqual(['bin', 'config.age'])
  })
})

describe('an age program that does not seal', () => {
  test.each([
    ['passes the text through', 'cat', 'what came out of age is no age file'],
    ['says nothing', 'cat > /dev/null', 'what came out of age is no age file'],
    ['fails', 'echo "age: error: no" >&2; exit 1', 'age could not seal: age ended with exit code 1: age: error: no'],
    [
      'seals for one recipient alone',
      `cat > /dev/null; printf 'age-encryption.org/v1\\n-> X25519 abc\\nbody\\n--- mac\\n'; head -c 200 /dev/zero`,
      'the sealed file is for 1 recipients, not 2',
    ],
  ])('%s: nothing is written', async (_, script, message) => {
    const system = withAge(script)
    await expect(seal(system)).rejects.toThrow(message)
    expect((await m.system.files.list(m.folder)).map((e) => e.name)).toEqual(['bin'])
  })
})
