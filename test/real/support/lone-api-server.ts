import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, inject } from 'vitest'
import type { Json } from '../../../src/contract.ts'
import { SHORT_RUN } from './cluster.ts'
import { Etcd, endEtcds } from './etcd.ts'

/** A kube-apiserver that runs alone over an etcd, without Talos and without nodes. */

const STARTS_WITHIN_MS = 60_000
const USERS = ['ann', 'bob', 'cleo']
const GROUPS = [[], ['ops'], ['dev'], ['all'], ['ops', 'dev'], ['ops', 'all'], ['dev', 'all']]
export const tokenOf = (user: string, groups: readonly string[]): string => `token-${user}-${groups.join('-')}`

export interface AuditEvent {
  auditID: string
  level: string
  stage: string
  verb: string
  user: { username?: string }
  requestObject?: unknown
  responseObject?: { metadata?: { managedFields?: unknown } }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address ? address.port : 0
}

export class LoneApiServer {
  readonly #child: ChildProcess
  readonly #log: string
  readonly port: number
  said = ''

  constructor(port: number, log: string, args: string[]) {
    this.port = port
    this.#log = log
    this.#child = spawn(join(inject('bin'), 'kube-apiserver'), args, {
      env: { ...process.env, ...SHORT_RUN },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.said += chunk.toString()
    })
  }

  /** Until it has said this, or has ended. */
  async says(pattern: RegExp): Promise<string> {
    const until = Date.now() + STARTS_WITHIN_MS
    while (Date.now() < until && this.#child.exitCode === null && !pattern.test(this.said)) await sleep(50)
    return pattern.exec(this.said)?.[0] ?? `nothing like it: ${this.said.slice(-2000)}`
  }

  async ready(): Promise<void> {
    const until = Date.now() + STARTS_WITHIN_MS
    while (Date.now() < until && this.#child.exitCode === null) {
      if ((await this.ask('GET', '/readyz', tokenOf('cleo', [])).catch(() => undefined)) === 200) return
      await sleep(200)
    }
    throw new Error(`kube-apiserver did not come up: ${this.said.slice(-2000)}`)
  }

  ask(method: string, path: string, token: string | undefined, id: string = randomUUID(), body?: Json): Promise<number> {
    const headers = {
      'Audit-ID': id,
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    }
    return new Promise((resolve, reject) => {
      const sent = httpsRequest({ host: '127.0.0.1', port: this.port, method, path, headers, rejectUnauthorized: false }, (answer) => {
        answer.on('end', () => resolve(answer.statusCode ?? 0)).resume()
      })
      sent.setTimeout(20_000, () => sent.destroy(new Error('no answer'))).on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  events(id: string): AuditEvent[] {
    if (!existsSync(this.#log)) return []
    return readFileSync(this.#log, 'utf8')
      .split('\n')
      .filter((line) => line.includes(id))
      .map((line) => JSON.parse(line) as AuditEvent)
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }
}

export type StartLone = (policy: Json, podSecurity?: Json) => Promise<LoneApiServer>

/** Servers for the tests of a file, each of which is ended after its test. */
export function loneApiServers(): StartLone {
  let etcd: Etcd
  let folder = ''
  const servers: LoneApiServer[] = []

  /** With a policy for the audit log, and with a configuration of the plugin PodSecurity where there is one. */
  const start = async (policy: Json, podSecurity?: Json): Promise<LoneApiServer> => {
    const [port, name] = [await freePort(), randomUUID()]
    const file = (kind: string) => join(folder, `${name}-${kind}`)
    writeFileSync(file('policy'), JSON.stringify(policy))
    const plugins = podSecurity === undefined ? [] : [{ name: 'PodSecurity', configuration: podSecurity }]
    writeFileSync(file('admission'), JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration', plugins }))
    const flags = {
      'etcd-servers': etcd.url,
      'etcd-prefix': `/${name}`,
      'secure-port': port,
      'bind-address': '127.0.0.1',
      'cert-dir': join(folder, 'certificates'),
      'service-account-issuer': 'https://kubernetes.default.svc',
      'service-account-key-file': join(folder, 'key.pub'),
      'service-account-signing-key-file': join(folder, 'key'),
      'token-auth-file': join(folder, 'tokens.csv'),
      'authorization-mode': 'AlwaysAllow',
      'service-cluster-ip-range': '10.96.0.0/24',
      'endpoint-reconciler-type': 'none',
      'watch-cache': 'false',
      'audit-policy-file': file('policy'),
      'audit-log-path': file('log'),
      'admission-control-config-file': file('admission'),
    }
    const server = new LoneApiServer(
      port,
      file('log'),
      Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
    )
    servers.push(server)
    return server
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tp-audit-'))
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    writeFileSync(join(folder, 'key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    writeFileSync(join(folder, 'key.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
    const tokens = USERS.flatMap((user) => GROUPS.map((groups) => `${tokenOf(user, groups)},${user},${user},"${groups.join(',')}"\n`))
    writeFileSync(join(folder, 'tokens.csv'), tokens.join(''), { mode: 0o600 })
    etcd = await Etcd.start('3.6')
  })
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.end()
  })
  afterAll(async () => {
    await endEtcds()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })
  return start
}
