import { describe, expect, test } from 'vitest'
import { cosiObjects } from '../../src/observe/parse.ts'
import { parseFirewallChain, parseNetworks, parseOperators, parseSockets } from '../../src/observe/parse-network.ts'
import { recording, VERSIONS } from './recording.ts'

/** Parsers of what tells who reaches a node. */

const HEAD = 'NODE        Proto   Recv-Q   Send-Q   Local Address          Foreign Address      State         PID/Program name   Pod\n'
const line = (protocol: string, local: string, foreign: string, state: string, program = '-', pod = '-') =>
  [
    '10.0.0.1'.padEnd(12),
    protocol.padEnd(8),
    '0'.padEnd(9),
    '0'.padEnd(9),
    local.padEnd(23),
    foreign.padEnd(21),
    state.padEnd(14),
    program.padEnd(19),
    `${pod}\n`,
  ].join('')
const one = (...args: Parameters<typeof line>) => parseSockets(HEAD + line(...args)).get('10.0.0.1')

describe.each(VERSIONS)('real answers of %s', (version) => {
  const net = version === '1.13' ? '10.5.0' : '10.6.0'
  const text = (name: string) => recording(version, name).stdout

  test('say who listens and who is connected, node by node, without what belongs to nobody any more', () => {
    const found = parseSockets(text('sockets-two-nodes'))
    expect([...found.keys()]).toEqual([`${net}.2`, `${net}.101`])
    const listening = (node: string) =>
      (found.get(node) ?? []).filter((s) => s.state === 'LISTEN' && s.local.address === '::').map((s) => `${s.local.port} ${s.program}`)
    const planes = ['10250 kubelet', '2379 etcd', '2380 etcd', '50000 apid', '50001 trustd', '6443 kube-apiserver']
    expect(listening(`${net}.2`).toSorted()).toEqual(expect.arrayContaining(planes))
    expect(listening(`${net}.101`).toSorted()).toEqual(['10250 kubelet', '50000 apid'])
    const all = [...found.values()].flat()
    expect(all.filter((s) => s.state === 'TIME_WAIT')).toEqual([])
    expect(text('sockets-two-nodes')).toContain('TIME_WAIT')
    expect(all.filter((s) => s.protocol === 'udp' && !s.peer)).not.toEqual([])
    for (const { local, peer } of all) expect([local.port > 0, peer === undefined || peer.port > 0]).toEqual([true, true])
  })

  test('say who of them is the operator', () => {
    const peers = parseSockets(text('sockets-two-nodes')).get(`${net}.2`) ?? []
    expect(peers.filter((s) => s.local.port === 50000 && s.peer?.address === `${net}.1`)).not.toEqual([])
  })

  test('say where pods and services live', () => {
    expect(parseNetworks(cosiObjects(text('networks-two-nodes')))).toEqual({ pods: ['10.244.0.0/16'], services: ['10.96.0.0/12'] })
  })

  test('say what the kernel lets in, without what Talos always lets in', () => {
    const chain = parseFirewallChain(cosiObjects(text('firewall-chain')))
    expect(chain.blocks).toBe(true)
    expect(chain.rules.map((r) => [r.protocol, ...r.ports])).toContainEqual(['tcp', '50000'])
    expect(chain.rules.filter((r) => r.protocol.startsWith('icmp'))).toEqual([])
    for (const { ports, ingress } of chain.rules) {
      expect(ports.join()).toMatch(/^\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*$/)
      expect(ingress.length).toBeGreaterThan(0)
    }
  })
})

describe('a socket', () => {
  test.each([
    ['tcp6', ':::50000', ':::*', { address: '::', port: 50000 }, undefined],
    ['tcp', '10.0.0.1:22', '0.0.0.0:*', { address: '10.0.0.1', port: 22 }, undefined],
    ['tcp6', 'fd00::1:50000', 'fd00::9:41000', { address: 'fd00::1', port: 50000 }, { address: 'fd00::9', port: 41000 }],
    ['tcp6', '[fd00::1]:443', '[fd00::9]:41000', { address: 'fd00::1', port: 443 }, { address: 'fd00::9', port: 41000 }],
    ['tcp6', '::1:6443', '::1:51158', { address: '::1', port: 6443 }, { address: '::1', port: 51158 }],
  ])('%s %s %s has its ends', (protocol, local, foreign, near, far) => {
    const [socket] = one(protocol, local, foreign, far ? 'ESTABLISHED' : 'LISTEN') ?? []
    expect([socket?.protocol, socket?.local, socket?.peer]).toEqual(['tcp', near, far])
  })

  test('has the program and the pod where the node says so', () => {
    const line = ['tcp', '10.244.1.4:8080', '10.244.1.9:4000', 'ESTABLISHED', '77/my server', 'shop/web-1'] as const
    expect(one(...line)).toEqual([expect.objectContaining({ program: 'my server', pod: 'shop/web-1' })])
    expect(one('tcp', '10.0.0.1:22', '0.0.0.0:*', 'LISTEN')?.[0]).not.toHaveProperty('program')
  })

  test('of another kind, and a line that is none, is left out', () => {
    expect(one('raw', '0.0.0.0:1', '0.0.0.0:*', '7')).toBeUndefined()
    expect(parseSockets('rpc error: code = Unavailable\n').size).toBe(0)
    expect(parseSockets('').size).toBe(0)
  })

  test('carries no escape codes on', () => {
    const [socket] = one('tcp', '10.0.0.1:22', '0.0.0.0:*', 'LISTEN', '7/\u001b[31mssh', 'a/\u202eb') ?? []
    expect([socket?.program, socket?.pod]).toEqual(['ssh', 'a/b'])
  })
})

const object = (id: string, spec: unknown) => [{ node: 'n', id, version: '1', spec }]
const accept = (protocol: string, more: object = {}) => ({
  verdict: 'accept',
  matchLayer4: { protocol, matchDestinationPort: { ranges: [{ lo: 80, hi: 90 }] } },
  ...more,
})

describe('the chain in effect', () => {
  test('that is not there blocks nothing', () => {
    expect(parseFirewallChain([])).toEqual({ blocks: false, rules: [] })
    expect(parseFirewallChain(object('ingress', { hook: 'prerouting', policy: 'drop' })).blocks).toBe(false)
    expect(parseFirewallChain(object('ingress', 'hello'))).toEqual({ blocks: false, rules: [] })
  })

  test('accepts by default where its policy says so', () => {
    expect(parseFirewallChain(object('ingress', { hook: 'input', policy: 'accept' })).blocks).toBe(false)
  })

  test('has ranges of ports, and networks without what is excluded', () => {
    const rule = accept('udp', { matchSourceAddress: { includeSubnets: ['10.0.0.0/8'], excludeSubnets: ['10.1.0.0/16', '10.2.0.0/16'] } })
    expect(parseFirewallChain(object('ingress', { hook: 'input', policy: 'drop', rules: [rule] })).rules).toEqual([
      {
        name: 'rule 1 in effect',
        protocol: 'udp',
        ports: ['80-90'],
        ingress: [
          { subnet: '10.0.0.0/8', except: '10.1.0.0/16' },
          { subnet: '10.0.0.0/8', except: '10.2.0.0/16' },
        ],
      },
    ])
  })

  test('leaves out what drops, what is about one address of the node, and what it does not know', () => {
    const rules = [
      { ...accept('tcp'), verdict: 'drop' },
      accept('tcp', { matchDestinationAddress: { includeSubnets: ['169.254.116.108/32'] } }),
      accept('sctp'),
      null,
    ]
    expect(parseFirewallChain(object('ingress', { hook: 'input', policy: 'drop', rules })).rules).toEqual([])
  })
})

describe('networks and addresses', () => {
  test('of both families are read from arguments', () => {
    const args = ['--cluster-cidr=10.244.0.0/16,fd00:10:244::/56', '--service-cluster-ip-range=10.96.0.0/12,fd00:10:96::/112']
    expect(parseNetworks(object('final-kube-controller-manager', { args }))).toEqual({
      pods: ['10.244.0.0/16', 'fd00:10:244::/56'],
      services: ['10.96.0.0/12', 'fd00:10:96::/112'],
    })
  })

  test('are not known where nothing says them', () => {
    expect(parseNetworks([])).toBeUndefined()
    expect(parseNetworks(object('x', { args: ['--profiling=false'] }))).toBeUndefined()
  })

  test('that move, and DHCPv6', () => {
    const operators = [
      ...object('vip/eth0', { operator: 'vip', linkName: 'eth0', vip: { ip: '10.0.0.9' } }),
      ...object('vip/eth1', { operator: 'vip', linkName: 'eth1', vip: { ip: '10.0.0.9' } }),
      ...object('dhcp6/eth0', { operator: 'dhcp6', linkName: 'eth0' }),
    ]
    expect(parseOperators(operators)).toEqual({ vips: ['10.0.0.9'], dhcp6: true })
    expect(parseOperators([])).toEqual({ vips: [], dhcp6: false })
  })
})
