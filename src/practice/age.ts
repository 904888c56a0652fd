import type { Files, ProcessSpec } from '../system/ports.ts'
import { type Answer, unknownCall } from './answer.ts'

/** age as the real one answers, by its own format: what practice seals, the real age opens. */
export async function age(files: Files, spec: ProcessSpec, input: Buffer): Promise<Answer & { bytes?: Buffer }> {
  const { Decrypter, Encrypter, generateIdentity, identityToRecipient } = await import('age-encryption')
  const { args } = spec
  const fails = (message: string): Answer => ({
    exitCode: 1,
    stderr: `${spec.file}: error: ${message}\n${spec.file}: report unexpected or unhelpful errors at https://filippo.io/age/report\n`,
  })
  const identityIn = async (path: string) =>
    (await files.read(path))
      .toString('utf8')
      .split('\n')
      .find((l) => l.startsWith('AGE-SECRET-KEY-'))
      ?.trim()
  if (spec.file === 'age' && args.join(' ') === '--version') return { exitCode: 0, stdout: 'v1.3.2\n' }
  if (spec.file === 'age-keygen' && args.length === 0) {
    const identity = await generateIdentity()
    const recipient = await identityToRecipient(identity)
    return {
      exitCode: 0,
      stdout: `# created: 2026-11-23T17:00:00Z\n# public key: ${recipient}\n${identity}\n`,
      stderr: `Public key: ${recipient}\n`,
    }
  }
  if (spec.file === 'age-keygen' && args[0] === '-y' && args[1]) {
    const identity = await identityIn(args[1]).catch(() => undefined)
    return identity
      ? { exitCode: 0, stdout: `${await identityToRecipient(identity)}\n` }
      : fails(`failed to open input file "${args[1]}": open ${args[1]}: no such file or directory`)
  }
  if (args[0] === '--decrypt' && args[1] === '--identity' && args[2]) {
    const identity = await identityIn(args[2]).catch(() => undefined)
    if (!identity) return fails(`failed to read "${args[2]}"`)
    const decrypter = new Decrypter()
    decrypter.addIdentity(identity)
    return decrypter.decrypt(new Uint8Array(input)).then(
      (bytes) => ({ exitCode: 0, bytes: Buffer.from(bytes) }),
      () => fails('no identity matched any of the recipients'),
    )
  }
  if (args.length > 0 && args.every((word, i) => (i % 2 === 0 ? word === '--recipient' : true))) {
    const encrypter = new Encrypter()
    for (const recipient of args.filter((_, i) => i % 2 === 1)) {
      try {
        encrypter.addRecipient(recipient)
      } catch {
        return fails(`malformed recipient "${recipient}": invalid`)
      }
    }
    return { exitCode: 0, bytes: Buffer.from(await encrypter.encrypt(new Uint8Array(input))) }
  }
  return unknownCall(spec.file, args)
}
