import { createHash, X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { chainsTo, parseCertificate } from '../../src/observe/certificates.ts'
import { derIn, nameText } from '../../src/system/der.ts'
import { KINDS, type Kind, workshop } from '../system/servers.ts'

/** Certificates of openssl, read. */

const shop = workshop()
afterAll(shop.remove)
const kinds = Object.keys(KINDS) as Kind[]
const CA = ['basicConstraints=critical,CA:true']
const root = shop.authority('/O=talos', 'Ed25519')
/** RFC 5280 4.2.1.2 (1), of an Ed25519 key, which is the last 32 bytes of what a certificate holds of it. */
const keyIdOf = (cert: X509Certificate): string =>
  createHash('sha1')
    .update(cert.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32))
    .digest('hex')

describe('a certificate', () => {
  test('is plain data', () => {
    const names = 'DNS:cp1,DNS:*.example.org,IP:10.5.0.2,IP:fd00::2,URI:spiffe://x,email:a@b'
    const extensions = [`subjectAltName=${names}`, 'subjectKeyIdentifier=hash', 'authorityKeyIdentifier=keyid']
    const { der, cert } = root.issue('/O=kube-master/CN=kube-apiserver', extensions)
    const { validFrom, validTo } = new X509Certificate(cert)
    const read = parseCertificate(der)
    expect(read).toEqual({
      subject: 'O=kube-master, CN=kube-apiserver',
      issuer: 'O=talos',
      notBefore: new Date(validFrom).toISOString(),
      notAfter: new Date(validTo).toISOString(),
      names: ['cp1', '*.example.org', '10.5.0.2', 'fd00::2'],
      sha256: createHash('sha256').update(der).digest('hex'),
      authorityKeyId: keyIdOf(new X509Certificate(root.der)),
    })
  })

  test('may say little', () => {
    const read = parseCertificate(root.issue('/').der)
    expect(read).toMatchObject({ subject: '', issuer: 'O=talos', names: [] })
    expect(parseCertificate(root.der)).toMatchObject({ subject: 'O=talos', issuer: 'O=talos' })
  })

  test('reads the same as a name that a server gives alone, and draws nothing', () => {
    const { der } = root.issue('/O=a, b/CN=x"y\\+ü\u001b[2J\u202e', ['basicConstraints=CA:false'])
    expect(parseCertificate(der)?.subject).not.toMatch(/[\p{Cc}\u202e]/u)
    expect(nameText(nameIn(der))).not.toMatch(/\p{C}/u)
    for (const subject of [
      '/O=a, b/CN=x"y\\+;<ü>\\\\z/emailAddress=a@b/serialNumber=5',
      '/CN=#1 /UID=7+O=8/DC=org/ST=s/L=l/street=t/OU=o/C=DE',
    ]) {
      const made = root.issue(subject, ['basicConstraints=CA:false'])
      const read = parseCertificate(made.der)?.subject
      expect(read?.length).toBeGreaterThan(30)
      expect(nameText(nameIn(made.der))).toBe(read)
    }
  })

  test('whose name of a host holds a list is one name', () => {
    const names = ['subjectAltName=@names', '[names]', 'DNS.1 = "a, DNS:b"']
    expect(parseCertificate(root.issue('/CN=x', names).der)?.names).toEqual(['a, DNS:b'])
  })

  test('is none with anything in front, behind or missing', () => {
    const { der, cert } = root
    for (const bytes of [Buffer.alloc(0), Buffer.from(cert), Buffer.concat([der, Buffer.from([0])]), der.subarray(1), der.subarray(0, -1)])
      expect(parseCertificate(bytes)).toBeUndefined()
  })

  test('never makes an error and never gives what moves a cursor, whatever its bytes are', () => {
    const { der } = root.issue('/CN=cp1', ['subjectAltName=DNS:cp1,IP:10.5.0.2', 'authorityKeyIdentifier=keyid'])
    const changes = fc.array(fc.tuple(fc.nat(der.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(changes, (list) => {
        const bytes = Buffer.from(der)
        for (const [at, value] of list) bytes[at] = value
        const read = parseCertificate(bytes)
        for (const text of [read?.subject, read?.issuer, ...(read?.names ?? [])]) expect(text ?? '').not.toMatch(/\p{Cc}/u)
        expect(chainsTo(bytes, [bytes], [bytes, root.der])).toBe(read !== undefined && bytes.equals(der))
      }),
      { numRuns: 1000 },
    )
  })
})

/** The subject of a certificate of version 3 as a server would send it alone: what is behind version, serial number, algorithm, issuer and dates. */
function nameIn(der: Buffer): Buffer {
  const content = derIn(derIn(derIn(der)[0]?.content ?? der)[0]?.content ?? der)[5]?.content ?? der
  return Buffer.concat([Buffer.from([0x30, 0x82, content.length >> 8, content.length & 0xff]), content])
}

describe('a chain', () => {
  test.each(kinds)('of %s leads to the CA that signed it, and to no other of the same name', (kind) => {
    const ca = shop.authority('/O=talos', kind)
    const same = shop.authority('/O=talos', kind)
    const leaf = ca.issue('/CN=cp1').der
    expect(chainsTo(leaf, [], [ca.der])).toBe(true)
    expect(chainsTo(leaf, [], [same.der, ca.der])).toBe(true)
    expect(chainsTo(leaf, [ca.der], [same.der])).toBe(false)
    expect(chainsTo(leaf, [], [])).toBe(false)
    expect(chainsTo(same.der, [leaf], [ca.der])).toBe(false)
  })

  test('leads through CAs that were sent, in any order', () => {
    const first = root.issue('/CN=first', CA)
    const second = first.issue('/CN=second', CA)
    const leaf = second.issue('/CN=cp1').der
    expect(chainsTo(leaf, [first.der, second.der, first.der], [root.der])).toBe(true)
    expect(chainsTo(leaf, [second.der], [root.der])).toBe(false)
    expect(chainsTo(leaf, [second.der], [first.der])).toBe(true)
    expect(chainsTo(leaf, [], [second.der])).toBe(true)
  })

  test('does not lead through a certificate that is no CA', () => {
    const holder = root.issue('/CN=somebody', ['basicConstraints=CA:false'])
    expect(chainsTo(holder.issue('/CN=cp1').der, [holder.der], [root.der])).toBe(false)
    const silent = root.issue('/CN=somebody')
    expect(chainsTo(silent.issue('/CN=cp1').der, [silent.der], [root.der])).toBe(false)
  })

  test('of a root is the root itself', () => {
    expect(chainsTo(root.der, [], [root.der])).toBe(true)
    expect(chainsTo(root.der, [], [shop.authority('/O=talos', 'Ed25519').der])).toBe(false)
  })

  test('of what is no certificate leads nowhere', () => {
    const junk = Buffer.from('junk')
    expect(chainsTo(junk, [junk], [junk, root.der])).toBe(false)
    expect(chainsTo(root.issue('/CN=cp1').der, [junk], [junk, root.der])).toBe(true)
  })
})
