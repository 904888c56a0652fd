import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import type { RealCluster } from './cluster.ts'
import { nodeOf } from './nodes.ts'

/** Writes into the etcd of a cluster past everything else, with a certificate from its own CA. */

const decoded = (text: string): string => Buffer.from(text, 'base64').toString('utf8')
const encoded = (text: string): string => Buffer.from(text).toString('base64')

export class TalosEtcd {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tp-talos-etcd-'))
  readonly #url: string

  constructor(cluster: RealCluster) {
    // 1.14 serves HTTP on a port of its own
    this.#url = `https://${nodeOf(cluster, 'cp1').address}:${cluster.version === '1.14' ? 2383 : 2379}`
    const { certs } = parseDocument(readFileSync(cluster.secrets, 'utf8')).toJS() as { certs: { etcd: { crt: string; key: string } } }
    const write = (name: string, text: string) => writeFileSync(join(this.#folder, name), text, { mode: 0o600 })
    write('ca.crt', decoded(certs.etcd.crt))
    write('ca.key', decoded(certs.etcd.key))
    write('client.ext', 'extendedKeyUsage=clientAuth\n')
    const openssl = (...args: string[]) => void execFileSync('openssl', args, { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] })
    openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'client.key', '-subj', '/CN=root', '-out', 'client.csr')
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-days', '1', '-extfile', 'client.ext']
    openssl('x509', '-req', '-in', 'client.csr', ...signed, '-out', 'client.crt')
  }

  #ask(path: string, body: object): void {
    const tls = ['--cacert', 'ca.crt', '--cert', 'client.crt', '--key', 'client.key']
    execFileSync(
      'curl',
      ['--silent', '--show-error', '--fail', '--max-time', '20', ...tls, '--data', JSON.stringify(body), this.#url + path],
      {
        cwd: this.#folder,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
  }

  put(key: string, value: string): void {
    this.#ask('/v3/kv/put', { key: encoded(key), value: encoded(value) })
  }

  remove(key: string): void {
    this.#ask('/v3/kv/deleterange', { key: encoded(key) })
  }

  leave(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
