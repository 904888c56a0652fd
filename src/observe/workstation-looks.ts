import { dirname, join, resolve } from 'node:path'
import { type Evidence, type Look, plainLine } from '../contract.ts'
import type { ConfigOwner, SecretsScan, TalosContext } from '../domain/observations.ts'
import type { System } from '../system/ports.ts'
import type { Caller } from '../tools/caller.ts'
import { insideGit } from './inside-git.ts'
import { scanSecrets } from './secrets-scan.ts'
import { evidenceSeen } from './taking.ts'
import { parseTalosconfig } from './talosconfig.ts'

/** Looks at the operator's machine: talosconfig files, signs of other tools, plaintext secrets. */

export interface WorkstationOptions {
  /** Where the operator works: the workspace, else the folder the program was started in. */
  folder: string
  /** talosconfig files to read, in the order in which they count. */
  talosconfigs: readonly string[]
  scan: { exclude: readonly string[]; seconds: number; defaultPlaces: readonly string[] }
  identity: () => Promise<{ ca: string } | undefined>
}

export const talosContextsLook = async (system: System, options: WorkstationOptions): Promise<Look<TalosContext[]>> => {
  const evidence: Evidence[] = []
  const found: TalosContext[] = []
  const problems: string[] = []
  const ours = await options.identity()
  for (const path of options.talosconfigs) {
    if (!(await system.files.info(path))) continue
    const bytes = await system.files.read(path).catch((error: NodeJS.ErrnoException) => error.code ?? 'error')
    if (typeof bytes === 'string') {
      problems.push(`${path} could not be read: ${bytes}`)
      continue
    }
    evidence.push(evidenceSeen(system, 'file', path, bytes))
    const parsed = parseTalosconfig(bytes.toString('utf8'), path)
    if ('problem' in parsed) problems.push(`${path} ${parsed.problem}`)
    else found.push(...parsed.contexts.map((c) => ({ ...c, ...(ours && c.ca ? { ofThisCluster: c.ca === ours.ca } : {}) })))
  }
  if (problems[0] !== undefined) return { ok: false, reason: problems[0], remedy: 'name the right file with --talosconfig FILE', evidence }
  if (found.length === 0)
    return {
      ok: false,
      reason: `no talosconfig was found (${options.talosconfigs.join(', ')})`,
      remedy: 'name one with --talosconfig FILE, or set TALOSCONFIG',
      evidence,
    }
  return { ok: true, value: found, evidence }
}

export const configOwnerLook = async (system: System, options: WorkstationOptions): Promise<Look<ConfigOwner[]>> => {
  const owners: ConfigOwner[] = []
  const signs: { tool: string; file: string; holds?: RegExp }[] = [
    { tool: 'talhelper', file: 'talconfig.yaml' },
    { tool: 'talm', file: 'Chart.yaml', holds: /talm/ },
    { tool: 'topf', file: 'topf.yaml' },
  ]
  const folders = [options.folder, ...((await insideGit(system, options.folder)) ? [await gitRoot(system, options.folder)] : [])]
  for (const folder of new Set(folders)) {
    for (const { tool, file, holds } of signs) {
      const path = join(folder, file)
      const bytes = await system.files.read(path).catch(() => undefined)
      if (bytes && (!holds || holds.test(bytes.toString('utf8')))) owners.push({ tool, sign: plainLine(path, 200) })
    }
  }
  const contexts = await talosContextsLook(system, options)
  if (contexts.ok) for (const c of contexts.value) if (c.managedBy) owners.push({ tool: c.managedBy, sign: `context ${c.name}` })
  return { ok: true, value: owners, evidence: [evidenceSeen(system, 'file', `signs of other tools in ${options.folder}`, owners)] }
}

const gitRoot = async (system: System, folder: string): Promise<string> => {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (await system.files.info(join(at, '.git'))) return at
    if (dirname(at) === at) return folder
  }
}

export async function secretsScanLook(
  system: System,
  caller: Caller,
  options: WorkstationOptions,
  signal?: AbortSignal,
): Promise<Look<SecretsScan>> {
  const value = await scanSecrets(system, caller, { folder: options.folder, ...options.scan, ...(signal ? { signal } : {}) })
  const what = `${value.files} files at and below ${plainLine(options.folder, 200)} and in the usual places, ${value.versions} versions in git history`
  return { ok: true, value, evidence: [evidenceSeen(system, 'file', what, value)] }
}
