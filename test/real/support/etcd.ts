import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { connect } from 'node:http2'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { inject } from 'vitest'
import { eventually } from './nodes.ts'

/** A bare etcd on loopback, spoken to through its JSON gateway, and the etcdutl of each version. */

export const ETCD_VERSIONS = ['3.6', '3.7'] as const
export type EtcdVersion = (typeof ETCD_VERSIONS)[number]

/** What `etcdutl snapshot status -w json` prints. */
export interface Status {
  hash: number
  revision: number
  totalKey: number
  totalSize: number
  version: string
}

export interface Told {
  code: number | null
  stdout: string
  stderr: string
}

const STARTS_WITHIN_MS = 60_000

/** A field of a protobuf message. */
function field(number: number, bytes: Buffer): Buffer {
  const length: number[] = []
  for (let left = bytes.length; ; left >>>= 7) {
    length.push(left > 127 ? (left & 127) | 128 : left)
    if (left < 128) break
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes])
}
const encoded = (value: string | Buffer): string => Buffer.from(value).toString('base64')

const running = new Set<Etcd>()

/** For `afterEach`: ends what still runs and takes its folder away. */
export async function endEtcds(): Promise<void> {
  for (const etcd of running) await etcd.leave()
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

export class Etcd {
  readonly folder: string
  readonly url: string
  #child: ChildProcess

  private constructor(child: ChildProcess, folder: string, url: string) {
    this.#child = child
    this.folder = folder
    this.url = url
    running.add(this)
  }

  /** @param below where its data goes, for a lot of it */
  static async start(version: EtcdVersion, below = tmpdir()): Promise<Etcd> {
    const folder = mkdtempSync(join(below, 'tp-etcd-'))
    const [client, peer] = [await freePort(), await freePort()].map((port) => `http://127.0.0.1:${port}`) as [string, string]
    const args = {
      name: 'one',
      'data-dir': join(folder, 'data'),
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': `one=${peer}`,
      'quota-backend-bytes': String(8 << 30),
      'log-level': 'fatal',
    }
    const child = spawn(
      join(inject('bin'), `etcd-${version}`),
      ['--unsafe-no-fsync', ...Object.entries(args).flatMap(([k, v]) => [`--${k}`, v])],
      { stdio: 'ignore', env: {} },
    )
    const etcd = new Etcd(child, folder, client)
    for (const begun = Date.now(); ; await new Promise((done) => setTimeout(done, 50))) {
      if (
        await fetch(`${client}/health`).then(
          (r) => r.ok,
          () => false,
        )
      )
        return etcd
      if (child.exitCode !== null || Date.now() - begun > STARTS_WITHIN_MS) throw new Error(`etcd ${version} did not start`)
    }
  }

  async #ask(path: string, body: object): Promise<Response> {
    const answer = await fetch(`${this.url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`)
    return answer
  }

  async put(key: string, value: string | Buffer): Promise<void> {
    await (await this.#ask('kv/put', { key: encoded(key), value: encoded(value) })).text()
  }

  /** One value below many keys, past the gateway: for a large one, encoding it as JSON takes longer than everything else. */
  async putMany(keys: readonly string[], value: Buffer): Promise<void> {
    const session = connect(this.url)
    try {
      for (const key of keys) {
        const message = Buffer.concat([field(1, Buffer.from(key)), field(2, value)])
        const head = Buffer.alloc(5)
        head.writeUInt32BE(message.length, 1)
        const call = session.request({
          ':method': 'POST',
          ':path': '/etcdserverpb.KV/Put',
          'content-type': 'application/grpc',
          te: 'trailers',
        })
        const trailers = once(call, 'trailers')
        call.resume().end(Buffer.concat([head, message]))
        const [{ 'grpc-status': status, 'grpc-message': reason }] = await trailers
        if (status !== '0') throw new Error(`put of ${key}: ${reason}`)
      }
    } finally {
      session.close()
    }
  }

  async remove(key: string): Promise<void> {
    await (await this.#ask('kv/deleterange', { key: encoded(key) })).text()
  }

  /** Waits until it has written which version its storage has, which it looks after every few seconds. */
  storageVersion(): Promise<string> {
    return eventually('etcd says which version its storage has', async () => {
      const { storageVersion } = (await (await this.#ask('maintenance/status', {})).json()) as { storageVersion?: string }
      return storageVersion || undefined
    })
  }

  /** Drops every revision but the newest, and waits until they are gone from the database. */
  async compact(): Promise<void> {
    const { header } = (await (await this.#ask('kv/range', { key: encoded('x') })).json()) as { header: { revision: string } }
    await (await this.#ask('kv/compaction', { revision: header.revision, physical: true })).text()
  }

  async members(): Promise<{ id: string; name: string }[]> {
    const { members } = (await (await this.#ask('cluster/member/list', {})).json()) as { members: { ID: string; name: string }[] }
    return members.map(({ ID, name }) => ({ id: BigInt(ID).toString(16), name }))
  }

  /** Writes what the gateway streams: a line for each piece, of which the last is the checksum. */
  async snapshot(path: string): Promise<void> {
    const { body } = await this.#ask('maintenance/snapshot', {})
    const file = openSync(path, 'w', 0o600)
    try {
      for await (const line of createInterface(Readable.fromWeb(body as never))) {
        const { result } = JSON.parse(line) as { result: { blob?: string } }
        writeSync(file, Buffer.from(result.blob ?? '', 'base64'))
      }
    } finally {
      closeSync(file)
    }
  }

  /** Ends it; returns its database. */
  async stop(): Promise<string> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM')
      await once(this.#child, 'exit')
    }
    return join(this.folder, 'data', 'member', 'snap', 'db')
  }

  async leave(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
    running.delete(this)
  }
}

export function etcdutl(version: EtcdVersion, ...args: string[]): Told {
  const ran = spawnSync(join(inject('bin'), `etcdutl-${version}`), args, { encoding: 'utf8', timeout: 60_000, env: {} })
  return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr }
}

export function statusOf(version: EtcdVersion, path: string): Status {
  const told = etcdutl(version, 'snapshot', 'status', path, '--write-out', 'json')
  if (told.code !== 0) throw new Error(`etcdutl ${version}: ${told.stderr}`)
  return JSON.parse(told.stdout) as Status
}

/** Restores into a folder that is taken away again. */
export function restore(version: EtcdVersion, path: string): Told {
  const folder = mkdtempSync(join(tmpdir(), 'tp-restored-'))
  try {
    return etcdutl(version, 'snapshot', 'restore', path, '--data-dir', join(folder, 'data'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
