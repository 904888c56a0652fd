import { execFile } from 'node:child_process'
import { connect } from 'node:net'
import type { SecureVersion } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { network } from '../../src/system/network.ts'
import {
  endServers,
  KINDS,
  type Kind,
  serveBeginning,
  serveFirstTurn,
  serveImpostor,
  serveNobody,
  serveOpenssl,
  serveRaw,
  serveTls,
  workshop,
} from './servers.ts'

/** What a server shows of itself on the wire, against servers of Node and of openssl, and against ones that mean ill. */

const shop = workshop()
afterAll(shop.remove)
afterEach(async () => {
  await endServers()
  await expect.poll(() => process.getActiveResourcesInfo().filter((r) => r.startsWith('TCP'))).toEqual([])
})

const cas = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, shop.authority('/O=talos', kind as Kind)])) as Record<
  Kind,
  ReturnType<typeof shop.authority>
>
const leaf = cas['P-256'].issue('/CN=cp1')
const ca = cas['P-256']
const etcd = shop.authority('/O=etcd', 'P-256')
const other = shop.authority('/O=kubernetes/CN=a, b', 'Ed25519')

const look = (port: number, options: Partial<Parameters<typeof network.handshake>[2]> = {}, host = '127.0.0.1') =>
  network.handshake(host, port, { timeoutMs: 20_000, ...options })

describe('a handshake', () => {
  describe.each(Object.keys(KINDS) as Kind[])('with %s', (kind) => {
    const mine = cas[kind].issue('/CN=cp1')
    test.each(['TLSv1.2', 'TLSv1.3'] as const)('in %s gives the certificates that were sent, and no others', async (maxVersion) => {
      const port = await serveTls({ cert: mine.cert, key: mine.key, maxVersion })
      expect(await look(port)).toMatchObject({ answer: 'tls', protocol: maxVersion, certificates: [mine.der], asksForCertificate: 'no' })
      const both = await serveTls({ cert: mine.cert + cas[kind].cert, key: mine.key, maxVersion })
      expect(await look(both)).toMatchObject({ certificates: [mine.der, cas[kind].der] })
    })
  })

  test.each<[SecureVersion, SecureVersion, SecureVersion[]]>([
    ['TLSv1.3', 'TLSv1.3', ['TLSv1.3']],
    ['TLSv1.2', 'TLSv1.3', ['TLSv1.2', 'TLSv1.3']],
    ['TLSv1.2', 'TLSv1.2', ['TLSv1.2']],
    ['TLSv1', 'TLSv1.3', ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']],
    ['TLSv1', 'TLSv1', ['TLSv1']],
    ['TLSv1.1', 'TLSv1.2', ['TLSv1.1', 'TLSv1.2']],
  ])('with a server of %s to %s finds every version', async (minVersion, maxVersion, accepts) => {
    const port = await serveTls({ ...leaf, minVersion, maxVersion })
    expect(await look(port)).toEqual({
      answer: 'tls',
      protocol: maxVersion,
      accepts,
      unclear: [],
      certificates: [leaf.der],
      asksForCertificate: 'no',
      authorities: [],
    })
  })

  describe.each(['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const)('in %s', (version) => {
    test.each([
      ['optional', false],
      ['required', true],
    ])('tells that a client certificate is %s, and of which CAs', async (asksForCertificate, rejectUnauthorized) => {
      const asks = { requestCert: true, rejectUnauthorized, ca: [other.cert, etcd.cert] }
      const port = await serveTls({ ...leaf, ...asks, minVersion: version, maxVersion: version })
      expect(await look(port)).toMatchObject({
        protocol: version,
        accepts: [version],
        certificates: [leaf.der],
        asksForCertificate,
        authorities: ['O=kubernetes, CN=a\\, b', 'O=etcd'],
      })
    })
  })

  test.each([
    ['optional', '-verify'],
    ['required', '-Verify'],
  ])('tells that a client certificate is %s where the server gives no tickets and does not speak first', async (asked, verify) => {
    const port = await serveOpenssl(leaf, '-num_tickets', '0', verify, '1')
    expect(await look(port)).toMatchObject({ protocol: 'TLSv1.3', asksForCertificate: asked, authorities: [] })
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('in %s does not decide for a server that asks and then hangs up', async (maxVersion) => {
    const port = await serveFirstTurn(await serveTls({ ...leaf, maxVersion, requestCert: true, rejectUnauthorized: false }))
    expect(await look(port)).toMatchObject({ answer: 'tls', asksForCertificate: 'unclear', certificates: [leaf.der] })
  })

  test.each(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])('is read under %s', async (ciphers) => {
    const port = await serveTls({ ...leaf, ciphers, requestCert: true, ca: [other.cert] })
    const seen = { certificates: [leaf.der], asksForCertificate: 'required', authorities: ['O=kubernetes, CN=a\\, b'] }
    expect(await look(port)).toMatchObject(seen)
  })

  test('is read where the key exchange is not signed', async () => {
    const { cert, key, der } = cas.RSA
    expect(await look(await serveTls({ cert, key, ciphers: 'AES128-SHA', maxVersion: 'TLSv1.2' }))).toMatchObject({
      accepts: ['TLSv1.2'],
      certificates: [der],
    })
  })

  test('is read where the server wants another key exchange first', async () => {
    const port = await serveTls({ ...leaf, ecdhCurve: 'P-521', minVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: false })
    expect(await look(port)).toMatchObject({ accepts: ['TLSv1.3'], certificates: [leaf.der], asksForCertificate: 'optional' })
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('in %s tells the protocol behind it', async (maxVersion) => {
    const port = await serveTls({ ...leaf, maxVersion, ALPNProtocols: ['h2', 'http/1.1'] })
    expect(await look(port, { protocols: ['h2'] })).toMatchObject({ alpn: 'h2' })
    expect(await look(port)).not.toHaveProperty('alpn')
    // no_application_protocol
    expect(await look(port, { protocols: ['imap'] })).toEqual({ answer: 'not tls', alert: 120 })
  })

  test('names the server where it has a name, and goes to addresses of both families', async () => {
    const asked: string[] = []
    const SNICallback = (name: string, done: (error: null) => void) => {
      asked.push(name)
      done(null)
    }
    const port = await serveTls({ ...leaf, SNICallback, minVersion: 'TLSv1.3' }, 'localhost')
    expect(await look(port, {}, 'localhost')).toMatchObject({ answer: 'tls' })
    expect(new Set(asked)).toEqual(new Set(['localhost']))
    asked.length = 0
    expect(await look(await serveTls({ ...leaf, SNICallback }, '::1'), {}, '::1')).toMatchObject({ answer: 'tls' })
    expect(asked).toEqual([])
  })

  test('sends no certificate and no data', async () => {
    const came: string[] = []
    const port = await serveTls({ ...leaf, requestCert: true, rejectUnauthorized: false }, undefined, (socket) => {
      came.push(JSON.stringify(socket.getPeerCertificate()))
      socket.on('data', (data) => came.push(data.toString()))
    })
    expect(await look(port)).toMatchObject({ asksForCertificate: 'optional' })
    expect(new Set(came)).toEqual(new Set(['{}']))
  })

  test('lets the program end, whatever its limit', async () => {
    const port = await serveTls({ ...leaf, requestCert: true })
    const script = `
      import { network } from ${JSON.stringify(new URL('../../src/system/network.ts', import.meta.url).href)}
      const { answer } = await network.handshake('127.0.0.1', ${port}, { timeoutMs: 600_000, signal: new AbortController().signal })
      const got = await network.get({ host: '127.0.0.1', port: ${port}, path: '/' }, { timeoutMs: 600_000 })
      console.log(answer, got.answer)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    expect(stdout).toBe('tls certificate required\n')
  })
})

describe('what is no handshake', () => {
  const SHORT = { timeoutMs: 250 }
  const record = (type: number, body: Buffer, length = body.length) =>
    Buffer.concat([Buffer.from([type, 3, 3, length >> 8, length & 0xff]), body])

  test('is told apart by how far it came', async () => {
    const port = await serveRaw(() => undefined)
    expect(await look(port, SHORT)).toEqual({ answer: 'mute' })
    expect(await look(await serveRaw((s) => s.end()))).toEqual({ answer: 'mute' })
    expect(await look(await serveRaw((s) => s.resetAndDestroy()))).toEqual({ answer: 'mute' })
    await endServers()
    expect(await look(port)).toEqual({ answer: 'refused' })
    expect(await look(await serveNobody(), SHORT)).toEqual({ answer: 'silent' })
    expect(await look(50_000, SHORT, 'no-such-host.invalid')).toEqual({ answer: 'silent' })
  })

  test.each([
    ['text', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['nothing but zeros', Buffer.alloc(100_000)],
    ['a hello that is none', record(22, Buffer.from([2, 0, 0, 2, 3, 3]))],
    ['a message of 16 MiB', Buffer.concat([record(22, Buffer.from([2, 255, 255, 255])), record(22, Buffer.alloc(16_000))])],
    ['application data at once', record(23, Buffer.alloc(100, 7))],
    ['a record without an end', record(22, Buffer.alloc(10), 16_000)],
  ])('such as %s is not TLS', async (_, bytes) => {
    expect(await look(await serveRaw((socket) => socket.end(bytes)))).toEqual({ answer: 'not tls' })
    expect(await look(await serveRaw((socket) => socket.write(bytes)), SHORT)).toEqual({ answer: 'not tls' })
  })

  test.each([
    ['of anything', Buffer.alloc(16_384, 'x')],
    ['of records that say nothing', Buffer.concat(Array(1000).fill(record(22, Buffer.alloc(0))))],
    ['of warnings', Buffer.concat(Array(1000).fill(record(21, Buffer.from([1, 112]))))],
    [
      'of a message that does not end',
      Buffer.concat([record(22, Buffer.from([2, 255, 255, 255])), ...Array(9).fill(record(22, Buffer.alloc(9)))]),
    ],
  ])('does not end by itself where bytes %s come without end', async (_, bytes) => {
    const port = await serveRaw((socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(bytes));
      }
      socket.on('drain', more)
      more()
    })
    expect(await look(port)).toEqual({ answer: 'not tls' })
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('is half of one in %s, wherever it is cut', async (maxVersion) => {
    const port = await serveTls({ ...leaf, maxVersion })
    const cut = await Promise.all([1, 4, 5, 6, 60, 130, 200, 300].map((most) => serveBeginning(port, most)))
    for (const answer of await Promise.all(cut.map((p) => look(p, SHORT)))) expect(answer).toEqual({ answer: 'not tls' })
  })

  test('is a chain of more certificates than anybody needs', async () => {
    const few = await serveTls({ ...leaf, cert: leaf.cert + ca.cert.repeat(31) })
    expect((await look(few)) as object).toHaveProperty('certificates.length', 32)
    for (const [maxVersion, n] of [
      ['TLSv1.2', 32],
      ['TLSv1.3', 32],
      ['TLSv1.2', 2000],
      ['TLSv1.3', 2000],
    ] as const) {
      const port = await serveTls({ ...leaf, cert: leaf.cert + ca.cert.repeat(n), maxVersion })
      expect(await look(port)).toEqual({ answer: 'not tls' })
    }
  })

  test('is one with the certificate of somebody else', async () => {
    const port = await serveTls({ ...leaf, maxVersion: 'TLSv1.2', requestCert: true })
    expect(await look(port)).toMatchObject({ answer: 'tls', asksForCertificate: 'required' })
    const impostor = await serveImpostor(port)
    expect(await look(impostor)).toEqual({ answer: 'not tls', alert: 40 })
    expect(await network.get({ host: '127.0.0.1', port: impostor, path: '/' }, { timeoutMs: 20_000 })).toEqual({
      answer: 'not tls',
      alert: 40,
    })
  })

  test('is a refusal, with its alert', async () => {
    const port = await serveRaw((socket) => socket.end(record(21, Buffer.from([2, 40]))))
    expect(await look(port)).toEqual({ answer: 'not tls', alert: 40 })
  })

  test('is one that we were told to stop', async () => {
    const stop = new AbortController()
    const port = await serveRaw(() => stop.abort())
    expect(await look(port, { signal: stop.signal })).toEqual({ answer: 'aborted' })
    expect(await look(port, { signal: AbortSignal.abort() })).toEqual({ answer: 'aborted' })
  })

  test('leaves a version open that is met with silence', async () => {
    let turns = 0
    const behind = await serveTls({ ...leaf })
    const first = await serveBeginning(behind, 1 << 20)
    const port = await serveRaw((near) => {
      if (turns++ > 0) return
      const far = connect(first, '127.0.0.1').on('error', () => undefined)
      near.pipe(far).pipe(near)
      near.once('close', () => far.destroy())
    })
    const seen = await look(port, { timeoutMs: 1000 })
    expect(seen).toMatchObject({ protocol: 'TLSv1.3', accepts: ['TLSv1.3'], unclear: ['TLSv1', 'TLSv1.1', 'TLSv1.2'] })
  })
})
