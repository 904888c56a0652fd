import { createDecipheriv, createHmac } from 'node:crypto'
import type { TlsVersion } from './ports.ts'

/**
 * What a TLS server sent, taken apart: records (RFC 8446 5, RFC 5246 6.2), decrypted where the version is 1.3, and the messages in
 * them. Pure, and made for bytes of anybody: what is malformed or was not meant for us ends the reading.
 */

/** What our side of the connection knows: secrets as `keylog` of node:tls gives them, and how far it has gone. */
export interface Ours {
  /** TLS 1.3: SERVER_HANDSHAKE_TRAFFIC_SECRET and SERVER_TRAFFIC_SECRET_0. */
  handshake?: Buffer
  traffic?: Buffer
  /** TLS 1.2 and older: there is a master secret, so the server's part was taken for good. */
  master?: boolean
  /** The handshake is done for us. */
  done?: boolean
}

export interface Message {
  /** HandshakeType (RFC 8446 4): 2 ServerHello, 4 NewSessionTicket, 11 Certificate, 13 CertificateRequest, … */
  type: number
  body: Buffer
}

interface ServerHello {
  /** Undefined for a version that is not of TLS 1.0 to 1.3. */
  version: TlsVersion | undefined
  cipher: number
  extensions: Map<number, Buffer>
  /** Asks for another ClientHello; the real one follows. */
  retry: boolean
}

export interface Flow {
  hello?: ServerHello
  messages: Message[]
  /** The first alert that ends the connection, by its number (RFC 8446 6). */
  alert?: number
  /** TLS 1.3: the server said close_notify after its handshake. */
  closed: boolean
  /** TLS 1.3: application data came. */
  data: boolean
  /** TLS 1.2 and older: the server changed to its keys, which it does when it has taken everything that the client had to show. */
  changed: boolean
}

const CHANGE_CIPHER_SPEC = 20
const ALERT = 21
const HANDSHAKE = 22
const APPLICATION_DATA = 23
/** The largest body of a record: 2^14 and what encryption may add, which is more in 1.2 (RFC 5246 6.2.3). Bytes. */
const MOST_IN_RECORD = (1 << 14) + 2048
const TAG = 16

const CLOSE_NOTIFY = 0
const USER_CANCELED = 90
const FATAL = 2

const SUPPORTED_VERSIONS = 43
const VERSIONS: Record<number, TlsVersion> = { 769: 'TLSv1', 770: 'TLSv1.1', 771: 'TLSv1.2', 772: 'TLSv1.3' }
/** SHA-256 of "HelloRetryRequest" in the place of the random (RFC 8446 4.1.3). */
const RETRY = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c'

/** RFC 8446 B.4. The two of CCM are not offered by OpenSSL unless they are asked for. */
const CIPHERS: Record<number, { name: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305'; key: number; hash: string }> = {
  4865: { name: 'aes-128-gcm', key: 16, hash: 'sha256' },
  4866: { name: 'aes-256-gcm', key: 32, hash: 'sha384' },
  4867: { name: 'chacha20-poly1305', key: 32, hash: 'sha256' },
}

/**
 * Reads big-endian numbers and vectors with a length before them (RFC 8446 3). Sizes are in bytes.
 * @throws RangeError where there is less than is asked for.
 */
export function cursor(bytes: Buffer): {
  take: (n: number) => Buffer
  number: (n: number) => number
  vector: (n: number) => Buffer
  more: () => boolean
} {
  let at = 0
  const take = (n: number): Buffer => {
    if (at + n > bytes.length) throw new RangeError('less than was announced')
    at += n
    return bytes.subarray(at - n, at)
  }
  const number = (n: number): number => take(n).readUIntBE(0, n)
  return { take, number, vector: (n) => take(number(n)), more: () => at < bytes.length }
}

/** Extensions by their number (RFC 8446 4.2). @throws RangeError */
export function extensionsIn(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>()
  for (const c = cursor(bytes); c.more(); ) found.set(c.number(2), c.vector(2))
  return found
}

function readServerHello(body: Buffer): ServerHello {
  const c = cursor(body)
  const legacy = c.number(2)
  const retry = c.take(32).toString('hex') === RETRY
  c.vector(1)
  const cipher = c.number(2)
  c.take(1)
  const extensions = c.more() ? extensionsIn(c.vector(2)) : new Map<number, Buffer>()
  const version = extensions.get(SUPPORTED_VERSIONS)?.readUInt16BE(0) ?? legacy
  return { version: VERSIONS[version], cipher, extensions, retry }
}

interface Key {
  cipher: (typeof CIPHERS)[number]
  key: Buffer
  iv: Buffer
  /** Number of the next record under this key. */
  sequence: number
}

/** HKDF-Expand-Label without context (RFC 8446 7.1); one round of HKDF-Expand is enough, as no key is longer than its hash. */
function expanded(secret: Buffer, hash: string, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`)
  const info = Buffer.concat([Buffer.from([length >> 8, length & 0xff, name.length]), name, Buffer.from([0, 1])])
  return createHmac(hash, secret).update(info).digest().subarray(0, length)
}

/** Key and IV of a traffic secret (RFC 8446 7.3). */
function keyOf(secret: Buffer | undefined, suite: number): Key {
  const cipher = CIPHERS[suite]
  if (!secret || !cipher) throw new RangeError('no key for what follows')
  return { cipher, key: expanded(secret, cipher.hash, 'key', cipher.key), iv: expanded(secret, cipher.hash, 'iv', 12), sequence: 0 }
}

interface Content {
  type: number
  bytes: Buffer
}

/** RFC 8446 5.2, 5.3: the content with its type behind it and zeros behind that. */
function opened(key: Key, header: Buffer, body: Buffer): Content {
  const nonce = Buffer.from(key.iv)
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ key.sequence++) >>> 0, 8)
  if (body.length < TAG) throw new RangeError('less than a tag')
  const decipher = createDecipheriv(key.cipher.name as 'aes-128-gcm', key.key, nonce, { authTagLength: TAG })
  decipher.setAAD(header).setAuthTag(body.subarray(-TAG))
  const inner = Buffer.concat([decipher.update(body.subarray(0, -TAG)), decipher.final()])
  const end = inner.findLastIndex((byte) => byte !== 0)
  return { type: inner[end] ?? 0, bytes: inner.subarray(0, Math.max(0, end)) }
}

interface Reading {
  flow: Flow
  ours: Ours
  key?: Key
  underTrafficKey: boolean
  /** A message whose end has not come yet. */
  pending: Buffer
}

/**
 * Reads what a server sent from its first byte on. `bytes` may end anywhere. Messages of TLS 1.3 behind its ServerHello are in the
 * result as far as the secrets of `ours` reach. Never throws.
 */
export function readFlow(bytes: Buffer, ours: Ours): Flow {
  const flow: Flow = { messages: [], closed: false, data: false, changed: false }
  const reading: Reading = { flow, ours, underTrafficKey: false, pending: Buffer.alloc(0) }
  try {
    for (const c = cursor(bytes); c.more() && !flow.changed; ) {
      const header = c.take(5)
      const length = header.readUInt16BE(3)
      if (header[1] !== 3 || length > MOST_IN_RECORD) break
      readRecord(reading, header, c.take(length))
    }
  } catch {
    // what was read up to here stands: the rest is cut off, malformed, or under a key that we do not have
  }
  return flow
}

function readRecord(reading: Reading, header: Buffer, body: Buffer): void {
  const { flow, key } = reading
  const type = header[0] ?? 0
  if (type === CHANGE_CIPHER_SPEC) {
    // 1.3 sends it for the sake of boxes in between, and it means nothing there (RFC 8446 D.4)
    flow.changed = flow.hello !== undefined && flow.hello.version !== 'TLSv1.3'
    return
  }
  if (key && type !== APPLICATION_DATA) throw new RangeError('in the clear, where nothing may be any more')
  const content = key ? opened(key, header, body) : { type, bytes: body }
  if (content.type === ALERT) readAlert(reading, content.bytes)
  else if (content.type === HANDSHAKE) readMessages(reading, content.bytes)
  else if (content.type === APPLICATION_DATA && reading.underTrafficKey) flow.data = true
  else throw new RangeError('nothing that belongs here')
}

function readAlert({ flow, key, underTrafficKey }: Reading, bytes: Buffer): void {
  const [level, code] = [bytes.readUInt8(0), bytes.readUInt8(1)]
  if (code === CLOSE_NOTIFY) flow.closed ||= underTrafficKey
  // older versions warn and go on; in 1.3 the level says nothing (RFC 8446 6)
  else if ((key && code !== USER_CANCELED) || level === FATAL) flow.alert ??= code
}

function readMessages(reading: Reading, bytes: Buffer): void {
  reading.pending = Buffer.concat([reading.pending, bytes])
  while (reading.pending.length >= 4) {
    const end = 4 + reading.pending.readUIntBE(1, 3)
    if (reading.pending.length < end) return
    const message = { type: reading.pending.readUInt8(0), body: reading.pending.subarray(4, end) }
    reading.pending = reading.pending.subarray(end)
    takeMessage(reading, message)
  }
}

const SERVER_HELLO = 2
const FINISHED = 20
const KEY_UPDATE = 24

function takeMessage(reading: Reading, message: Message): void {
  const { flow, ours } = reading
  const clear = !flow.hello || flow.hello.version === 'TLSv1.3'
  if (clear && (message.type === SERVER_HELLO) === (reading.key !== undefined)) throw new RangeError('not in its order')
  flow.messages.push(message)
  if (message.type === SERVER_HELLO) flow.hello = readServerHello(message.body)
  if (flow.hello?.version !== 'TLSv1.3') return
  if (message.type === KEY_UPDATE) throw new RangeError('the next key is not followed')
  const hello = message.type === SERVER_HELLO && !flow.hello.retry
  if (!hello && message.type !== FINISHED) return
  // or somebody in between could put a Finished of their own behind a ServerHello
  if (reading.pending.length > 0) throw new RangeError('a record goes on behind a change of keys (RFC 8446 5.1)')
  reading.key = keyOf(hello ? ours.handshake : ours.traffic, flow.hello.cipher)
  reading.underTrafficKey = !hello
}
