import { X509Certificate } from 'node:crypto'
import { parseDocument } from 'yaml'
import { isMap, plainLine } from '../contract.ts'
import { plainValue } from './parse.ts'

/**
 * Reads a kubeconfig without running what it names: servers, CAs and how it signs in, never a credential.
 * https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */

export interface KubeContext {
  name: string
  /** `https://10.0.0.10:6443`. */
  server: string
  /** The CAs of the API server in DER; empty where the file names another one for them, or none. */
  ca: Buffer[]
  /** The file that holds them, where they are not inside. */
  caFile?: string
  signsIn: 'certificate' | 'token' | 'helper' | 'nothing'
  current: boolean
}

type Raw = Record<string, unknown>
const named = (list: unknown, field: string): Map<string, Raw> =>
  new Map(
    (Array.isArray(list) ? list : [])
      .filter(isMap)
      .flatMap((item) => (typeof item.name === 'string' && isMap(item[field]) ? [[item.name, item[field] as Raw] as const] : [])),
  )

/** Every certificate of a PEM text, in DER; what is none is left out. */
export function certificatesIn(pem: string): Buffer[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).flatMap((text) => {
    try {
      return [new X509Certificate(text).raw]
    } catch {
      return []
    }
  })
}

function signsIn(user: Raw | undefined): KubeContext['signsIn'] {
  if (!user) return 'nothing'
  if (user.exec || user['auth-provider']) return 'helper'
  if (user.token || user.tokenFile || user.username) return 'token'
  return user['client-certificate-data'] || user['client-certificate'] ? 'certificate' : 'nothing'
}

/** The contexts of one file, or why it cannot be read. */
export function parseKubeconfig(source: string): { contexts: KubeContext[] } | { problem: string } {
  const doc = parseDocument(source)
  if (doc.errors.length > 0) return { problem: `is not YAML (line ${doc.errors[0]?.linePos?.[0]?.line ?? 1})` }
  const value = plainValue(doc)
  if (!isMap(value) || !Array.isArray(value.contexts)) return { problem: 'holds no contexts, so it is no kubeconfig' }
  const clusters = named(value.clusters, 'cluster')
  const users = named(value.users, 'user')
  return {
    contexts: [...named(value.contexts, 'context')].map(([name, context]): KubeContext => {
      const cluster = clusters.get(String(context.cluster)) ?? {}
      const inside = cluster['certificate-authority-data']
      const file = cluster['certificate-authority']
      return {
        name: plainLine(name, 100),
        server: plainLine(String(cluster.server ?? ''), 200),
        ca: typeof inside === 'string' ? certificatesIn(Buffer.from(inside, 'base64').toString('latin1')) : [],
        ...(typeof file === 'string' ? { caFile: file } : {}),
        signsIn: signsIn(users.get(String(context.user))),
        current: value['current-context'] === name,
      }
    }),
  }
}
