import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** Certificates made on the spot, so that no test ends with the life of a recorded one. DER by hand: Ed25519, a name, a life. */

const tlv = (tag: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  const n = body.length
  const length = n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}
const sequence = (...parts: Buffer[]) => tlv(0x30, ...parts)
const oid = (...bytes: number[]) => tlv(0x06, Buffer.from(bytes))
const ED25519 = sequence(oid(0x2b, 0x65, 0x70))
const ORGANIZATION = oid(0x55, 0x04, 0x0a)

const name = (organizations: readonly string[]) =>
  sequence(...organizations.map((o) => tlv(0x31, sequence(ORGANIZATION, tlv(0x0c, Buffer.from(o))))))
const time = (at: Date) => tlv(0x18, Buffer.from(`${at.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`))

export interface Issued {
  /** PEM. */
  certificate: string
  key: KeyObject
}

function issue(
  subject: readonly string[],
  days: { from: number; to: number },
  issuer: { name: readonly string[]; key?: KeyObject },
): Issued {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const at = (day: number) => time(new Date(Date.now() + day * 86_400_000))
  const serial = randomBytes(8)
  serial[0] = 1
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, serial),
    ED25519,
    name(issuer.name),
    sequence(at(days.from), at(days.to)),
    name(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = sign(null, body, issuer.key ?? privateKey)
  const der = sequence(body, ED25519, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return { certificate: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`, key: privateKey }
}

/** A talosconfig with one context for each entry, all of one CA. Its keys open nothing. */
export function talosconfigFor(contexts: Record<string, { roles: string[]; days: { from: number; to: number } }>): string {
  const ca = issue(['talos'], { from: -1, to: 3650 }, { name: ['talos'] })
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const entries = Object.entries(contexts).map(([context, { roles, days }]) => {
    const { certificate, key } = issue(roles, days, { name: ['talos'], key: ca.key })
    const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
    return [
      `  ${context}:`,
      '    endpoints: [127.0.0.1]',
      `    ca: ${base64(ca.certificate)}`,
      `    crt: ${base64(certificate)}`,
      `    key: ${base64(pem)}`,
    ].join('\n')
  })
  return `context: ${Object.keys(contexts)[0]}\ncontexts:\n${entries.join('\n')}\n`
}
