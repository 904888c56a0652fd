import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import type { RealCluster } from './cluster.ts'

/** Client certificates that nobody should have, made with openssl from the CA of a cluster or from one of our own. */

export interface ClientCertificate {
  /** Base64 of PEM, as a talosconfig holds them. */
  crt: string
  key: string
}

// Talos writes the standard encoding under a label of its own
const forOpenssl = (pem: string): string => pem.replaceAll('ED25519 PRIVATE KEY', 'PRIVATE KEY')
const forTalos = (pem: string): string => pem.replaceAll(' PRIVATE KEY', ' ED25519 PRIVATE KEY')
const decoded = (text: string): string => Buffer.from(text, 'base64').toString('utf8')
const encoded = (text: string): string => Buffer.from(text).toString('base64')

function within<T>(work: (folder: string, openssl: (...args: string[]) => void) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'tp-certificates-'))
  try {
    return work(folder, (...args) => void execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] }))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A certificate for this organization, from the CA of the cluster, or from one that it has never seen. */
export function certificateFor(organization: string, ca: RealCluster | 'foreign'): ClientCertificate {
  return within((folder, openssl) => {
    const read = (name: string) => readFileSync(join(folder, name), 'utf8')
    if (ca === 'foreign') {
      openssl('genpkey', '-algorithm', 'ed25519', '-out', 'ca.key')
      openssl('req', '-x509', '-new', '-key', 'ca.key', '-subj', '/O=talos', '-days', '30', '-out', 'ca.crt')
    } else {
      const { certs } = parseDocument(readFileSync(ca.secrets, 'utf8')).toJS() as { certs: { os: { crt: string; key: string } } }
      writeFileSync(join(folder, 'ca.crt'), decoded(certs.os.crt))
      writeFileSync(join(folder, 'ca.key'), forOpenssl(decoded(certs.os.key)), { mode: 0o600 })
    }
    writeFileSync(join(folder, 'client.ext'), 'keyUsage=digitalSignature\nextendedKeyUsage=clientAuth\n')
    openssl('genpkey', '-algorithm', 'ed25519', '-out', 'client.key')
    openssl('req', '-new', '-key', 'client.key', '-subj', `/O=${organization}`, '-out', 'client.csr')
    openssl(
      'x509',
      '-req',
      '-in',
      'client.csr',
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-days',
      '7',
      '-extfile',
      'client.ext',
      '-out',
      'client.crt',
    )
    return { crt: encoded(read('client.crt')), key: encoded(forTalos(read('client.key'))) }
  })
}
