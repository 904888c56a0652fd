import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { type Evidence, type Look, type Proof, plainLine } from '../contract.ts'
import type { BackupManifest, OpeningIdentity, SealedInWorkspace } from '../domain/sealed.ts'
import type { System } from '../system/ports.ts'
import { sha256Of } from '../system/sha256.ts'
import { evidenceSeen } from './taking.ts'

/** Looks at what is sealed in the workspace, at the proofs about it, and at the identity that opens it. Opens nothing. */

export interface SealedOptions {
  /** Absent where there is no workspace; then nothing is sealed. */
  workspace?: string
  identity: string
  /** Proofs of an observation that the journals confirm, newest first, as text. */
  proofs: (observation: string) => Promise<{ path: string; text: string }[]>
}

const HEADER = 256 << 10
const MOST_PROOFS = 20

/** Types of the recipients in the header of an age file; some writers add others at random. https://age-encryption.org/v1 */
function stanzasIn(head: string): string[] {
  if (!head.startsWith('age-encryption.org/v1\n')) return []
  return [...(head.split('\n---')[0] ?? '').matchAll(/^-> (\S+)/gm)]
    .map((m) => plainLine(m[1] ?? '', 40))
    .filter((t) => !/-grease$/.test(t))
}

async function headOf(system: System, path: string): Promise<string> {
  let head = Buffer.alloc(0)
  await system.files.readChunks(path, (chunk) => {
    head = Buffer.concat([head, chunk.subarray(0, HEADER - head.length)])
    return head.length < HEADER
  })
  return head.toString('latin1')
}

function manifestIn(text: string): BackupManifest | undefined {
  try {
    const { takenAt, revision, sha256, sealed, recipients } = JSON.parse(text)
    if (typeof takenAt !== 'string' || typeof sha256 !== 'string' || typeof sealed?.sha256 !== 'string') return undefined
    return {
      takenAt: plainLine(takenAt, 40),
      revision: Number(revision) || 0,
      sha256: plainLine(sha256, 64),
      sealed: { sha256: plainLine(sealed.sha256, 64), bytes: Number(sealed.bytes) || 0 },
      recipients: (Array.isArray(recipients) ? recipients : []).map((r) => plainLine(String(r), 60)),
    }
  } catch {
    return undefined
  }
}

/** A bundle that a person put there under another name would be judged as the newest, or as the oldest. */
const BUNDLE = /^secrets\/bundle-\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}\S*\.age$/

const kindOf = (path: string): SealedInWorkspace['kind'] =>
  path.startsWith('backups/') ? 'backup' : BUNDLE.test(path) ? 'bundle' : 'config'

/** Adds digests, so that a file that took the place of another is told from it. A backup is large, so only the newest is read. */
async function withDigests(system: System, workspace: string, found: readonly SealedInWorkspace[]): Promise<SealedInWorkspace[]> {
  const newest = found
    .filter((f) => f.kind === 'backup' && f.manifest)
    .toSorted((a, b) => ((a.manifest?.takenAt ?? '') < (b.manifest?.takenAt ?? '') ? 1 : -1))[0]
  return Promise.all(
    found.map(async (file) => {
      if (file.kind !== 'bundle' && file !== newest) return file
      const sha256 = await sha256Of(system.files, join(workspace, file.path)).catch(() => undefined)
      return sha256 === undefined ? file : { ...file, sha256 }
    }),
  )
}

const NO_WORKSPACE: Look<never> = {
  ok: false,
  reason: 'there is no workspace, so nothing is sealed here',
  remedy: 'talos-preflight init',
  evidence: [],
}

export async function sealedFilesLook(system: System, { workspace }: SealedOptions): Promise<Look<SealedInWorkspace[]>> {
  if (!workspace) return NO_WORKSPACE
  const found: SealedInWorkspace[] = []
  for (const folder of ['secrets', 'backups']) {
    const entries = await system.files.list(join(workspace, folder)).catch(() => [])
    for (const { name } of entries
      .filter((e) => e.kind === 'file' && e.name.endsWith('.age'))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${folder}/${plainLine(name, 200)}`
      const full = join(workspace, folder, name)
      const [info, head] = [await system.files.info(full), await headOf(system, full).catch(() => '')]
      const manifest = await system.files.read(`${full}.json`).then(
        (b) => manifestIn(b.toString('utf8')),
        () => undefined,
      )
      found.push({ path, bytes: info?.size ?? 0, kind: kindOf(path), stanzas: stanzasIn(head), ...(manifest ? { manifest } : {}) })
    }
  }
  const value = await withDigests(system, workspace, found)
  return { ok: true, value, evidence: [evidenceSeen(system, 'file', `${value.length} sealed files in secrets/ and backups/`, value)] }
}

/** A proof that no journal names counts as nothing; the port that reads them leaves such out. */
export async function proofsLook(system: System, options: SealedOptions, observation: string): Promise<Look<Proof<unknown>[]>> {
  const found = await options.proofs(observation)
  const evidence: Evidence[] = []
  const value = found.slice(0, MOST_PROOFS).flatMap(({ path, text }): Proof<unknown>[] => {
    try {
      const { takenAt, of, refused, value } = JSON.parse(text)
      evidence.push({ kind: 'proof', what: path, takenAt, sha256: createHash('sha256').update(text).digest('hex') })
      return [{ path, takenAt, of, value, ...(typeof refused === 'string' ? { refused: plainLine(refused) } : {}) }]
    } catch {
      return []
    }
  })
  return {
    ok: true,
    value,
    evidence: evidence.length > 0 ? evidence.slice(0, 3) : [evidenceSeen(system, 'file', `evidence/proofs/${observation}/`, [])],
  }
}

/** Of what was sealed from this workspace: without one nothing was, which is no failure of the cluster. */
export const sealedProofsLook = async (system: System, options: SealedOptions, observation: string): Promise<Look<Proof<unknown>[]>> =>
  options.workspace === undefined ? NO_WORKSPACE : proofsLook(system, options, observation)

/** Whether age would ask the person, by the beginning of the file; what opens is not read. */
export async function openingIdentityLook(system: System, { identity: path }: SealedOptions): Promise<Look<OpeningIdentity>> {
  const info = await system.files.info(path)
  const text = info ? (await system.files.read(path).catch(() => Buffer.alloc(0))).toString('latin1') : ''
  const kind: OpeningIdentity['kind'] =
    info === undefined
      ? 'none'
      : /^age-encryption\.org|BEGIN AGE ENCRYPTED FILE|^AGE-PLUGIN-|BEGIN OPENSSH PRIVATE KEY|BEGIN RSA PRIVATE KEY/m.test(text)
        ? 'asks'
        : /^AGE-SECRET-KEY-/m.test(text)
          ? 'plain'
          : 'none'
  return { ok: true, value: { path: plainLine(path, 300), kind }, evidence: [evidenceSeen(system, 'file', path, kind)] }
}
