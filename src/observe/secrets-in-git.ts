import { join, relative, resolve } from 'node:path'
import { plainLine } from '../contract.ts'
import type { SecretsScan } from '../domain/observations.ts'
import type { System } from '../system/ports.ts'
import type { Caller } from '../tools/caller.ts'
import { insideGit } from './inside-git.ts'
import { MOST_PLACES, type ScanOptions } from './scan-options.ts'
import { GIVES, kindIn, type SecretKind } from './secret-kinds.ts'

/**
 * Plaintext secrets in git: every version of a file that the repository holds, and which of the files found in the work tree it holds
 * or would take in. Nothing of the content leaves this file.
 */

/** A single version of a file in git history above this size is counted as left out. Bytes. */
const LARGEST_VERSION = 16 << 20

export async function scanRepository(
  system: System,
  caller: Caller,
  options: ScanOptions,
  scan: SecretsScan,
  late: () => boolean,
): Promise<void> {
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
