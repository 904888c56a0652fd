import { createHash, X509Certificate } from 'node:crypto'
import { parseDocument } from 'yaml'
import { type Look, plainLine } from '../contract.ts'
import type { CheckedSnapshot, OpenedBackup, OpenedBundle, ToolSummary } from '../domain/sealed.ts'
import type { System } from '../system/ports.ts'
import { sha256Of } from '../system/sha256.ts'
import type { Caller } from '../tools/caller.ts'
import type { HeldSecret } from '../tools/held.ts'
import { open } from '../tools/seal.ts'
import { plainValue } from './parse.ts'
import { checkSnapshot } from './snapshot/check.ts'

/**
 * Takes the looks that make a proof: they read a secret that is held, or open a sealed file, and keep of it only what is public.
 */

export interface Proving {
  system: System
  caller: Caller
  /** The operator's age identity; absent where there is none. */
  identity?: string
  /** Age asks the person on the terminal. */
  terminal: boolean
  signal?: AbortSignal
  onBytes?: (done: number, total?: number) => void
}

/** What is looked at: something held, or a sealed file. `name` is how it is shown. */
export type Subject = { held: HeldSecret } | { path: string; name: string }

export interface Proved {
  look: Look<unknown>
  /** SHA-256 of the bytes that were looked at, hex; empty where there was nothing. */
  of: string
}

const A_BUNDLE_HAS = 1 << 20

const evidence = (system: System, what: string, of: string) => [
  { kind: 'proof' as const, what, takenAt: system.clock.now().toISOString(), sha256: of },
]

/** What `talosctl etcd snapshot` says of the file that it wrote. */
export function parseSummary(said: string): ToolSummary | null {
  const found = /snapshot info: hash ([0-9a-f]{1,8}), revision (\d+), total keys (\d+), total size (\d+)/.exec(said)
  if (!found) return null
  const [, hash = '', revision, keys, size] = found
  return { hash: hash.padStart(8, '0'), revision: Number(revision), keys: Number(keys), databaseBytes: Number(size) }
}

async function snapshot(subject: Subject, p: Proving): Promise<Proved> {
  const held = 'held' in subject ? subject.held : undefined
  if (!held?.path) throw new Error('a snapshot is looked at while it is held')
  const checked = await checkSnapshot(p.system.files, held.path, {
    ...(p.signal ? { signal: p.signal } : {}),
    ...(p.onBytes ? { onProgress: p.onBytes } : {}),
  })
  if (!checked.ok)
    return { look: { ok: false, reason: checked.reason, ...(checked.remedy ? { remedy: checked.remedy } : {}), evidence: [] }, of: '' }
  const { facts } = checked
  const tool = parseSummary(held.said)
  const off = tool && (['hash', 'revision', 'keys', 'databaseBytes'] as const).filter((key) => tool[key] !== facts[key])
  if (tool && off && off.length > 0)
    return {
      look: {
        ok: false,
        reason: `what talosctl says of the snapshot is not what is in it: ${off.map((key) => `${key} ${tool[key]} and ${facts[key]}`).join(', ')}`,
        remedy: 'take another one; where it happens again, this is a fault worth a report',
        evidence: [],
      },
      of: facts.sha256,
    }
  const value: CheckedSnapshot = { ...facts, tool }
  return { look: { ok: true, value, evidence: evidence(p.system, 'the snapshot, read by our own reader', facts.sha256) }, of: facts.sha256 }
}

const noIdentity = (): Proved => ({
  look: { ok: false, reason: 'there is no age identity here to open it with', remedy: 'name one: --identity FILE', evidence: [] },
  of: '',
})

/** Opens a sealed file in pieces; its plaintext goes to `take` and nowhere else. */
async function opened(
  subject: Subject,
  p: Proving,
  take: (chunk: Buffer) => boolean,
): Promise<{ failed: Proved } | { of: string; name: string }> {
  if (!('path' in subject)) throw new Error('a sealed file is opened where it lies')
  if (!p.identity) return { failed: noIdentity() }
  const of = await sha256Of(p.system.files, subject.path)
  const answer = await open(p.system, p.caller, subject.path, {
    identity: p.identity,
    terminal: p.terminal,
    take,
    ...(p.signal ? { signal: p.signal } : {}),
  })
  return answer.ok
    ? { of, name: subject.name }
    : { failed: { look: { ok: false, reason: `${subject.name} does not open: ${answer.reason}`, evidence: [] }, of } }
}

const TRAILER = 32

/** The digest at the end of a snapshot is compared while it streams by: the last bytes are held back until more come. */
async function backup(subject: Subject, p: Proving): Promise<Proved> {
  const whole = createHash('sha256')
  const before = createHash('sha256')
  let tail = Buffer.alloc(0)
  let bytes = 0
  const result = await opened(subject, p, (chunk) => {
    whole.update(chunk)
    bytes += chunk.length
    const all = tail.length > 0 ? Buffer.concat([tail, chunk]) : chunk
    const keep = Math.min(TRAILER, all.length)
    before.update(all.subarray(0, all.length - keep))
    tail = Buffer.from(all.subarray(all.length - keep))
    p.onBytes?.(bytes)
    return true
  })
  if ('failed' in result) return result.failed
  const value: OpenedBackup = {
    path: result.name,
    sha256: whole.digest('hex'),
    bytes,
    trailer: bytes > TRAILER && before.digest().equals(tail),
  }
  return { look: { ok: true, value, evidence: evidence(p.system, `${result.name}, opened`, result.of) }, of: result.of }
}

const NEEDED = [
  'cluster.id',
  'cluster.secret',
  'secrets.bootstraptoken',
  'trustdinfo.token',
  'certs.etcd.crt',
  'certs.etcd.key',
  'certs.k8s.crt',
  'certs.k8s.key',
  'certs.k8saggregator.crt',
  'certs.k8saggregator.key',
  'certs.k8sserviceaccount.key',
  'certs.os.crt',
  'certs.os.key',
]

/** Fingerprints and missing fields of a bundle; nothing else of it is kept. */
function publicOf(text: string, name: string): OpenedBundle | undefined {
  const doc = parseDocument(text)
  const value = doc.errors.length === 0 ? plainValue(doc) : undefined
  if (!value || typeof value !== 'object' || !('certs' in value)) return undefined
  const at = (path: string): string => {
    const found = doc.getIn(path.split('.'))
    return typeof found === 'string' ? found : ''
  }
  const fingerprint = (path: string): string => {
    try {
      return createHash('sha256')
        .update(new X509Certificate(Buffer.from(at(path), 'base64')).raw)
        .digest('hex')
    } catch {
      return ''
    }
  }
  const encrypts = at('secrets.secretboxencryptionsecret') || at('secrets.aescbcencryptionsecret')
  return {
    path: name,
    clusterId: plainLine(at('cluster.id'), 100),
    cas: {
      os: fingerprint('certs.os.crt'),
      k8s: fingerprint('certs.k8s.crt'),
      etcd: fingerprint('certs.etcd.crt'),
      aggregator: fingerprint('certs.k8saggregator.crt'),
    },
    missing: [...NEEDED.filter((path) => !at(path)), ...(encrypts ? [] : ['secrets.secretboxencryptionsecret'])],
  }
}

async function bundle(subject: Subject, p: Proving): Promise<Proved> {
  const pieces: Buffer[] = []
  let bytes = 0
  const result = await opened(subject, p, (chunk) => {
    pieces.push(chunk)
    bytes += chunk.length
    return bytes <= A_BUNDLE_HAS
  })
  const plaintext = Buffer.concat(pieces)
  for (const piece of pieces) piece.fill(0)
  const value = 'failed' in result ? undefined : publicOf(plaintext.toString('utf8'), result.name)
  plaintext.fill(0)
  if ('failed' in result) return result.failed
  if (!value) return { look: { ok: false, reason: `${result.name} opens, and is no secrets bundle`, evidence: [] }, of: result.of }
  return { look: { ok: true, value, evidence: evidence(p.system, `${result.name}, opened`, result.of) }, of: result.of }
}

export const PROVERS: Readonly<Record<string, (subject: Subject, proving: Proving) => Promise<Proved>>> = {
  checkedSnapshot: snapshot,
  openedBackup: backup,
  openedBundle: bundle,
}
