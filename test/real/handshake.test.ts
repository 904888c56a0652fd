import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, inject, it } from 'vitest'
import { parseDocument } from 'yaml'
import { chainsTo, parseCertificate } from '../../src/observe/certificates.ts'
import { network } from '../../src/system/network.ts'
import type { RealCluster, Version as Talos } from './support/cluster.ts'
import { clusterOf, nodeOf } from './support/nodes.ts'
import { opensslSees } from './support/openssl.ts'

/** What real nodes show on the wire: as it is known of each version, and as openssl sees it at the same time. */

const HOUR = 3_600_000
const DAY = 24 * HOUR
interface Service {
  port: number
  node: 'cp1' | 'w1'
  alpn?: string
  issuer: string
  accepts: ('TLSv1.2' | 'TLSv1.3')[]
  asks: 'required' | 'no'
  /** How long its certificate lives. Milliseconds. */
  life: number
}

const apid = { port: 50000, alpn: 'h2', issuer: 'O=talos', accepts: ['TLSv1.3'], asks: 'required', life: DAY } as const
const etcd = { node: 'cp1', issuer: 'O=etcd', asks: 'required', life: 3650 * DAY } as const
const common: Service[] = [
  { ...apid, node: 'cp1', accepts: ['TLSv1.3'] },
  { ...apid, node: 'w1', accepts: ['TLSv1.3'] },
  { node: 'cp1', port: 50001, alpn: 'h2', issuer: 'O=talos', accepts: ['TLSv1.3'], asks: 'no', life: DAY },
]
const SERVICES: Record<Talos, Service[]> = {
  '1.13': [...common, ...[2379, 2380].map((port) => ({ ...etcd, port, accepts: ['TLSv1.2', 'TLSv1.3'] as Service['accepts'] }))],
  '1.14': [...common, ...[2379, 2380, 2383].map((port) => ({ ...etcd, port, accepts: ['TLSv1.3'] as Service['accepts'] }))],
}
const CLOSED = { '1.13': [2381, 2383, 6443, 10250, 10255], '1.14': [2381, 6443, 10250, 10255] }

function caOf(cluster: RealCluster): Buffer {
  const { context, contexts } = parseDocument(readFileSync(cluster.talosconfig, 'utf8')).toJS() as {
    context: string
    contexts: Record<string, { ca: string }>
  }
  return new X509Certificate(Buffer.from(contexts[context]?.ca ?? '', 'base64')).raw
}

describe('on the wire', () => {
  const version = inject('version')
  const cluster = () => clusterOf(version)
  const addressOf = ({ node }: { node: string }) => nodeOf(cluster(), node).address
  const look = async (service: Service) => {
    const protocols = service.alpn ? { protocols: [service.alpn] } : {}
    const seen = await network.handshake(addressOf(service), service.port, { timeoutMs: 10_000, ...protocols })
    if (seen.answer !== 'tls') throw new Error(`port ${service.port} of ${service.node}: ${JSON.stringify(seen)}`)
    return seen
  }

  it.each(SERVICES[version])('$node:$port shows what is known of it', async (service) => {
    const seen = await look(service)
    expect({ ...seen, certificates: seen.certificates.length }).toEqual({
      answer: 'tls',
      protocol: 'TLSv1.3',
      accepts: service.accepts,
      unclear: [],
      certificates: 1,
      asksForCertificate: service.asks,
      authorities: service.asks === 'no' ? [] : [service.issuer],
      ...(service.alpn ? { alpn: service.alpn } : {}),
    })
    const leaf = parseCertificate(seen.certificates[0] as Buffer)
    expect(leaf).toMatchObject({ issuer: service.issuer })
    expect(leaf?.names).toEqual(expect.arrayContaining([service.node, addressOf(service)]))
    // peers of etcd come from outside alone
    expect(leaf?.names.includes('127.0.0.1')).toBe(service.port !== 2380)
    const life = new Date(leaf?.notAfter ?? 0).getTime() - new Date(leaf?.notBefore ?? 0).getTime()
    expect(Math.abs(life - service.life)).toBeLessThan(2 * HOUR)
  })

  it.each(SERVICES[version])('$node:$port shows what openssl sees', async (service) => {
    const theirs = await opensslSees({ host: addressOf(service), ...service })
    const seen = await look(service)
    const { protocol, alpn, accepts, authorities, asksForCertificate: asks } = seen
    expect({ protocol, alpn, accepts, authorities, asks }).toEqual({ ...theirs, chain: undefined })
    const chain = seen.certificates.map(parseCertificate)
    expect(chain.map((c) => ({ ...c, names: c?.names.toSorted() }))).toMatchObject(
      theirs.chain.map((c) => ({ ...c, subject: expect.anything() })),
    )
  })

  it('lets nobody in where a certificate is required', async () => {
    for (const service of SERVICES[version].filter((s) => s.asks === 'required')) {
      const got = await network.get({ host: addressOf(service), port: service.port, path: '/' }, { timeoutMs: 10_000 })
      expect(got, `port ${service.port}`).toEqual({ answer: 'certificate required' })
    }
  })

  it('has nothing behind other ports', async () => {
    for (const port of CLOSED[version])
      expect(await network.handshake(addressOf({ node: 'cp1' }), port, { timeoutMs: 10_000 }), `port ${port}`).toEqual({
        answer: 'refused',
      })
  })

  it('leads to the CA of its own talosconfig, and not to that of the other cluster', async () => {
    const other = clusterOf(version === '1.13' ? '1.14' : '1.13')
    for (const service of SERVICES[version].filter((s) => s.issuer === 'O=talos')) {
      const [leaf, ...rest] = (await look(service)).certificates
      expect(chainsTo(leaf as Buffer, rest, [caOf(cluster())])).toBe(true)
      expect(chainsTo(leaf as Buffer, rest, [caOf(other)])).toBe(false)
    }
  })

  it('gives the same answer every time', async () => {
    for (const service of SERVICES[version]) {
      const first = await look(service)
      for (const seen of await Promise.all(Array.from({ length: 20 }, () => look(service)))) expect(seen).toEqual(first)
    }
  })
})
