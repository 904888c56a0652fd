import { describe, expect, test } from 'vitest'
import { biteBlocks, biteSentence, flowsOf, flowText } from '../../src/domain/network-flows.ts'
import type { Bite, Flow } from '../../src/domain/network-match.ts'
import type { PodSeen, ServiceSeen } from '../../src/domain/network-policy.ts'
import type { Socket } from '../../src/domain/sockets.ts'
import { MEMBERS, PODS, pod, SERVICES, socket } from './network-world.ts'

const texts = (sockets: Socket[], pods: PodSeen[] = PODS, services: ServiceSeen[] = SERVICES): string[] =>
  flowsOf(sockets, pods, services, MEMBERS).flows.map(flowText)

describe('who talks to whom', () => {
  test('is one flow, whether its client, its server or both are seen', () => {
    const listen = socket('red/web', ['0.0.0.0', 8080], undefined)
    const server = socket('red/web', ['10.244.0.1', 8080], ['10.244.1.1', 40000])
    const client = socket('blue/web', ['10.244.1.1', 40000], ['10.244.0.1', 8080])
    const one = ['blue/web to red/web on 8080/tcp']
    expect(texts([listen, server])).toEqual(one)
    expect(texts([client])).toEqual(one)
    expect(texts([listen, server, client])).toEqual(one)
    // nobody is seen to listen, and the port is one that the pod declares
    expect(texts([server])).toEqual(one)
  })

  test('tells the side that was called by what listens, also where the port is not declared', () => {
    const server = socket('red/db', ['10.244.0.2', 9187], ['10.244.1.1', 40000])
    expect(texts([server, socket('red/db', ['::', 9187], undefined)])).toEqual(['blue/web to red/db on 9187/tcp'])
    expect(texts([server])).toEqual(['red/db to blue/web on 40000/tcp'])
  })

  test('goes through a Service to the pods behind it, by the port that they call so', () => {
    const toService = socket('red/web', ['10.244.0.1', 41000], ['10.96.0.2', 5432])
    expect(texts([toService])).toEqual(['red/web to red/db on 5432/tcp (through red/db)'])
    const seenByServer = socket('red/db', ['10.244.0.2', 5432], ['10.244.0.1', 41000])
    expect(texts([seenByServer, toService])).toEqual(['red/web to red/db on 5432/tcp (through red/db)'])
  })

  test('ends at the address of a Service where nothing is behind it', () => {
    const elsewhere: ServiceSeen = { ...(SERVICES[1] as ServiceSeen), name: 'ext', selector: {}, clusterIPs: ['10.96.0.9'] }
    expect(texts([socket('red/web', ['10.244.0.1', 41000], ['10.96.0.9', 5432])], PODS, [elsewhere])).toEqual([
      'red/web to 10.96.0.9 on 5432/tcp (through red/ext)',
    ])
    expect(texts([socket('red/web', ['10.244.0.1', 41000], ['10.96.0.2', 9999])])).toEqual([
      'red/web to 10.96.0.2 on 9999/tcp (through red/db)',
    ])
  })

  test('through the Service of the API server ends at the control plane nodes', () => {
    expect(texts([socket('red/web', ['10.244.0.1', 41000], ['10.96.0.1', 443])])).toEqual([
      'red/web to 10.0.0.1 on 6443/tcp (through default/kubernetes)',
    ])
    expect(flowsOf([socket('red/web', ['10.244.0.1', 41000], ['10.96.0.1', 443])], PODS, SERVICES, []).flows.map(flowText)).toEqual([
      'red/web to 10.96.0.1 on 443/tcp (through default/kubernetes)',
    ])
  })

  test('through the Service of the API server ends at every address of them that is of its family, by the port that they have', () => {
    const cp1 = { address: '10.0.0.1', addresses: ['10.0.0.1', '10.9.0.1', 'fd00::1'], type: 'controlplane' as const, apiPort: 7443 }
    const toApi = [socket('red/web', ['10.244.0.1', 41000], ['10.96.0.1', 443])]
    expect(flowsOf(toApi, PODS, SERVICES, [cp1]).flows.map(flowText)).toEqual([
      'red/web to 10.0.0.1 on 7443/tcp (through default/kubernetes)',
      'red/web to 10.9.0.1 on 7443/tcp (through default/kubernetes)',
    ])
  })

  test('names the pod by its address where the node does not say whose a socket is, in either way to write it', () => {
    expect(texts([socket(undefined, ['::ffff:10.244.1.1', 40000], ['::ffff:10.244.0.1', 8080])])).toEqual([
      'blue/web to red/web on 8080/tcp',
    ])
    expect(texts([socket(undefined, ['10.244.1.1', 40000], ['203.0.113.9', 443])])).toEqual(['blue/web to 203.0.113.9 on 443/tcp'])
  })

  test('leaves out what is of a node, on loopback, not answered, or listens', () => {
    expect(
      texts([
        socket(undefined, ['10.0.0.1', 40000], ['10.0.0.2', 10250]),
        socket('red/web', ['127.0.0.1', 40000], ['127.0.0.1', 8080]),
        socket('red/web', ['10.244.0.1', 40000], ['203.0.113.9', 443], { state: 'SYN_SENT' }),
        socket('red/web', ['0.0.0.0', 8080], undefined),
        socket('red/web', ['0.0.0.0', 53], undefined, { protocol: 'udp', state: '' }),
        socket('blue/agent', ['10.0.0.2', 40000], ['203.0.113.9', 443]),
      ]),
    ).toEqual([])
  })

  test('has what is over already, and UDP with a peer', () => {
    expect(texts([socket('red/web', ['10.244.0.1', 40000], ['203.0.113.9', 443], { state: 'TIME_WAIT' })])).toEqual([
      'red/web to 203.0.113.9 on 443/tcp',
    ])
    expect(texts([socket('red/web', ['10.244.0.1', 40000], ['10.244.2.1', 53], { protocol: 'udp', state: '' })])).toEqual([
      'red/web to kube-system/coredns on 53/udp',
    ])
  })

  test('says which pods vanished while we looked', () => {
    const { flows, doubts } = flowsOf([socket('red/gone', ['10.244.0.99', 40000], ['10.244.0.1', 8080])], PODS, SERVICES, MEMBERS)
    expect(flows).toEqual([])
    expect(doubts).toEqual(['red/gone is seen to talk, and gone when the pods were listed'])
  })

  test('is quick with many pods and sockets', () => {
    const many = Array.from({ length: 3000 }, (_, i) =>
      pod(`ns${i % 1000}/p${i}`, `10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`, { app: `a${i}` }),
    )
    const sockets = many.map((p, i) =>
      socket(`${p.namespace}/${p.name}`, [p.ips[0] as string, 40000], [(many[(i + 1) % 3000] as PodSeen).ips[0] as string, 8080]),
    )
    const begun = performance.now()
    expect(texts(sockets, many, SERVICES)).toHaveLength(3000)
    expect(performance.now() - begun).toBeLessThan(5000)
  })
})

describe('what would be cut', () => {
  const flow: Flow = { from: { pod: 'red/web' }, to: { pod: 'blue/web' }, port: 80, protocol: 'tcp' }
  const bite: Bite = { flow, direction: 'Egress', policies: ['red/a', 'red/b'] }
  test('is a table, and a sentence', () => {
    expect(biteBlocks([bite])).toEqual([
      { type: 'table', head: ['connection', 'stopped', 'by'], rows: [['red/web to blue/web on 80/tcp', 'going out', 'red/a and red/b']] },
    ])
    expect(biteSentence([bite])).toBe('1 connection that is open now would be cut as soon as policies are enforced')
    expect(biteBlocks(Array(25).fill({ ...bite, direction: 'Ingress' }))[1]).toEqual({
      type: 'text',
      text: '5 more connections like these.',
    })
    expect(biteSentence([bite, bite])).toBe('2 connections that are open now would be cut as soon as policies are enforced')
  })

  test('is nothing where nothing would be', () => {
    expect(biteBlocks([])).toEqual([])
    expect(biteSentence([])).toBeUndefined()
  })
})
