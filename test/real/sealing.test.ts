import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { realSystem } from '../../src/cli/place.ts'
import type { System } from '../../src/system/ports.ts'
import { createCaller } from '../../src/tools/caller.ts'
import { open, sealTo } from '../../src/tools/seal.ts'

/** What the operator's age seals opens with the npm library, and the other way round. Needs the binaries and no cluster. */

const folder = mkdtempSync(join(tmpdir(), 'tp-sealing-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string): string => join(folder, name)
const tool = (name: string): string => join(inject('bin'), name)

/** With age on PATH, and with nothing. */
const systems = {} as Record<'age' | 'age-encryption', System>
const identities = {} as Record<'X25519' | 'post-quantum' | 'other' | 'SSH', { file: string; recipient: string }>

beforeAll(() => {
  mkdirSync(at('tools'))
  mkdirSync(at('nothing'))
  for (const name of ['age', 'age-keygen']) symlinkSync(tool(name), at(`tools/${name}`))
  const system = (path: string) => realSystem({ env: { HOME: folder, PATH: path }, cwd: folder })
  Object.assign(systems, { age: system(at('tools')), 'age-encryption': system(at('nothing')) })
  const made = (name: string, ...flags: string[]) => {
    execFileSync(tool('age-keygen'), [...flags, '-o', at(name)], { stdio: 'ignore' })
    return { file: at(name), recipient: execFileSync(tool('age-keygen'), ['-y', at(name)], { encoding: 'utf8' }).trim() }
  }
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'me', '-f', at('ssh')])
  Object.assign(identities, {
    X25519: made('x25519.txt'),
    'post-quantum': made('pq.txt', '-pq'),
    other: made('other.txt'),
    SSH: { file: at('ssh'), recipient: readFileSync(at('ssh.pub'), 'utf8').trim() },
  })
})

type By = keyof typeof systems
const other = (by: By): By => (by === 'age' ? 'age-encryption' : 'age')
/** At and around the size of a chunk of the format, and large. */
const SIZES = [0, 1, 65_535, 65_536, 65_537, 3 << 20]
let count = 0

async function sealed(by: By, bytes: Buffer, recipients: string[], held: 'in a buffer' | 'in a file' = 'in a buffer') {
  const path = at(`sealed-${count++}.age`)
  const plain = at(`plain-${count}`)
  if (held === 'in a file') writeFileSync(plain, bytes, { mode: 0o600 })
  const what = held === 'in a file' ? { bytes: bytes.length, path: plain } : { bytes: bytes.length, buffer: bytes }
  const made = await sealTo(systems[by], createCaller(systems[by], []), what, { path, recipients })
  expect(made).toMatchObject({ path, by })
  return path
}

async function opened(by: By, path: string, identity: string): Promise<Buffer | string> {
  const pieces: Buffer[] = []
  const take = (chunk: Buffer) => pieces.push(chunk) > 0
  const ran = await open(systems[by], createCaller(systems[by], []), path, { identity, terminal: false, take })
  return ran.ok ? Buffer.concat(pieces) : ran.reason
}

describe.each(['age', 'age-encryption'] as const)('what %s seals', (by) => {
  it.each(['X25519', 'post-quantum'] as const)('to %s opens with the other one, whatever its size', async (kind) => {
    const { file, recipient } = identities[kind]
    for (const size of SIZES) {
      const bytes = randomBytes(size)
      for (const held of ['in a buffer', 'in a file'] as const) {
        const path = await sealed(by, bytes, [recipient], held)
        expect(bytes.equals((await opened(other(by), path, file)) as Buffer), `${size} bytes ${held}`).toBe(true)
        expect(bytes.equals((await opened(by, path, file)) as Buffer), `${size} bytes ${held}, by itself`).toBe(true)
      }
    }
  })

  it('to two opens for each, and for nobody else', async () => {
    const path = await sealed(by, Buffer.from('words'), [identities.X25519.recipient, identities.other.recipient])
    for (const { file } of [identities.X25519, identities.other]) expect(String(await opened(other(by), path, file))).toBe('words')
    expect(await opened(other(by), path, identities['post-quantum'].file)).toBe('your identity is not one of those it was sealed to')
  })

  it('is said to be damaged where a byte of it is another one, or the end is gone', async () => {
    const { file, recipient } = identities.X25519
    const path = await sealed(by, randomBytes(200_000), [recipient])
    const whole = readFileSync(path)
    const flipped = Buffer.from(whole)
    flipped.writeUInt8(flipped.readUInt8(150_000) ^ 1, 150_000)
    for (const bytes of [flipped, whole.subarray(0, -1), whole.subarray(0, 100_000)]) {
      writeFileSync(path, bytes)
      for (const one of ['age', 'age-encryption'] as const) expect(await opened(one, path, file), one).toBe('it is damaged or cut short')
    }
  })
})

describe('recipients that one of them does not take', () => {
  it('of SSH are taken by age, and refused with that sentence by the library', async () => {
    const { file, recipient } = identities.SSH
    const path = await sealed('age', Buffer.from('words'), [recipient])
    expect(String(await opened('age', path, file))).toBe('words')
    await expect(sealed('age-encryption', Buffer.from('words'), [recipient])).rejects.toThrow(
      'without the age binary only recipients of kind age1… and age1pq1… can be used',
    )
    expect(await opened('age-encryption', path, file)).toBe('without the age binary only an identity of kind AGE-SECRET-KEY-… can be used')
  })

  it('of which one is post-quantum and one is not are refused by age, which is why we refuse them first', async () => {
    const both = [identities.X25519.recipient, identities['post-quantum'].recipient]
    await expect(sealed('age', Buffer.from('words'), both)).rejects.toThrow(/age could not seal/)
  })
})
