import type { RequestListener } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { network } from '../../src/system/network.ts'
import { endServers, serve, serveRaw, serveTls, workshop } from './servers.ts'

/** What a stranger gets of an HTTPS page. */

const shop = workshop()
afterAll(shop.remove)
afterEach(async () => {
  await endServers()
  await expect.poll(() => process.getActiveResourcesInfo().filter((r) => r.startsWith('TCP'))).toEqual([])
})
const ca = shop.authority('/O=kubernetes', 'P-256')
const leaf = ca.issue('/CN=kube-apiserver')

describe('a page', () => {
  const TLS = { key: leaf.key, cert: leaf.cert }
  const get = (port: number, path = '/', timeoutMs = 20_000) => network.get({ host: '127.0.0.1', port, path }, { timeoutMs })
  const servePage = (options: ServerOptions, answer: RequestListener) => serve(createServer({ ...TLS, ...options }, answer))

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('in %s is its status and its date', async (maxVersion) => {
    const asked: unknown[] = []
    const port = await servePage({ maxVersion }, ({ method, url, headers }, response) => {
      asked.push([method, url, headers])
      response.writeHead(url === '/livez' ? 200 : 401, { date: 'Tue, 24 Nov 2026 05:00:00 GMT' }).end('ok')
    })
    expect(await get(port, '/livez')).toEqual({ answer: 'status', status: 200, date: 'Tue, 24 Nov 2026 05:00:00 GMT' })
    expect(await get(port, '/version?a=b')).toMatchObject({ status: 401 })
    const headers = { host: `127.0.0.1:${port}`, connection: 'close' }
    expect(asked).toEqual([
      ['GET', '/livez', headers],
      ['GET', '/version?a=b', headers],
    ])
  })

  test('is the first one, not where it leads, and may have no date', async () => {
    const port = await servePage({}, (_, response) => {
      response.sendDate = false
      response.writeHead(302, { location: '/elsewhere' }).end()
    })
    expect(await get(port)).toEqual({ answer: 'status', status: 302 })
  })

  test('is not read, however long it is', async () => {
    const port = await servePage({}, (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1 << 16)));
      }
      response.on('drain', more)
      more()
    })
    expect(await get(port)).toMatchObject({ status: 200 })
    const atOnce = await serveTls(TLS, undefined, (socket) => socket.write(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1 << 20)}`))
    expect(await get(atOnce)).toEqual({ answer: 'status', status: 200 })
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('in %s may want a client certificate', async (maxVersion) => {
    const asked: unknown[] = []
    const serveAsking = (rejectUnauthorized: boolean) =>
      servePage({ maxVersion, requestCert: true, rejectUnauthorized, ca: ca.cert }, ({ url }, response) => {
        asked.push(url)
        response.writeHead(403).end()
      })
    expect(await get(await serveAsking(true), '/required')).toEqual({ answer: 'certificate required' })
    expect(await get(await serveAsking(false), '/optional')).toMatchObject({ answer: 'status', status: 403 })
    expect(asked).toEqual(['/optional'])
  })

  test('is not there where TLS holds something else, or nothing', async () => {
    const saying = (text: string) => serveTls(TLS, undefined, (socket) => socket.end(text))
    expect(await get(await saying('220 mail\r\n'))).toEqual({ answer: 'not http' })
    expect(await get(await saying(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(60_000)}`))).toEqual({ answer: 'not http' })
    expect(await get(await saying(''))).toEqual({ answer: 'mute' })
    expect(await get(await serveTls(TLS), '/', 200)).toEqual({ answer: 'mute' })
  })

  test('is not there without TLS', async () => {
    const port = await serveRaw(() => undefined)
    expect(await get(port, '/', 100)).toEqual({ answer: 'mute' })
    expect(await get(await serveRaw((s) => s.end('HTTP/1.1 200 OK\r\n\r\n')))).toEqual({ answer: 'not tls' })
    await endServers()
    expect(await get(port)).toEqual({ answer: 'refused' })
    expect(await network.get({ host: '127.0.0.1', port, path: '/' }, { timeoutMs: 100, signal: AbortSignal.abort() })).toEqual({
      answer: 'aborted',
    })
  })
})
