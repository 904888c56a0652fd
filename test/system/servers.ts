import { execFileSync, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { expect } from 'vitest'

/** Servers on 127.0.0.1 of every manner, and certificates for them by openssl. */

export const KINDS = {
  Ed25519: ['-algorithm', 'ed25519'],
  'P-256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  RSA: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
}
export type Kind = keyof typeof KINDS

export interface Issued {
  /** PEM. */
  cert: string
  key: string
  der: Buffer
}

export interface Issuer extends Issued {
  /** `extensions` are lines of an openssl extension file. */
  issue: (subject: string, extensions?: string[]) => Issuer
}

/** Makes certificates in a folder of its own. */
export function workshop(): { authority: (subject: string, kind: Kind) => Issuer; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'tp-handshake-'))
  const openssl = (...args: string[]) => void execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  let made = 0
  const issued = (name: string, kind: Kind): Issuer => {
    const read = (end: string) => readFileSync(join(folder, `${name}.${end}`), 'utf8')
    const cert = read('crt')
    return { cert, key: read('key'), der: new X509Certificate(cert).raw, issue: (...of) => issue(name, kind, ...of) }
  }
  const issue = (ca: string, kind: Kind, subject: string, extensions: string[] = []): Issuer => {
    const name = `c${made++}`
    writeFileSync(join(folder, `${name}.ext`), extensions.join('\n'))
    openssl('genpkey', ...KINDS[kind], '-out', `${name}.key`)
    openssl('req', '-new', '-utf8', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`)
    const by = ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`]
    openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.crt`)
    return issued(name, kind)
  }
  return {
    authority: (subject, kind) => {
      const name = `c${made++}`
      openssl('genpkey', ...KINDS[kind], '-out', `${name}.key`)
      openssl('req', '-x509', '-new', '-utf8', '-key', `${name}.key`, '-subj', subject, '-days', '2', '-out', `${name}.crt`)
      return issued(name, kind)
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

const endings: (() => Promise<void>)[] = []

/** Ends the servers of a test; fails where a connection to one of them was left open by whoever made it. */
export async function endServers(): Promise<void> {
  for (const end of endings.splice(0)) await end()
}

/** Starts any server; the answer is its port. */
export async function serve(server: Server, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket)).on('error', () => undefined)
  })
  await new Promise<void>((listening) => server.listen(0, host, listening))
  endings.push(async () => {
    await expect.poll(() => sockets.size, { message: 'connections that are still open' }).toBe(0)
    await new Promise((closed) => server.close(closed))
  })
  return (server.address() as AddressInfo).port
}

/** A TCP server that does this with each connection, and reads what comes. */
export const serveRaw = (with_: (socket: Socket) => void): Promise<number> => serve(createServer((socket) => with_(socket.resume())))

/** A TLS server as Node has it; old versions and short keys are allowed to it. */
export const serveTls = (options: TlsOptions, host?: string, with_: (socket: TLSSocket) => void = () => undefined): Promise<number> =>
  serve(
    createTlsServer({ ciphers: 'TLS_AES_256_GCM_SHA384:DEFAULT@SECLEVEL=0', ...options }, (socket) => {
      with_(socket.on('error', () => undefined))
      socket.resume()
    }),
    host,
  )

/** Stands before another server and lets `most` bytes of its answer through. */
export const serveBeginning = (port: number, most: number): Promise<number> =>
  serveRaw((near) => {
    const far = dial(port, '127.0.0.1').on('error', () => undefined)
    let left = most
    near.on('data', (chunk) => far.write(chunk)).once('close', () => far.destroy())
    far.on('data', (chunk) => {
      near.write(chunk.subarray(0, left))
      left = Math.max(0, left - chunk.length)
    })
  })

/** Stands before another server of TLS 1.2 and spoils its signature, as somebody's would be who has its certificate and not its key. */
export const serveImpostor = (port: number): Promise<number> =>
  serveRaw((near) => {
    const far = dial(port, '127.0.0.1').on('error', () => undefined)
    const flight: Buffer[] = []
    near.on('data', (chunk) => far.write(chunk)).once('close', () => far.destroy())
    far.on('data', (chunk) => {
      flight.push(chunk)
      const all = Buffer.concat(flight)
      if (!all.subarray(-4).equals(Buffer.from([14, 0, 0, 0]))) return
      for (let at = 0, end = 0; at < all.length; at = end) {
        end = at + 5 + all.readUInt16BE(at + 3)
        // the signature is the last thing in a ServerKeyExchange
        if (all[at + 5] === 12) all.writeUInt8(all.readUInt8(end - 1) ^ 1, end - 1)
      }
      const handshakeFailure = Buffer.from([21, 3, 3, 0, 2, 2, 40])
      near.end(Buffer.concat([all, handshakeFailure]))
    })
  })

/** Stands before another server, and hangs up when the client has something to say behind its first record. */
export const serveFirstTurn = (port: number): Promise<number> =>
  serveRaw((near) => {
    const far = dial(port, '127.0.0.1').on('error', () => undefined)
    let said = Buffer.alloc(0)
    near.once('close', () => far.destroy())
    near.on('data', (chunk) => {
      const before = said.length
      said = Buffer.concat([said, chunk])
      const first = said.length < 5 ? 5 : 5 + said.readUInt16BE(3)
      if (said.length > first) near.destroy()
      else far.write(said.subarray(before))
    })
    far.on('data', (chunk) => near.write(chunk))
  })

/** A server of the openssl command line, for what Node's cannot do. */
export async function serveOpenssl(issued: Issued, ...args: string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tp-s_server-'))
  for (const [name, text] of Object.entries({ crt: issued.cert, key: issued.key })) writeFileSync(join(folder, name), text)
  const child = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', '-cert', 'crt', '-key', 'key', ...args], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const exited = new Promise((exit) => child.once('exit', exit))
  endings.push(async () => {
    child.kill('SIGKILL')
    await exited
    rmSync(folder, { recursive: true, force: true })
  })
  for await (const line of createInterface(child.stdout)) {
    const port = /^ACCEPT .*:(\d+)$/.exec(line)?.[1]
    if (port) {
      child.stdout.resume()
      return Number(port)
    }
  }
  throw new Error('openssl s_server did not start')
}

/** A port that neither opens nor refuses: its program stands still, and the few connections that wait for it are all that may. */
export async function serveNobody(): Promise<number> {
  const script =
    'require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () { console.log(this.address().port) })'
  const child = spawn(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [first] = await once(child.stdout, 'data')
  child.kill('SIGSTOP')
  const port = Number(first)
  const waiting = Array.from({ length: 3 }, () => dial(port, '127.0.0.1').on('error', () => undefined))
  await Promise.all(waiting.slice(0, 2).map((socket) => once(socket, 'connect')))
  endings.push(async () => {
    for (const socket of waiting) socket.destroy()
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  return port
}
