import { basename, delimiter, dirname, join, relative, resolve } from 'node:path'
import { plainLine } from '../contract.ts'
import type { SecretPlace, SecretsScan } from '../domain/observations.ts'
import type { System } from '../system/ports.ts'
import type { Caller } from '../tools/caller.ts'
import { GIVES, kindIn, type SecretKind } from './secret-kinds.ts'

/**
 * Looks for plaintext secrets in the workspace, in the history of its git repository and in the usual places of this machine.
 * Bounded in time; what it did not look at it says. Nothing of the content leaves this file.
 */

export interface ScanOptions {
  folder: string
  /** Paths below the folder that the profile leaves out. */
  exclude: readonly string[]
  seconds: number
  /** Files in which a tool of ours or of the operator looks by itself, beside the well-known ones. */
  defaultPlaces: readonly string[]
  signal?: AbortSignal
}

/** Files side by side; enough to hide the latency of a disk. */
const AT_ONCE = 16
const PIECE_OVERLAP = 64 << 10
/** A single version of a file in git history above this size is counted as left out. Bytes. */
const LARGEST_VERSION = 16 << 20
const LARGEST_USUAL = 4 << 20
/** More places than this are counted, not listed. */
const MOST_PLACES = 200

export async function scanSecrets(system: System, caller: Caller, options: ScanOptions): Promise<SecretsScan> {
  const scan: SecretsScan = { places: [], files: 0, bytes: 0, versions: 0, leftOut: [], excluded: [...options.exclude] }
  const end = Date.now() + options.seconds * 1000
  const late = () => Date.now() >= end || options.signal?.aborted === true
  const defaults = defaultPlaces(system, options)
  await scanFolder(system, options, scan, late, defaults)
  await scanUsualPlaces(system, options, scan, defaults)
  await scanRepository(system, caller, options, scan, late)
  if (scan.places.length > MOST_PLACES) {
    scan.leftOut.push(`${scan.places.length - MOST_PLACES} more places were found than are listed`)
    scan.places = scan.places.slice(0, MOST_PLACES)
  }
  scan.places.sort((a, b) => a.where.localeCompare(b.where) || a.path.localeCompare(b.path))
  return scan
}

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

async function scanFolder(
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
          if (looked?.kind) scan.places.push(await place(system, path, name(options, path), looked.kind, 'workspace', defaults))
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
  shown: string,
  kind: SecretKind,
  where: SecretPlace['where'],
  defaults: ReadonlySet<string>,
): Promise<SecretPlace> {
  const info = await system.files.info(path)
  return {
    path: shown,
    kind,
    gives: GIVES[kind],
    where,
    ...(info ? { mode: info.mode } : {}),
    inGit: false,
    atDefaultPlace: defaults.has(path),
  }
}

/** Files in which tools look for a credential by themselves. */
function defaultPlaces(system: System, options: ScanOptions): Set<string> {
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

/** Default places, and files of telling names where people leave them. */
async function scanUsualPlaces(system: System, options: ScanOptions, scan: SecretsScan, defaults: ReadonlySet<string>): Promise<void> {
  const { home } = system.files
  const inWorkspace = (path: string) => !relative(options.folder, path).startsWith('..')
  const paths = new Set([...defaults])
  for (const folder of [home, join(home, 'Downloads'), join(home, 'Desktop'), join(home, '.talos'), join(home, '.kube'), '/tmp']) {
    const entries = await system.files.list(folder).catch(() => [])
    for (const entry of entries) if (entry.kind === 'file' && SUSPICIOUS_NAME.test(entry.name)) paths.add(join(folder, entry.name))
  }
  for (const path of paths) {
    if (inWorkspace(path)) continue
    const info = await system.files.info(path)
    if (info?.kind !== 'file') continue
    const large = info.size > LARGEST_USUAL ? `file ${plainLine(path, 200)} is large (${Math.round(info.size / (1 << 20))} MiB)` : undefined
    if (large && !/\.(db|snapshot|snap)$/.test(path)) {
      scan.leftOut.push(large)
      continue
    }
    scan.files++
    // a snapshot shows in its first bytes
    const looked = await kindOfFile(system, path, scan, () => large !== undefined).catch((error: NodeJS.ErrnoException) => {
      scan.leftOut.push(`file ${plainLine(path, 200)} could not be read: ${error.code ?? 'error'}`)
      return undefined
    })
    if (looked?.cut) scan.leftOut.push(`${large}, only its beginning was looked at`)
    if (!looked?.kind) continue
    const found = await place(system, path, plainLine(path, 200), looked.kind, 'usual place', defaults)
    scan.places.push({ ...found, inGit: await insideGit(system, dirname(path)) })
  }
}

/** Whether a folder lies in a git work tree; looks for `.git` on the way up and runs nothing. */
export async function insideGit(system: System, folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    if (await system.files.info(join(at, '.git'))) return true
    if (dirname(at) === at) return false
  }
}

/* ---- git ------------------------------------------------------------------------------------------------- */

async function scanRepository(system: System, caller: Caller, options: ScanOptions, scan: SecretsScan, late: () => boolean): Promise<void> {
  if (!(await insideGit(system, options.folder))) return
  const { folder, signal } = options
  const hooks = signal ? { signal } : {}
  const root = await caller.run('git.root', { folder }, hooks)
  if (!root.ok) {
    scan.leftOut.push(`git history was not looked at: ${root.reason}`)
    return
  }
  const top = root.stdout.toString('utf8').trim()
  await markWhatGitHolds(caller, folder, scan)
  const objects = await caller.run('git.objects', { folder }, hooks)
  if (!objects.ok) {
    scan.leftOut.push(`git history was not looked at: ${objects.reason}`)
    return
  }
  const wanted: string[] = []
  let large = 0
  for (const line of objects.stdout.toString('latin1').split('\n')) {
    const [object, type, size] = line.split(' ')
    if (type !== 'blob' || !object) continue
    if (Number(size) > LARGEST_VERSION) large++
    else wanted.push(object)
  }
  if (large > 0) scan.leftOut.push(`${large} versions of files in git history are over ${LARGEST_VERSION >> 20} MiB and were not looked at`)
  if (await system.files.info(join(top, '.git', 'shallow')))
    scan.leftOut.push('the repository is a shallow clone: its older history is not here')
  const hits = await scanObjects(caller, folder, wanted, scan, late, signal)
  if (hits.length > MOST_PLACES)
    scan.leftOut.push(`${hits.length - MOST_PLACES} more versions in git history hold a secret than are listed`)
  const isExcluded = excludedBelow(top, options)
  for (const { object, kind } of hits.slice(0, MOST_PLACES)) {
    const brought = late() ? undefined : await caller.run('git.whoBrought', { folder, object }, hooks)
    const words = brought?.ok
      ? brought.stdout
          .toString('utf8')
          .split('\0')
          // git begins the names of a commit on a new line
          .map((word) => word.replace(/^\n/, ''))
          .filter(Boolean)
      : []
    const nowhere = brought?.ok ? 'in no commit any more' : 'of a commit that was not looked for'
    const path = words[1] ? plainLine(words[1], 200) : `object ${object.slice(0, 12)}, ${nowhere}`
    if (words[1] && isExcluded(words[1])) continue
    scan.places.push({
      path,
      kind,
      gives: GIVES[kind],
      where: 'git history',
      inGit: true,
      atDefaultPlace: false,
      ...(words[0] ? { commit: plainLine(words[0], 40) } : {}),
    })
  }
}

/** Whether the profile leaves out a path that git names from the top of the repository, which the workspace may lie below. */
function excludedBelow(top: string, options: ScanOptions): (path: string) => boolean {
  const folder = resolve(options.folder)
  const base = relative(top, folder).startsWith('..') ? top : folder
  const excluded = options.exclude.map((p) => resolve(base, p))
  return (path) => excluded.some((p) => join(top, path) === p || join(top, path).startsWith(`${p}/`))
}

/** Files found in the work tree that git tracks, or would take in with the next `git add`. */
async function markWhatGitHolds(caller: Caller, folder: string, scan: SecretsScan): Promise<void> {
  const found = scan.places.filter((p) => p.where === 'workspace')
  if (found.length === 0) return
  const tracked = await caller.run('git.tracked', { folder })
  const ignored = await caller.run('git.ignored', { folder, paths: [] }, { input: `${found.map((p) => p.path).join('\0')}\0` })
  const names = (bytes: Buffer) => new Set(bytes.toString('utf8').split('\0'))
  const isTracked = tracked.ok ? names(tracked.stdout) : new Set<string>()
  const isIgnored = names(ignored.stdout)
  for (const p of found) p.inGit = isTracked.has(p.path) || !isIgnored.has(p.path)
}

/** Reads the contents of objects in one pass. */
async function scanObjects(
  caller: Caller,
  folder: string,
  objects: readonly string[],
  scan: SecretsScan,
  late: () => boolean,
  signal: AbortSignal | undefined,
): Promise<{ object: string; kind: SecretKind }[]> {
  const hits: { object: string; kind: SecretKind }[] = []
  if (objects.length === 0) return hits
  let pending: Buffer[] = []
  let length = 0
  let header: { object: string; size: number } | undefined
  let seen = 0
  const take = (size: number): Buffer => {
    const all = pending.length === 1 ? (pending[0] as Buffer) : Buffer.concat(pending)
    pending = [all.subarray(size)]
    length = all.length - size
    return all.subarray(0, size)
  }
  const ran = await caller.run(
    'git.contents',
    { folder },
    {
      input: `${objects.join('\n')}\n`,
      ...(signal ? { signal } : {}),
      onChunk: (chunk) => {
        pending.push(chunk)
        length += chunk.length
        for (;;) {
          if (!header) {
            const all = pending.length === 1 ? (pending[0] as Buffer) : Buffer.concat(pending)
            pending = [all]
            const line = all.indexOf(10)
            if (line < 0) break
            const [object, , size] = take(line + 1)
              .toString('latin1')
              .trim()
              .split(' ')
            header = { object: object ?? '', size: Number(size) || 0 }
          }
          if (length < header.size + 1) break
          const content = take(header.size + 1).subarray(0, header.size)
          scan.bytes += content.length
          seen++
          const kind = kindIn(content, true)
          if (kind) hits.push({ object: header.object, kind })
          header = undefined
        }
        return !late()
      },
    },
  )
  scan.versions += seen
  if (!ran.ok) scan.leftOut.push(`git history was looked at in part: ${ran.reason}`)
  else if (seen < objects.length)
    scan.leftOut.push(
      `time ran out: ${objects.length - seen} of ${objects.length} versions of files in git history were not looked at (scan.seconds in preflight.yaml gives it more)`,
    )
  return hits
}
