import { createHash, X509Certificate } from 'node:crypto'
import { parseDocument } from 'yaml'
import { plainLine } from '../contract.ts'
import type { TalosContext } from '../domain/observations.ts'
import { knownRoles } from '../domain/roles.ts'
import { certificatesIn } from './kubeconfig.ts'
import { plainValue } from './parse.ts'

/**
 * Reads a talosconfig: certificates in, keys left where they are.
 * https://docs.siderolabs.com/talos/v1.13/learn-more/talosctl
 */

interface RawContext {
  endpoints?: unknown
  nodes?: unknown
  ca?: unknown
  crt?: unknown
  key?: unknown
  auth?: unknown
}

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((v) => typeof v === 'string').map((v) => plainLine(v, 100)) : []

const fingerprint = (der: Buffer): string => createHash('sha256').update(der).digest('hex')

function certificateIn(base64: unknown): X509Certificate | undefined {
  if (typeof base64 !== 'string') return undefined
  try {
    return new X509Certificate(Buffer.from(base64, 'base64'))
  } catch {
    return undefined
  }
}

/** Every organization of a subject; Talos roles are organizations. Several stand in one name, which the subject as text runs together. */
const organizations = (cert: X509Certificate): string[] => [(cert.toLegacyObject().subject.O as string | string[] | undefined) ?? []].flat()

/** The contexts of one file, or why it cannot be read. Keys are never in the result. */
export function parseTalosconfig(source: string, file: string): { contexts: TalosContext[] } | { problem: string } {
  const doc = parseDocument(source)
  if (doc.errors.length > 0) return { problem: `is not YAML (line ${doc.errors[0]?.linePos?.[0]?.line ?? 1})` }
  const value = plainValue(doc)
  const contexts =
    value && typeof value === 'object' && 'contexts' in value ? (value as { context?: unknown; contexts: unknown }) : undefined
  if (!contexts || typeof contexts.contexts !== 'object' || contexts.contexts === null)
    return { problem: 'holds no contexts, so it is no talosconfig' }
  return {
    contexts: Object.entries(contexts.contexts as Record<string, RawContext | null>).map(([name, raw]) =>
      readContext(name, raw ?? {}, file, contexts.context === name),
    ),
  }
}

function readContext(name: string, raw: RawContext, file: string, current: boolean): TalosContext {
  const ca = certificateIn(raw.ca)
  const crt = certificateIn(raw.crt)
  const context: TalosContext = {
    name: plainLine(name, 100),
    file,
    current,
    endpoints: texts(raw.endpoints),
    nodes: texts(raw.nodes),
    roles: crt ? knownRoles(organizations(crt)) : [],
    ca: ca ? fingerprint(ca.raw) : '',
    certificate: crt ? fingerprint(crt.raw) : '',
    notBefore: crt ? new Date(crt.validFrom).toISOString() : '',
    notAfter: crt ? new Date(crt.validTo).toISOString() : '',
  }
  const problem = raw.auth
    ? 'signs in through Omni, not with a certificate'
    : !crt
      ? 'has no client certificate that can be read'
      : !ca
        ? 'has no CA certificate that can be read'
        : context.endpoints.length === 0
          ? 'has no endpoints'
          : undefined
  return { ...context, ...(problem ? { problem } : {}), ...(raw.auth ? { managedBy: 'Omni' } : {}) }
}

/** The CA certificates of a context in DER; a rotation puts two of them behind one another. */
export function talosCasOf(source: string, context: string): Buffer[] {
  const doc = parseDocument(source)
  const value = (doc.errors.length === 0 ? plainValue(doc) : undefined) as { contexts?: Record<string, RawContext | null> } | undefined
  const ca = value?.contexts?.[context]?.ca
  return typeof ca === 'string' ? certificatesIn(Buffer.from(ca, 'base64').toString('latin1')) : []
}
