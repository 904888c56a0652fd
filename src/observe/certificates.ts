import { createHash, X509Certificate } from 'node:crypto'
import { plainLine } from '../contract.ts'
import type { WireCertificate } from '../domain/certificates.ts'
import { type Der, derIn, oidText } from '../system/der.ts'

/** Reads certificates that servers showed. They come from anybody, so what is no certificate is nothing and never an error. */

const ALTERNATIVE_NAMES = '2.5.29.17'
const AUTHORITY_KEY_ID = '2.5.29.35'
const SEQUENCE = 0x30
/** `[3]` of a TBSCertificate (RFC 5280 4.1) and `[0]` of an AuthorityKeyIdentifier (4.2.1.1). */
const EXTENSIONS = 0xa3
const KEY_IDENTIFIER = 0x80
/** Kinds of a GeneralName (4.2.1.6). */
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87
const NOTHING = Buffer.alloc(0)

function read(der: Buffer): X509Certificate | undefined {
  try {
    const cert = new X509Certificate(der)
    // PEM is taken too, and bytes behind the end are not minded: neither is what a server sends
    return cert.raw.equals(der) ? cert : undefined
  } catch {
    return undefined
  }
}

/** A certificate in DER as plain data, or undefined for bytes that are none. Texts are safe to draw. */
export function parseCertificate(der: Buffer): WireCertificate | undefined {
  const cert = read(der)
  if (!cert) return undefined
  const notBefore = isoDate(cert.validFromDate)
  const notAfter = isoDate(cert.validToDate)
  if (!notBefore || !notAfter) return undefined
  const authorityKeyId = derIn(extension(der, AUTHORITY_KEY_ID)[0]?.content ?? NOTHING)
    .find((e) => e.tag === KEY_IDENTIFIER)
    ?.content.toString('hex')
  return {
    subject: nameLine(cert.subject),
    issuer: nameLine(cert.issuer),
    notBefore,
    notAfter,
    names: alternativeNames(der),
    sha256: createHash('sha256').update(der).digest('hex'),
    ...(authorityKeyId ? { authorityKeyId: plainLine(authorityKeyId) } : {}),
  }
}

const isoDate = (date: Date): string | undefined => (Number.isNaN(date.getTime()) ? undefined : date.toISOString())

/** node:crypto puts each part of a name on a line of its own. An empty name is undefined there, whatever its type says. */
const nameLine = (name: string | undefined): string => plainLine((name ?? '').replaceAll('\n', ', '))

/** What stands in an extension (RFC 5280 4.2): the elements inside of its OCTET STRING. */
function extension(der: Buffer, oid: string): Der[] {
  const tbs = derIn(derIn(der)[0]?.content ?? NOTHING)[0]
  const list = derIn(tbs?.content ?? NOTHING).find((e) => e.tag === EXTENSIONS)
  const found = derIn(derIn(list?.content ?? NOTHING)[0]?.content ?? NOTHING)
    .filter((e) => e.tag === SEQUENCE)
    .map((e) => derIn(e.content))
    .find(([id]) => id && oidText(id.content) === oid)
  return derIn(found?.at(-1)?.content ?? NOTHING)
}

/** RFC 5280 4.2.1.6. Read from the bytes, because text lets one name pass for two. */
function alternativeNames(der: Buffer): string[] {
  return derIn(extension(der, ALTERNATIVE_NAMES)[0]?.content ?? NOTHING).flatMap(({ tag, content }) => {
    if (tag === DNS_NAME) return [plainLine(content.toString('latin1'))]
    return tag === IP_ADDRESS && [4, 16].includes(content.length) ? [addressText(content)] : []
  })
}

/** An address as people write it (RFC 5952). */
function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

function signedBy(cert: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return cert.checkIssued(issuer) && cert.verify(issuer.publicKey)
  } catch {
    // a kind of key that OpenSSL does not know
    return false
  }
}

const readAll = (ders: readonly Buffer[]): X509Certificate[] => ders.map(read).filter((c) => c !== undefined)

/**
 * Whether a certificate is signed by one of these CAs, directly or through intermediate CAs that came with it (all DER). Names, key
 * ids, key usage and signatures count (RFC 5280 6.1); validity dates and name constraints are judged elsewhere or not at all.
 */
export function chainsTo(leaf: Buffer, intermediates: readonly Buffer[], ca: readonly Buffer[]): boolean {
  const roots = readAll(ca)
  // without this, whoever holds any certificate of the CA could issue others with it
  const between = readAll(intermediates).filter((c) => c.ca)
  const reached = readAll([leaf])
  // grows while it is walked; each intermediate joins once, so that a circle of them ends
  for (const cert of reached) {
    if (roots.some((root) => signedBy(cert, root))) return true
    reached.push(...between.filter((c) => !reached.includes(c) && signedBy(cert, c)))
  }
  return false
}
