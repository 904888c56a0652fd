import { createHash } from 'node:crypto'
import type { System } from '../system/ports.ts'
import type { Caller } from './caller.ts'
import type { HeldSecret } from './held.ts'

/** Seals what is held to age recipients: with the operator's age, or with the npm library where there is none. */

export interface SealedFile {
  path: string
  sha256: string
  bytes: number
  /** Which program did it. */
  by: 'age' | 'age-encryption'
}

export interface SealOptions {
  path: string
  recipients: readonly string[]
  /** Written to `PATH.json` before the sealed file has its name. */
  manifest?: (sealed: SealedFile) => string
  signal?: AbortSignal
  onBytes?: (done: number, total?: number) => void
}

/** Milliseconds between two looks at how far it is. */
const WATCH = 250
/** The header of a file for many post-quantum recipients is long. */
const HEADER = 256 << 10

/**
 * Writes a new file; a file of that name is never overwritten, and a half-written one never has the final name.
 *
 * @throws Error with a sentence where it could not be sealed; file system errors as they come.
 */
export async function sealTo(
  system: System,
  caller: Caller,
  plaintext: Pick<HeldSecret, 'bytes' | 'buffer' | 'path'>,
  to: SealOptions,
): Promise<SealedFile> {
  const { files } = system
  const part = `${to.path}.part`
  await files.remove(part)
  try {
    const by = (await system.processes.find('age'))
      ? await byAge(system, caller, plaintext, part, to)
      : await byLibrary(system, plaintext, part, to)
    const sealed = { path: to.path, by, ...(await readBack(system, part, plaintext.bytes, to.recipients.length)) }
    if (await files.info(to.path)) throw new Error(`${to.path} exists already`)
    if (to.manifest) await files.create(`${to.path}.json`, to.manifest(sealed), 0o644)
    await files.rename(part, to.path)
    return sealed
  } catch (error) {
    await files.remove(part).catch(() => undefined)
    throw error
  }
}

/** The digest and size of what was written, and whether it is an age file for as many as it should be for. */
async function readBack(system: System, part: string, least: number, recipients: number): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  let head = Buffer.alloc(0)
  await system.files.readChunks(part, (chunk) => {
    hash.update(chunk)
    bytes += chunk.length
    if (head.length < HEADER) head = Buffer.concat([head, chunk.subarray(0, HEADER - head.length)])
    return true
  })
  const text = head.toString('latin1')
  if (bytes < least || !text.startsWith('age-encryption.org/v1\n')) throw new Error('what came out of age is no age file')
  const stanzas = text.split('\n---')[0]?.match(/^-> /gm)?.length ?? 0
  if (stanzas < recipients) throw new Error(`the sealed file is for ${stanzas} recipients, not ${recipients}`)
  return { sha256: hash.digest('hex'), bytes }
}

/** The bytes go from a descriptor to a descriptor and not through us, where they lie in a file. */
async function byAge(
  system: System,
  caller: Caller,
  plaintext: Pick<HeldSecret, 'bytes' | 'buffer' | 'path'>,
  part: string,
  to: SealOptions,
): Promise<'age'> {
  const watch = setInterval(() => {
    void system.files.info(part).then((info) => info && to.onBytes?.(Math.min(info.size, plaintext.bytes), plaintext.bytes))
  }, WATCH)
  const ran = await caller
    .run(
      'age.encrypt',
      { recipients: [...to.recipients] },
      {
        outputFile: part,
        ...(plaintext.path ? { inputFile: plaintext.path } : { input: plaintext.buffer ?? Buffer.alloc(0) }),
        ...(to.signal ? { signal: to.signal } : {}),
      },
    )
    .finally(() => clearInterval(watch))
  // it writes the file, so it is told and not we
  if (!ran.ok && /no space left on device|disk quota exceeded/i.test(ran.stderr.toString('utf8')))
    throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' })
  if (!ran.ok) throw new Error(`age could not seal: ${ran.reason}`)
  return 'age'
}

async function byLibrary(
  system: System,
  plaintext: Pick<HeldSecret, 'bytes' | 'buffer' | 'path'>,
  part: string,
  to: SealOptions,
): Promise<'age-encryption'> {
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  try {
    for (const recipient of to.recipients) encrypter.addRecipient(recipient)
  } catch {
    throw new Error('without the age binary only recipients of kind age1… and age1pq1… can be used')
  }
  if (!plaintext.path) {
    const bytes = await encrypter.encrypt(new Uint8Array(plaintext.buffer ?? Buffer.alloc(0)))
    await system.files.create(part, Buffer.from(bytes), 0o600)
    return 'age-encryption'
  }
  const stream = await encrypter.encrypt(chunksOf(system, plaintext.path, plaintext.bytes, to))
  await system.files.createFrom(part, stream, 0o600)
  return 'age-encryption'
}

/** A file in pieces, as the library wants it. */
function chunksOf(system: System, path: string, total: number, { onBytes, signal }: SealOptions): ReadableStream<Uint8Array> {
  const SIZE = 1 << 20
  let file: Awaited<ReturnType<System['files']['open']>> | undefined
  let at = 0
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      file ??= await system.files.open(path)
      const piece = new Uint8Array(Math.min(SIZE, total - at))
      if (piece.length === 0 || signal?.aborted) {
        await file.close()
        if (signal?.aborted) controller.error(new Error('stopped'))
        else controller.close()
        return
      }
      file.read(piece, at)
      at += piece.length
      onBytes?.(at, total)
      controller.enqueue(piece)
    },
  })
}

async function decrypterFor(system: System, identityFile: string): Promise<import('age-encryption').Decrypter | undefined> {
  const { Decrypter } = await import('age-encryption')
  const identities = (await system.files.read(identityFile))
    .toString('utf8')
    .split('\n')
    .filter((l) => l.startsWith('AGE-SECRET-KEY-'))
  if (identities.length === 0) return undefined
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity.trim())
  return decrypter
}

export interface Opening {
  identity: string
  /** Age asks the person on the terminal. */
  terminal: boolean
  signal?: AbortSignal
  /** Takes the plaintext piece by piece; returning false ends it. */
  take: (chunk: Buffer) => boolean
}

/** Opens a sealed file in pieces. Says in a sentence why it does not open. */
export async function open(
  system: System,
  caller: Caller,
  path: string,
  opening: Opening,
): Promise<{ ok: true } | { ok: false; reason: string }> {
  if (await system.processes.find('age')) {
    const ran = await caller.run(
      'age.decrypt',
      { identity: opening.identity },
      { inputFile: path, onChunk: (chunk) => opening.take(chunk), ...(opening.signal ? { signal: opening.signal } : {}) },
    )
    return ran.ok ? { ok: true } : { ok: false, reason: whyNotOpen(ran.stderr.toString('utf8'), ran.reason) }
  }
  const decrypter = await decrypterFor(system, opening.identity)
  if (!decrypter) return { ok: false, reason: 'without the age binary only an identity of kind AGE-SECRET-KEY-… can be used' }
  const { size } = await system.files.open(path).then(async (file) => ({ size: file.size, closed: await file.close() }))
  try {
    const stream = await decrypter.decrypt(
      chunksOf(system, path, size, { path, recipients: [], ...(opening.signal ? { signal: opening.signal } : {}) }),
    )
    for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) if (!opening.take(Buffer.from(chunk))) break
    return { ok: true }
  } catch (error) {
    return { ok: false, reason: whyNotOpen(String((error as Error).message), 'it does not open') }
  }
}

/** What age or the library says, in words that a person can act on. */
function whyNotOpen(text: string, otherwise: string): string {
  if (/no identity matched/.test(text)) return 'your identity is not one of those it was sealed to'
  if (/incorrect passphrase|passphrase/.test(text)) return 'the passphrase was wrong, or nobody could be asked for it'
  if (/invalid tag|failed to decrypt|bad header|unexpected EOF|HMAC|truncated|malformed|parsing/i.test(text))
    return 'it is damaged or cut short'
  return otherwise
}
