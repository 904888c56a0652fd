import { createHash } from 'node:crypto'
import type { System } from '../system/ports.ts'
import type { Caller } from './caller.ts'

/** Seals bytes to age recipients: with the operator's age, or with the npm library where there is none. */

export interface SealedFile {
  path: string
  sha256: string
  bytes: number
  /** Which program did it. */
  by: 'age' | 'age-encryption'
}

/**
 * Writes a new file; a file of that name is never overwritten, and a half-written one never has the final name.
 *
 * @throws Error with a sentence where it could not be sealed; file system errors as they come.
 */
export async function sealTo(
  system: System,
  caller: Caller,
  plaintext: Buffer,
  to: { path: string; recipients: readonly string[] },
): Promise<SealedFile> {
  const part = `${to.path}.part`
  const { bytes, by } = await encrypt(system, caller, plaintext, to.recipients)
  if (bytes.length < plaintext.length || !bytes.subarray(0, 22).equals(Buffer.from('age-encryption.org/v1\n')))
    throw new Error('what came out of age is no age file')
  const stanzas =
    bytes
      .toString('latin1', 0, Math.min(bytes.length, 64 << 10))
      .split('\n---')[0]
      ?.match(/^-> /gm)?.length ?? 0
  if (stanzas < to.recipients.length) throw new Error(`the sealed file is for ${stanzas} recipients, not ${to.recipients.length}`)
  await system.files.remove(part)
  try {
    await system.files.create(part, bytes, 0o600)
    if (await system.files.info(to.path)) throw new Error(`${to.path} exists already`)
    await system.files.rename(part, to.path)
  } catch (error) {
    await system.files.remove(part).catch(() => undefined)
    throw error
  }
  return { path: to.path, sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length, by }
}

async function encrypt(
  system: System,
  caller: Caller,
  plaintext: Buffer,
  recipients: readonly string[],
): Promise<{ bytes: Buffer; by: SealedFile['by'] }> {
  if (await system.processes.find('age')) {
    const ran = await caller.run('age.encrypt', { recipients: [...recipients] }, { input: plaintext })
    if (!ran.ok) throw new Error(`age could not seal: ${ran.reason}`)
    return { bytes: ran.stdout, by: 'age' }
  }
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  try {
    for (const recipient of recipients) encrypter.addRecipient(recipient)
  } catch {
    throw new Error('without the age binary only recipients of kind age1… and age1pq1… can be used')
  }
  return { bytes: Buffer.from(await encrypter.encrypt(new Uint8Array(plaintext))), by: 'age-encryption' }
}

/** The plaintext of a sealed file, in memory. Undefined where the identity does not open it. */
export async function unseal(system: System, caller: Caller, sealed: Buffer, identityFile: string): Promise<Buffer | undefined> {
  if (await system.processes.find('age')) {
    const ran = await caller.run('age.decrypt', { identity: identityFile }, { input: sealed })
    return ran.ok ? ran.stdout : undefined
  }
  const { Decrypter } = await import('age-encryption')
  const identity = (await system.files.read(identityFile))
    .toString('utf8')
    .split('\n')
    .find((l) => l.startsWith('AGE-SECRET-KEY-'))
  if (!identity) return undefined
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity.trim())
  return decrypter.decrypt(new Uint8Array(sealed)).then(
    (b) => Buffer.from(b),
    () => undefined,
  )
}
