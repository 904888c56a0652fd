import { join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createCaller } from '../../src/tools/caller.ts'
import { open, sealTo } from '../../src/tools/seal.ts'
import { type Machine, machine } from './fixtures.ts'

/** Why a sealed file does not open, and why it could not be sealed: in words that a person can act on. */

const plaintext = Buffer.from('a snapshot\n'.repeat(20_000))
const [own, other] = [await generateX25519Identity(), await generateX25519Identity()]

let m: Machine
afterEach(() => m.remove())
const path = () => join(m.folder, 'config.age')
const identity = async (text: string) => {
  const file = join(m.folder, 'identity.txt')
  await m.system.files.create(file, text, 0o600)
  return file
}
const seal = async () =>
  sealTo(
    m.system,
    createCaller(m.system, []),
    { bytes: plaintext.length, buffer: plaintext },
    { path: path(), recipients: [await identityToRecipient(own)] },
  )
async function opened(file: string, more: { identity: string }) {
  const chunks: Buffer[] = []
  const became = await open(m.system, createCaller(m.system, []), file, {
    ...more,
    terminal: false,
    take: (chunk) => {
      chunks.push(chunk)
      return true
    },
  })
  return became.ok ? Buffer.concat(chunks).equals(plaintext) : became.reason
}

describe('without the age program', () => {
  beforeEach(async () => {
    m = machine({ env: { PATH: '/nowhere' } })
    await seal()
  })
  const damaged = async (change: (bytes: Buffer) => Buffer) => {
    const file = join(m.folder, 'damaged.age')
    await m.system.files.create(file, change(await m.system.files.read(path())), 0o600)
    return file
  }

  test('it opens with the identity', async () => {
    expect(await opened(path(), { identity: await identity(`# public key: x\n${own}\n`) })).toBe(true)
  })

  test('another identity is not one of those it was sealed to', async () => {
    expect(await opened(path(), { identity: await identity(other) })).toBe('your identity is not one of those it was sealed to')
  })

  test('an identity that asks needs the program', async () => {
    expect(await opened(path(), { identity: await identity('AGE-PLUGIN-YUBIKEY-1QQ\n') })).toBe(
      'without the age binary only an identity of kind AGE-SECRET-KEY-… can be used',
    )
  })

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['that was cut', (b) => b.subarray(0, b.length - 40)],
    [
      'in which one bit is another',
      (b) =>
        Buffer.concat([
          b.subarray(0, b.length - 20),
          Buffer.from([b[b.length - 20] ?? 0 ^ 1]).map((x) => x ^ 1),
          b.subarray(b.length - 19),
        ]),
    ],
    ['whose head was changed', (b) => Buffer.from(b.toString('latin1').replace('X25519', 'X25518'), 'latin1')],
    ['that is no age file', () => Buffer.from('hello\n')],
  ])('a file %s does not open, and says so in a sentence', async (_, change) => {
    const reason = await opened(await damaged(change), { identity: await identity(own) })
    expect(reason).toMatch(/^[a-z].{10,}[^.]$/)
    expect(reason).not.toContain(own.slice(0, 20))
  })
})

describe('with an age program', () => {
  beforeEach(() => {
    m = machine()
  })
  test.each([
    ['age: error: incorrect passphrase', 'the passphrase was wrong, or nobody could be asked for it'],
    ['age: error: no identity matched any of the recipients', 'your identity is not one of those it was sealed to'],
  ])('that says "%s", that is said in other words', async (stderr, reason) => {
    m.program('age', `echo '${stderr}' >&2; exit 1`)
    await m.system.files.create(path(), 'sealed', 0o600)
    expect(await opened(path(), { identity: await identity('x') })).toBe(reason)
  })

  test.each(['write: no space left on device', 'write: disk quota exceeded'])(
    'that finds "%s" while it seals, the disk is full, and nothing is left',
    async (stderr) => {
      m.program('age', `cat > /dev/null; echo 'age: error: ${stderr}' >&2; exit 1`)
      await expect(seal()).rejects.toMatchObject({ message: 'the disk is full', code: 'ENOSPC' })
      expect((await m.system.files.list(m.folder)).map((e) => e.name)).toEqual(['bin'])
    },
  )
})
