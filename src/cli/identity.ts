import { resolve } from 'node:path'
import type { World } from './world.ts'

/** What can be told of an identity file without showing anything else of it. */

/** A plain identity file's recipient, without showing anything else of it. Undefined for a protected or foreign one. */
export async function recipientOf(world: World, path: string): Promise<string | undefined> {
  const { system } = world.place
  if (await system.processes.find('age-keygen')) {
    const ran = await world.caller.run('age.recipientOf', { identity: path })
    return ran.ok ? ran.stdout.toString('utf8').trim().split('\n')[0] : undefined
  }
  const identity = (await system.files.read(path))
    .toString('utf8')
    .split('\n')
    .find((l) => l.startsWith('AGE-SECRET-KEY-'))
  if (!identity) return undefined
  const { identityToRecipient } = await import('age-encryption')
  return identityToRecipient(identity.trim()).catch(() => undefined)
}

export interface Described {
  there: boolean
  ok: boolean
  text: string
  hint?: string
  /** The public half, where it can be read. */
  recipient?: string
}

/** One line about an identity file: where, how closed, of which kind. */
export async function describeIdentity(world: World, path: string): Promise<Described> {
  const { files } = world.place.system
  const full = resolve(files.cwd, path)
  // a link is as open as what it leads to
  const info = await files.info((await files.real(full)) ?? full)
  if (!info) return { there: false, ok: true, text: `none at ${full}`, hint: 'talos-preflight keys create' }
  if (info.kind === 'link')
    return { there: true, ok: false, text: `${full} is a link that leads nowhere`, hint: 'talos-preflight keys use FILE' }
  if ((info.mode & 0o077) !== 0)
    return {
      there: true,
      ok: false,
      text: `${full} can be read by others (mode 0${(info.mode & 0o777).toString(8)})`,
      hint: `chmod 600 ${full}`,
    }
  const head = (await files.read(full).catch(() => Buffer.alloc(0))).subarray(0, 2048).toString('latin1')
  if (/^age-encryption\.org|BEGIN AGE ENCRYPTED FILE/.test(head))
    return { there: true, ok: true, text: `${full}, protected with a passphrase` }
  const recipient = await recipientOf(world, full)
  return recipient
    ? { there: true, ok: true, text: `${full}, ${recipient.slice(0, 24)}…`, recipient }
    : { there: true, ok: false, text: `${full} is no age identity that can be read`, hint: 'talos-preflight keys use FILE' }
}
