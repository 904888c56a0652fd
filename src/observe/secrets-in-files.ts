import { basename, delimiter, dirname, join, relative, resolve } from 'node:path'
import { plainLine } from '../contract.ts'
import type { SecretPlace, SecretsScan } from '../domain/observations.ts'
import type { System } from '../system/ports.ts'
import { insideGit } from './inside-git.ts'
import type { ScanOptions } from './scan-options.ts'
import { GIVES, kindIn, type SecretKind } from './secret-kinds.ts'

/** Plaintext secrets in files: all below the workspace, and the usual places of this machine. Nothing of the content leaves this file. */

/** Files side by side; enough to hide the latency of a disk. */
const AT_ONCE = 16
const PIECE_OVERLAP = 64 << 10
const LARGEST_USUAL = 4 << 20

/** The kind of secret in one file, read in overlapping pieces so that its size does not matter. `cut` where time ran out in the middle. */
async function kindOfFile(
  system: System,
  path: string,
  scan: SecretsScan,
  late: () => boolean,
): Promise<{ kind?: SecretKind | undefined; cut: boolean }> {
  let kind: SecretKind | undefined
  let carry: Buffer = Buffer.alloc(0)
  let first = true
  let cut = false
  await system.files.readChunks(path, (chunk) => {
    scan.bytes += chunk.length
    const piece = carry.length > 0 ? Buffer.concat([carry, chunk]) : chunk
    kind = kindIn(piece, first)
    first = false
    carry = Buffer.from(piece.subarray(Math.max(0, piece.length - PIECE_OVERLAP)))
    cut = kind === undefined && late()
    return kind === undefined && !cut
  })
  return { kind, cut }
}

export async function scanFolder(
  system: System,
  options: ScanOptions,
  scan: SecretsScan,
  late: () => boolean,
  defaults: ReadonlySet<string>,
): Promise<void> {
  const skip = new Set(options.exclude.map((p) => resolve(options.folder, p)))
  const folders = [options.folder]
  let unseen = 0
  let unread = 0
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (late()) {
      unseen += 1 + folders.length
      break
    }
    let entries: Awaited<ReturnType<System['files']['list']>>
    try {
      entries = await system.files.list(folder)
    } catch (error) {
      scan.leftOut.push(`folder ${name(options, folder)} could not be read: ${(error as NodeJS.ErrnoException).code ?? 'error'}`)
      continue
    }
    const paths = entries
      .map((e) => ({ path: join(folder, e.name), kind: e.kind }))
      .filter((e) => !skip.has(e.path) && basename(e.path) !== '.git')
    folders.push(...paths.filter((e) => e.kind === 'folder').map((e) => e.path))
    for (const link of paths.filter((e) => e.kind === 'link')) {
      const target = await system.files.real(link.path)
      // what a link inside the folder leads to is looked at where it lies
      if (target && relative(options.folder, target).startsWith('..'))
        scan.leftOut.push(`${name(options, link.path)} is a link out of the folder and was not followed`)
    }
    const files = paths.filter((e) => e.kind === 'file').map((e) => e.path)
    for (let at = 0; at < files.length; at += AT_ONCE) {
      if (late()) {
        unread += files.length - at
        break
      }
      await Promise.all(
        files.slice(at, at + AT_ONCE).map(async (path) => {
          scan.files++
          const looked = await kindOfFile(system, path, scan, late).catch((error: NodeJS.ErrnoException) => {
            scan.leftOut.push(`file ${name(options, path)} could not be read: ${error.code ?? 'error'}`)
            return undefined
          })
          if (looked?.cut) unread++
          if (!looked?.kind) return
          const about = { path: name(options, path), where: 'workspace', inGit: false, atDefaultPlace: defaults.has(path) } as const
          scan.places.push(await place(system, path, looked.kind, about))
        }),
      )
    }
  }
  const missed = [counted(unseen, 'folder'), counted(unread, 'file')].filter((text) => text !== '')
  if (missed.length > 0)
    scan.leftOut.push(
      `time ran out after ${options.seconds} s: at least ${missed.join(' and ')} below ${plainLine(options.folder, 200)} were not looked at (scan.seconds in preflight.yaml gives it more)`,
    )
}

const counted = (n: number, what: string): string => (n === 0 ? '' : `${n} ${what}${n === 1 ? '' : 's'}`)

const name = (options: ScanOptions, path: string): string => plainLine(relative(options.folder, path) || '.', 200)

async function place(
  system: System,
  path: string,
  kind: SecretKind,
  about: Pick<SecretPlace, 'path' | 'where' | 'inGit' | 'atDefaultPlace'>,
): Promise<SecretPlace> {
  const info = await system.files.info(path)
  return { ...about, kind, gives: GIVES[kind], ...(info ? { mode: info.mode } : {}) }
}

/** Files in which tools look for a credential by themselves. */
export function defaultPlaces(system: System, options: ScanOptions): Set<string> {
  const { home, env } = system.files
  const config = env.XDG_CONFIG_HOME || join(home, '.config')
  return new Set([
    join(env.TALOS_HOME || join(home, '.talos'), 'config'),
    join(home, '.kube', 'config'),
    join(config, 'sops', 'age', 'keys.txt'),
    join(config, 'age', 'keys.txt'),
    ...(env.TALOSCONFIG ? [resolve(env.TALOSCONFIG)] : []),
    ...(env.KUBECONFIG ?? '')
      .split(delimiter)
      .filter(Boolean)
      .map((p) => resolve(p)),
    ...options.defaultPlaces,
  ])
}

const SUSPICIOUS_NAME = /talos|kube|secret|controlplane|control-plane|worker|etcd|snapshot|machineconfig|\.key$|\.pem$|keys\.txt$/i

/** Default places, and files of telling names where people leave them. A link is what it leads to. */
export async function scanUsualPlaces(
  system: System,
  options: ScanOptions,
  scan: SecretsScan,
  defaults: ReadonlySet<string>,
): Promise<void> {
  const { home } = system.files
  const inWorkspace = (path: string) => !relative(options.folder, path).startsWith('..')
  const paths = new Set([...defaults])
  for (const folder of [home, join(home, 'Downloads'), join(home, 'Desktop'), join(home, '.talos'), join(home, '.kube'), '/tmp']) {
    const entries = await system.files.list(folder).catch(() => [])
    for (const entry of entries)
      if ((entry.kind === 'file' || entry.kind === 'link') && SUSPICIOUS_NAME.test(entry.name)) paths.add(join(folder, entry.name))
  }
  const looked = new Set<string>()
  for (const named of paths) {
    const isLink = (await system.files.info(named))?.kind === 'link'
    const path = isLink ? await system.files.real(named) : named
    if (path === undefined) scan.leftOut.push(`link ${plainLine(named, 200)} could not be followed`)
    if (path === undefined || looked.has(path) || inWorkspace(path)) continue
    looked.add(path)
    const kind = await kindAtUsualPlace(system, path, scan)
    if (!kind) continue
    const [real, atDefaultPlace] = [(await system.files.real(path)) ?? path, defaults.has(named)]
    const inGit = await insideGit(system, dirname(real))
    scan.places.push(await place(system, path, kind, { path: plainLine(path, 200), where: 'usual place', inGit, atDefaultPlace }))
  }
}

async function kindAtUsualPlace(system: System, path: string, scan: SecretsScan): Promise<SecretKind | undefined> {
  const info = await system.files.info(path)
  if (info?.kind !== 'file') return undefined
  const large = info.size > LARGEST_USUAL ? `file ${plainLine(path, 200)} is large (${Math.round(info.size / (1 << 20))} MiB)` : undefined
  if (large && !/\.(db|snapshot|snap)$/.test(path)) {
    scan.leftOut.push(large)
    return undefined
  }
  scan.files++
  // a snapshot shows in its first bytes
  const looked = await kindOfFile(system, path, scan, () => large !== undefined).catch((error: NodeJS.ErrnoException) => {
    scan.leftOut.push(`file ${plainLine(path, 200)} could not be read: ${error.code ?? 'error'}`)
    return undefined
  })
  if (looked?.cut) scan.leftOut.push(`${large}, only its beginning was looked at`)
  return looked?.kind
}
