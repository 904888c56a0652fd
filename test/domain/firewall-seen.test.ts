import { describe, expect, test } from 'vitest'
import { wantedFlows } from '../../src/domain/firewall-flows.ts'
import type { Flow } from '../../src/domain/firewall-input.ts'
import type { Socket } from '../../src/domain/sockets.ts'
import { type Change, input, listens, socketsOn, talks } from './firewall-world.ts'

/** What was seen and nobody meant: `PORT/PROTOCOL KIND FROM (NODES): WANTED`. */
const seen = (change: Change): string[] =>
  wantedFlows(input(change))
    .flows.filter((f) => f.seen)
    .map((f) => `${f.ports}/${f.protocol} ${f.seen} ${f.from} (${f.to.join(' ')}): ${f.wanted}`)
const on = (...list: Socket[]): Change => ({ sockets: socketsOn('w1', list) })
/** But for what holds of every cluster. */
const notes = (change: Change): string[] => wantedFlows(input(change)).notes.slice(1)

describe('who listens', () => {
  test('is asked for, unless the cluster itself needs it there', () => {
    expect(
      seen(on(listens(9100), listens(10250, 'kubelet'), listens(50000, 'apid'), listens(4789, '', { protocol: 'udp', state: '' }))),
    ).toEqual(['9100/tcp listener anyone (w1): ask'])
    // on a worker nobody is meant to have an API server
    expect(seen(on(listens(6443, 'kube-apiserver')))).toEqual(['6443/tcp listener anyone (w1): ask'])
  })

  test('is nobody where the address is not reached from outside, and where it is a pod', () => {
    const at = (address: string) => listens(9100, 'exporter', { local: { address, port: 9100 } })
    expect(seen(on(at('127.0.0.1'), at('::1'), at('169.254.116.108'), at('fe80::1'), listens(8080, 'app', { pod: 'shop/web' })))).toEqual(
      [],
    )
    expect(seen(on(at('10.0.0.21')))).toEqual(['9100/tcp listener anyone (w1): ask'])
  })

  test('waits for an answer, where a program has a port of UDP that the kernel gave it', () => {
    const asks = (port: number, program = '') => listens(port, program, { protocol: 'udp', state: '' })
    const one = on(asks(40123, 'coredns'))
    expect([seen(one), notes(one)]).toEqual([[], ['w1: coredns waits for an answer on 40123/udp, which is taken for no listener']])
    // one of the kernel itself, one below those ports, and one that several nodes have
    expect(seen(on(asks(51871)))).toEqual(['51871/udp listener anyone (w1): ask'])
    expect(seen(on(asks(8472, 'coredns')))).toEqual(['8472/udp listener anyone (w1): ask'])
    const both: Change = { sockets: { ...socketsOn('w1', [asks(51871, 'agent')]), w2: [asks(51871, 'agent')] } }
    expect(seen(both)).toEqual(['51871/udp listener anyone (w1 w2): ask'])
  })

  test('may be cut, or let in', () => {
    const change = on(listens(9100))
    expect(seen({ ...change, answers: { cut: { '9000-9200/tcp': [] } } })).toEqual(['9100/tcp listener anyone (w1): closed'])
    expect(seen({ ...change, answers: { cut: { '9100/udp': [] } } })).toEqual(['9100/tcp listener anyone (w1): ask'])
    expect(seen({ ...change, answers: { allow: { '9100/tcp': ['10.0.7.20'] } } })).toEqual([])
  })
})

describe('who is connected', () => {
  const listening = listens(9100)
  const peer = (from: string, more: Partial<Socket> = {}) => on(listening, talks(from, 9100, more))
  const peers = (change: Change) => seen(change).filter((s) => s.includes(' peer '))

  test('is asked for by its address, once for many connections', () => {
    const change = on(listening, talks('10.0.7.20', 9100), talks('10.0.7.20', 9100, { peer: { address: '10.0.7.20', port: 2 } }))
    expect(peers(change)).toEqual(['9100/tcp peer 10.0.7.20 (w1): ask'])
  })

  test('is called by what it is in the cluster', () => {
    expect(peers(peer('10.0.0.12'))).toEqual(['9100/tcp peer cp2 10.0.0.12 (w1): ask'])
    expect(peers(peer('192.0.2.10'))).toEqual(['9100/tcp peer you 192.0.2.10 (w1): ask'])
    // a handshake of ours that is over
    expect(peers(peer('192.0.2.10', { state: 'TIME_WAIT' }))).toEqual([])
    expect(peers(peer('10.244.3.7'))).toEqual(['9100/tcp peer pods (w1): ask'])
  })

  test('is not asked for where it is meant, where the node called itself, and where the node was the one that called', () => {
    expect(peers({ ...peer('10.0.7.20'), answers: { allow: { '9100/tcp': ['10.0.7.0/24'] } } })).toEqual([])
    expect(peers(peer('10.0.0.21'))).toEqual([])
    expect(peers(peer('127.0.0.1'))).toEqual([])
    expect(peers(on(talks('10.0.7.20', 41000)))).toEqual([])
    expect(peers(peer('10.0.7.20', { state: 'SYN_RECV' }))).toEqual([])
  })

  test('counts for a moment longer than its connection, as a health check is there', () => {
    expect(peers(peer('10.0.7.20', { state: 'TIME_WAIT' }))).toEqual(['9100/tcp peer 10.0.7.20 (w1): ask'])
  })

  test('may be cut by its address, and others are asked for all the same', () => {
    const change = on(listening, talks('10.0.7.20', 9100), talks('10.0.8.20', 9100))
    expect(peers({ ...change, answers: { cut: { '9100/tcp': ['10.0.7.0/24'] } } })).toEqual([
      '9100/tcp peer 10.0.7.20 (w1): closed',
      '9100/tcp peer 10.0.8.20 (w1): ask',
    ])
  })

  test('is one of many where more than eight addresses use a port: nobody can answer for each', () => {
    const many = (n: number) => on(listening, ...Array.from({ length: n }, (_, i) => talks(`10.0.7.${i + 1}`, 9100)))
    expect(peers(many(8))).toHaveLength(8)
    expect(peers(many(9))).toEqual(['9100/tcp peer 9 addresses (w1): ask'])
    expect((wantedFlows(input(many(9))).flows.find((f) => f.seen === 'peer') as Flow).sources).toHaveLength(9)
  })

  test('from outside to a pod came through something that leaves no trace, so it is told and not asked', () => {
    const pod = { pod: 'shop/web', local: { address: '10.244.1.5', port: 8080 } }
    const change = on(listens(8080, '', pod), talks('203.0.113.7', 8080, pod), talks('10.244.2.2', 8080, pod))
    expect(seen(change)).toEqual([])
    const told =
      '203.0.113.7 talks to 8080/tcp of the pod shop/web: where that goes through a NodePort or a host port, name it in "nodePorts" or "allow"'
    expect(notes(change)).toEqual([told])
    const nodePorts = [{ owner: 'shop/web', protocol: 'tcp' as const, port: 30080 }]
    expect(notes({ ...change, nodePorts })).toEqual([])
    expect(notes({ ...change, nodePorts, answers: { nodePorts: ['198.51.100.0/24'] } })).toEqual([told])
  })
})
