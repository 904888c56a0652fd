import { nameText } from './der.ts'
import type { AsksForCertificate, TlsVersion } from './ports.ts'
import { cursor, extensionsIn, type Flow, type Message, type Ours, readFlow } from './tls-records.ts'

/**
 * What a TLS server shows of itself before a client has shown anything: the bytes that it sent, read. node:tls gives neither the
 * certificates as they were sent nor the request for ours.
 */

export interface Heard {
  /** Absent until there is a ServerHello. */
  protocol?: TlsVersion
  /** Everything that the server says before it wants something of the client is there and well-formed. */
  complete: boolean
  /**
   * It has signed with the key of its certificate, and our side took the signature. Without this the certificates may be anybody's:
   * they are public.
   */
  proven: boolean
  /** DER, leaf first. */
  certificates: Buffer[]
  asks: boolean
  authorities: string[]
  alpn?: string
  /** The server went on though we had no certificate. */
  accepted: boolean
  /** TLS 1.3: application data came. */
  data: boolean
  /** The alert that it ended the connection with. */
  alert?: number
}

const TYPE = {
  ticket: 4,
  encryptedExtensions: 8,
  certificate: 11,
  keyExchange: 12,
  certificateRequest: 13,
  helloDone: 14,
  finished: 20,
  keyUpdate: 24,
}
const ALPN = 16
const CERTIFICATE_AUTHORITIES = 47
/** More than anybody sends who means it. */
const MOST_CERTIFICATES = 32

/**
 * handshake_failure (what RFC 5246 7.4.6 says for 1.2), bad_certificate (what many send), certificate_unknown, unknown_ca,
 * access_denied, certificate_required (what RFC 8446 4.4.2.4 says for 1.3).
 */
const REFUSALS = [40, 42, 46, 48, 49, 116]

/** Reads what a server sent from its first byte on; `bytes` may end anywhere. Never throws. Sources: RFC 8446 4.3, 4.4; RFC 5246 7.4. */
export function readHandshake(bytes: Buffer, ours: Ours): Heard {
  const flow = readFlow(bytes, ours)
  const protocol = flow.hello?.version
  const heard: Heard = {
    ...(protocol ? { protocol } : {}),
    complete: false,
    proven: false,
    certificates: [],
    asks: false,
    authorities: [],
    accepted: false,
    data: flow.data,
    ...(flow.alert === undefined ? {} : { alert: flow.alert }),
  }
  try {
    return protocol ? { ...heard, ...readMessages(flow, protocol, ours) } : heard
  } catch {
    return heard
  }
}

function readMessages(flow: Flow, protocol: TlsVersion, ours: Ours): Omit<Heard, 'data' | 'alert'> {
  const modern = protocol === 'TLSv1.3'
  const first = (type: number): Message | undefined => flow.messages.find((m) => m.type === type)
  const request = first(TYPE.certificateRequest)
  const alpn = alpnIn(modern ? extensionsIn(cursor(first(TYPE.encryptedExtensions)?.body ?? NOTHING).vector(2)) : flow.hello?.extensions)
  return {
    protocol,
    complete: first(modern ? TYPE.finished : TYPE.helloDone) !== undefined,
    // before 1.3 a server that wants a certificate ends the handshake before we are done, but its key exchange is signed
    proven: ours.done === true || (!modern && ours.master === true && first(TYPE.keyExchange) !== undefined),
    certificates: certificatesIn(first(TYPE.certificate)?.body, modern),
    asks: request !== undefined,
    authorities: request ? authoritiesIn(request.body, protocol) : [],
    ...(alpn ? { alpn } : {}),
    accepted: modern ? flow.closed || [TYPE.ticket, TYPE.keyUpdate].some((type) => first(type)) : flow.changed,
  }
}
/** An empty list of extensions, where a message has not come yet. */
const NOTHING = Buffer.alloc(2)

/** RFC 8446 4.4.2 and RFC 5246 7.4.2; a chain that is longer than any real one is not read. @throws RangeError */
function certificatesIn(body: Buffer | undefined, modern: boolean): Buffer[] {
  if (!body) return []
  const message = cursor(body)
  if (modern) message.vector(1)
  const found: Buffer[] = []
  for (const list = cursor(message.vector(3)); list.more(); ) {
    found.push(Buffer.from(list.vector(3)))
    if (modern) list.vector(2)
    if (found.length > MOST_CERTIFICATES) throw new RangeError('too many certificates')
  }
  return found
}

/** RFC 8446 4.2.4 and 4.3.2, RFC 5246 7.4.4, RFC 4346 7.4.4: only 1.2 has a list of signature algorithms before the names. */
function authoritiesIn(body: Buffer, protocol: TlsVersion): string[] {
  const message = cursor(body)
  message.vector(1)
  if (protocol === 'TLSv1.2') message.vector(2)
  const modern = protocol === 'TLSv1.3' ? (extensionsIn(message.vector(2)).get(CERTIFICATE_AUTHORITIES) ?? NOTHING) : undefined
  const found: string[] = []
  for (const names = cursor((modern ? cursor(modern) : message).vector(2)); names.more(); ) found.push(nameText(names.vector(2)))
  return found
}

/** RFC 7301 3.1: a server answers with a list of one. */
function alpnIn(extensions: Map<number, Buffer> | undefined): string | undefined {
  const answer = extensions?.get(ALPN)
  return answer && cursor(cursor(answer).vector(2)).vector(1).toString('latin1')
}

/**
 * Whether the server wants a certificate of a client, judged by what it did to one that has none. `unclear`: it asked, and then
 * neither refused nor went on.
 *
 * Before 1.3 its change to new keys is the answer. In 1.3 our side is done before it has judged (RFC 8446 4.4.2.4), and these tell
 * it for certain: its alert, as every known server sends one before it hangs up; a NewSessionTicket, which OpenSSL, Go, BoringSSL
 * and rustls make only behind our Finished where they asked for a certificate; and its close_notify in answer to ours, as a server
 * that has not finished its handshake has none to give. Application data alone tells it only when the connection has ended without
 * an alert: a server may send some before it has judged (RFC 8446 2).
 */
export function asksForCertificate(heard: Heard): AsksForCertificate {
  if (!heard.asks) return 'no'
  if (heard.accepted) return 'optional'
  if (refused(heard)) return 'required'
  return heard.data && heard.alert === undefined ? 'optional' : 'unclear'
}

/** Whether the server ended the connection because we showed no certificate. */
export const refused = (heard: Heard): boolean =>
  heard.complete && heard.proven && heard.asks && !heard.accepted && heard.alert !== undefined && REFUSALS.includes(heard.alert)
