import { connect, isIP, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as secure, type TLSSocket } from 'node:tls'
import { asksForCertificate, type Heard, readHandshake, refused } from './handshake.ts'
import type { Got, Handshake, Network, NoTls, TlsVersion } from './ports.ts'
import type { Ours } from './tls-records.ts'

// an import of this one by name makes Node load its fetch and WebSocket, at every start
const { request } = process.getBuiltinModule('node:http')

const VERSIONS: readonly TlsVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']

/** OpenSSL refuses 1.0, 1.1 and short keys by itself, so that no server would ever be seen to accept them: level 0 takes all of it. */
const CIPHERS = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:DEFAULT@SECLEVEL=0'

/** A server that sends more than this before the connection has served its purpose is not listened to any longer. Bytes. */
const MOST_BYTES = 1 << 16

/** How long a server may think about a client without a certificate before we ask it to say something. Milliseconds. */
const THINKING = 300

interface Wanted {
  host: string
  port: number
  timeoutMs: number
  signal?: AbortSignal | undefined
  protocols?: readonly string[] | undefined
  versions: readonly [TlsVersion, TlsVersion]
}

/** `over`: it ended, by either side, and not because of a limit. */
type Ending = 'refused' | 'silent' | 'aborted' | 'limit' | 'over'

/** A connection that was reset while we still waited to hear that it is open did open. */
const FAILED: Record<string, Ending> = { ECONNREFUSED: 'refused', ECONNRESET: 'over' }

interface Line {
  raw: Socket
  tls: TLSSocket
  /** What the server has shown so far. */
  heard: () => Heard
  /** Whether too many bytes end it. */
  bounded: boolean
  close: () => void
}

interface Told {
  ending: Ending
  /** Whether any byte came. */
  spoke: boolean
  heard: Heard
}

/** A stream for node:tls to speak through, and the bytes that came in on it, up to the bound. */
function tapped(raw: Socket): { wire: Duplex; bytes: () => Buffer } {
  const kept: Buffer[] = []
  let size = 0
  const wire = new Duplex({
    read: () => undefined,
    // that it could not be sent is told by the end of the connection, behind everything that came before it
    write: (chunk, _encoding, done) => void raw.write(chunk, () => done()),
    // the way out stays open, or some would hang up before they have answered our close_notify
    final: (done) => done(),
  })
  wire.on('error', () => undefined)
  raw.on('data', (chunk) => {
    if (size <= MOST_BYTES) kept.push(chunk)
    size += chunk.length
    wire.push(chunk)
  })
  raw.once('close', () => wire.push(null))
  return { wire, bytes: () => Buffer.concat(kept) }
}

function opened({ host, port, versions: [minVersion, maxVersion], protocols }: Wanted): Line {
  const ours: Ours = {}
  const raw = connect({ host, port })
  const { wire, bytes } = tapped(raw)
  const tls = secure({
    socket: wire,
    // RFC 6066 3: an address is no server name
    servername: isIP(host) ? '' : host,
    ...(protocols ? { ALPNProtocols: [...protocols] } : {}),
    minVersion,
    maxVersion,
    ciphers: CIPHERS,
    rejectUnauthorized: false,
    // nothing is verified, so no list of CAs is loaded
    ca: [],
  })
  tls.on('keylog', (text: Buffer) => noteSecret(ours, text.toString('latin1')))
  tls.once('secureConnect', () => {
    ours.done = true
  })
  return {
    raw,
    tls,
    heard: () => readHandshake(bytes(), ours),
    bounded: true,
    close: () => {
      for (const stream of [tls, wire, raw]) stream.destroy()
    },
  }
}

const TICK = 250

/**
 * So many milliseconds in which this process itself was running: one that was kept busy must not take that for somebody's silence,
 * for it is told of timers before it is told of answers. The answer stops it.
 */
function after(ms: number, then: () => void): () => void {
  const tick = Math.max(1, Math.min(TICK, ms / 4))
  let left = Math.ceil(ms / tick)
  const timer = setInterval(() => {
    left -= 1
    if (left > 0) return
    clearInterval(timer)
    then()
  }, tick)
  return () => clearInterval(timer)
}

/** Tells when a line ends, whoever ends it; the answer stops the watch. */
function watch(line: Line, { timeoutMs, signal }: Wanted, end: (ending: Ending) => void): () => void {
  const { raw, tls } = line
  let connected = false
  raw.once('connect', () => {
    connected = true
  })
  raw.on('error', (error: NodeJS.ErrnoException) => {
    if (!connected) end(FAILED[error.code ?? ''] ?? 'silent')
  })
  raw.on('data', () => line.bounded && raw.bytesRead > MOST_BYTES && end('over'))
  tls.on('error', () => end('over'))
  tls.on('close', () => end('over'))
  const stop = after(timeoutMs, () => end(connected ? 'limit' : 'silent'))
  const abort = () => end('aborted')
  signal?.addEventListener('abort', abort)
  return () => {
    stop()
    signal?.removeEventListener('abort', abort)
  }
}

/** Opens one connection, lets `follow` have it, and tells what had come when it ended. Nothing of it is left when the answer is there. */
function call(wanted: Wanted, follow: (line: Line, end: () => void) => void): Promise<Told> {
  if (wanted.signal?.aborted) return Promise.resolve({ ending: 'aborted', spoke: false, heard: readHandshake(Buffer.alloc(0), {}) })
  return new Promise((resolve) => {
    const line = opened(wanted)
    let told: Told | undefined
    const end = (ending: Ending) => {
      if (told) return
      const answer = { ending, spoke: line.raw.bytesRead > 0, heard: line.heard() }
      told = answer
      stopWatching()
      if (line.raw.closed) resolve(answer)
      else line.raw.once('close', () => resolve(answer))
      line.close()
    }
    const stopWatching = watch(line, wanted, end)
    follow(line, () => end('over'))
  })
}

/** A line of the key log: label, client random, secret (https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-02.html). */
function noteSecret(ours: Ours, text: string): void {
  const [label, , secret] = text.trim().split(' ')
  if (label === 'SERVER_HANDSHAKE_TRAFFIC_SECRET') ours.handshake = Buffer.from(secret ?? '', 'hex')
  if (label === 'SERVER_TRAFFIC_SECRET_0') ours.traffic = Buffer.from(secret ?? '', 'hex')
  if (label === 'CLIENT_RANDOM') ours.master = true
}

/**
 * Calls `go` when our side of the handshake is done and the server has gone on without a certificate of ours, or has been quiet
 * for a while (then with false). Nothing is sent meanwhile: a server that hangs up with something of ours unread resets the
 * connection, and its alert can get lost on the way.
 */
function whenJudged({ raw, tls, heard }: Line, end: () => void, go: (judged: boolean) => void): void {
  const judged = () => !heard().asks || heard().accepted
  tls.once('secureConnect', () => {
    if (judged()) return go(true)
    if (raw.closed) return end()
    const then = (next: () => void) => () => {
      clearTimeout(timer)
      raw.off('data', look).off('close', closed)
      next()
    }
    const quiet = then(() => go(false))
    const spoke = then(() => go(true))
    const closed = then(end)
    const look = () => judged() && spoke()
    const timer = setTimeout(quiet, THINKING)
    raw.on('data', look).once('close', closed)
  })
}

function noTls({ ending, spoke, heard }: Told): NoTls | undefined {
  if (ending === 'refused' || ending === 'silent' || ending === 'aborted') return { answer: ending }
  if (!spoke) return { answer: 'mute' }
  return heard.complete && heard.proven ? undefined : { answer: 'not tls', ...(heard.alert === undefined ? {} : { alert: heard.alert }) }
}

/** What a server makes of a client that speaks this version alone. */
async function accepts(wanted: Wanted, version: TlsVersion): Promise<'yes' | 'no' | 'unclear'> {
  const { ending, heard } = await call({ ...wanted, versions: [version, version] }, ({ tls }, end) => tls.once('secureConnect', end))
  if (heard.complete && heard.protocol === version) return 'yes'
  return ending === 'over' ? 'no' : 'unclear'
}

const handshake: Network['handshake'] = async (host, port, options): Promise<Handshake> => {
  const wanted: Wanted = { host, port, ...options, versions: ['TLSv1', 'TLSv1.3'] }
  const told = await call(wanted, (line, end) =>
    whenJudged(line, end, (judged) => {
      if (judged) end()
      else line.tls.once('end', end).resume().end()
    }),
  )
  const none = noTls(told)
  const { protocol, certificates, authorities, alpn } = told.heard
  if (none || !protocol) return none ?? { answer: 'not tls' }
  const tried = await Promise.all(VERSIONS.map((version) => (version === protocol ? 'yes' : accepts(wanted, version))))
  if (options.signal?.aborted) return { answer: 'aborted' }
  return {
    answer: 'tls',
    protocol,
    accepts: VERSIONS.filter((_, i) => tried[i] === 'yes'),
    unclear: VERSIONS.filter((_, i) => tried[i] === 'unclear'),
    certificates,
    asksForCertificate: asksForCertificate(told.heard),
    authorities,
    ...(alpn === undefined ? {} : { alpn }),
  }
}

const get: Network['get'] = async (url, options): Promise<Got> => {
  let got: Got | undefined
  const told = await call({ ...url, ...options, versions: ['TLSv1', 'TLSv1.3'] }, (line, end) =>
    whenJudged(line, end, () => {
      // the head of an answer has a bound in node:http, and its body may come with it
      line.bounded = false
      const asking = request({ ...url, createConnection: () => line.tls, headers: { connection: 'close' } })
      asking.once('response', ({ statusCode = 0, headers: { date } }) => {
        got = { answer: 'status', status: statusCode, ...(date === undefined ? {} : { date }) }
        end()
      })
      asking.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code?.startsWith('HPE_')) got ??= { answer: 'not http' }
        end()
      })
      asking.end()
    }),
  )
  return got ?? noTls(told) ?? { answer: refused(told.heard) ? 'certificate required' : 'mute' }
}

/** The network as it is. */
export const network: Network = {
  connect: (host, port, timeoutMs) =>
    new Promise((resolve) => {
      const socket = connect({ host, port })
      const end = (answer: 'open' | 'refused' | 'silent') => {
        stop()
        socket.destroy()
        resolve(answer)
      }
      const stop = after(timeoutMs, () => end('silent'))
      socket.once('connect', () => end('open'))
      socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED' ? 'refused' : 'silent'))
    }),
  hold: async (host, port, count, timeoutMs) => {
    const sockets = Array.from({ length: count }, () => connect({ host, port, timeout: timeoutMs }))
    const opened = await Promise.all(sockets.map(opens))
    return {
      open: opened.filter(Boolean).length,
      release: () => {
        for (const socket of sockets) socket.destroy()
      },
    }
  },
  handshake,
  get,
}

const opens = (socket: Socket): Promise<boolean> =>
  new Promise((resolve) => {
    socket.once('connect', () => {
      socket.setTimeout(0)
      resolve(true)
    })
    // an error may still come while it is held
    socket.on('error', () => resolve(false))
    socket.once('timeout', () => {
      resolve(false)
      socket.destroy()
    })
    socket.resume()
  })
