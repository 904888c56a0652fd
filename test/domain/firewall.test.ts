import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Address, type Cidr, formatAddress, formatCidr, widthOf } from '../../src/domain/cidr.ts'
import { admits, type Networks, type Packet } from '../../src/domain/firewall.ts'
import type { FirewallConfig, FirewallRule } from '../../src/domain/firewall-config.ts'
import { addresses, networks } from '../support/networks.ts'
import { numberOf } from './firewall-world.ts'

/** That real nodes decide the same is shown by test/real/firewall-evaluator.test.ts. */

const NETWORKS: Networks = { pods: ['10.244.0.0/16', 'fd00:244::/56'], services: ['10.96.0.0/12'] }
const packet = (more: Partial<Packet> = {}): Packet => ({ protocol: 'tcp', port: 50000, from: '192.0.2.10', to: 'node', ...more })
const rule = (ports: string[], ingress: FirewallRule['ingress'], more: Partial<FirewallRule> = {}): FirewallRule => ({
  name: 'r',
  protocol: 'tcp',
  ports,
  ingress,
  ...more,
})
const from = (...subnets: string[]) => subnets.map((subnet) => ({ subnet }))
const lets = (config: FirewallConfig, more: Partial<Packet> = {}): boolean => admits(config, packet(more), NETWORKS)

describe('a node that blocks', () => {
  const config: FirewallConfig = {
    ingress: 'block',
    rules: [rule(['50000-50001'], from('192.0.2.0/24', '2001:db8::/64')), rule(['50000', '6443'], from('198.51.100.7/32'))],
  }

  test('lets in what one of its rules names, and drops the rest', () => {
    expect(lets(config)).toBe(true)
    expect(lets(config, { port: 50001 })).toBe(true)
    expect(lets(config, { from: '198.51.100.7' })).toBe(true)
    expect(lets(config, { from: '198.51.100.7', port: 50001 })).toBe(false)
    expect(lets(config, { port: 6443 })).toBe(false)
    expect(lets(config, { from: '192.0.3.1' })).toBe(false)
    expect(lets(config, { protocol: 'udp' })).toBe(false)
  })

  test('has a wall for each family', () => {
    expect(lets(config, { from: '2001:db8::5' })).toBe(true)
    expect(lets(config, { from: '2001:db8:0:1::5' })).toBe(false)
    expect(lets({ ingress: 'block', rules: [rule(['50000'], from('0.0.0.0/0'))] }, { from: '2001:db8::5' })).toBe(false)
    expect(lets({ ingress: 'block', rules: [rule(['50000'], from('::/0'))] })).toBe(false)
    // IPv4 inside IPv6, in a rule, is a network of IPv6, and a sender who is written so is IPv4
    expect(lets({ ingress: 'block', rules: [rule(['50000'], from('::ffff:192.0.2.0/120'))] })).toBe(false)
    expect(lets(config, { from: '::ffff:192.0.2.10' })).toBe(true)
  })

  test('drops a first packet to its own addresses that no rule names, in both chains; among pods it passes', () => {
    expect(lets(config, { from: '10.244.3.4' })).toBe(false)
    expect(lets(config, { from: '10.244.3.4', to: 'pod network' })).toBe(true)
    expect(lets(config, { from: '10.97.0.1', to: 'pod network', port: 9 })).toBe(true)
    expect(lets(config, { from: '203.0.113.1', to: 'pod network' })).toBe(false)
    for (const protocol of ['tcp', 'udp'] as const) expect(lets(config, { protocol, port: 30080, from: '203.0.113.1' })).toBe(false)
  })

  test('takes every exception out of all networks of its rule, and out of no other rule', () => {
    const excepts: FirewallConfig = {
      ingress: 'block',
      rules: [
        rule(['1'], [{ subnet: '10.0.0.0/8', except: '10.1.0.0/16' }, { subnet: '10.1.2.0/24' }]),
        rule(['2'], [{ subnet: '10.0.0.0/8', except: '10.0.0.0/8' }]),
        rule(['3'], [{ subnet: '10.0.0.0/8', except: '10.1.0.0/16' }]),
        rule(['3'], from('10.1.2.0/24')),
      ],
    }
    expect([1, 2, 3].map((port) => lets(excepts, { port, from: '10.1.2.3' }))).toEqual([false, false, true])
    expect([1, 2, 3].map((port) => lets(excepts, { port, from: '10.2.2.3' }))).toEqual([true, false, true])
  })

  test('drops the host bits of a network without a word, and takes a rule without networks for one that opens nothing', () => {
    expect(lets({ ingress: 'block', rules: [rule(['50000'], from('192.0.2.77/24'))] })).toBe(true)
    expect(lets({ ingress: 'block', rules: [rule(['50000'], [])] })).toBe(false)
  })

  test('lets in ICMP, which has no ports, and whatever comes through lo and the links between nodes', () => {
    for (const protocol of ['icmp', 'icmpv6'] as const) expect(lets(config, { protocol, from: '203.0.113.1' })).toBe(true)
    expect(lets(config, { from: '203.0.113.1', through: 'trusted' })).toBe(true)
    expect(lets(config, { from: 'nobody' })).toBe(false)
  })
})

describe.each([undefined, 'accept'] as const)('a node with the default action %s', (ingress) => {
  const node = (...rules: FirewallRule[]): FirewallConfig => ({ ...(ingress ? { ingress } : {}), rules })

  test('lets in everything that no rule names', () => {
    expect(lets(node())).toBe(true)
    expect(lets(node(rule(['6443'], from('10.0.0.0/8'))))).toBe(true)
  })

  test('drops what comes to the ports of a rule from elsewhere: two rules let in what both name, and pods are no exception', () => {
    const both = node(rule(['50000'], from('192.0.2.0/24')), rule(['49000-51000'], from('192.0.2.0/28', '10.244.0.0/16')))
    expect(lets(both)).toBe(true)
    expect(lets(both, { from: '192.0.2.20' })).toBe(false)
    expect(lets(both, { from: '10.244.1.1' })).toBe(false)
    expect(lets(both, { from: '10.244.1.1', to: 'pod network' })).toBe(false)
    expect(lets(node(rule(['50000'], [])))).toBe(false)
  })
})

const within = (text: string, { family, value }: Address): boolean => {
  const [word = '', bits = '0'] = text.split('/')
  const six = word.includes(':')
  if (six !== (family === 6)) return false
  const shift = BigInt(widthOf(family) - Number(bits))
  return value >> shift === numberOf(word) >> shift
}
/** The chain as Talos writes it, one rule after the other. */
function chain({ ingress, rules }: FirewallConfig, address: Address, { protocol, port }: Packet): boolean {
  for (const r of rules) {
    const named = r.protocol === protocol && r.ports.some((p) => Number(p.split('-')[0]) <= port && port <= Number(p.split('-').at(-1)))
    if (!named) continue
    const inside = r.ingress.some((i) => within(i.subnet, address)) && !r.ingress.some((i) => i.except && within(i.except, address))
    if (ingress === 'block' && inside) return true
    if (ingress !== 'block' && !inside) return false
  }
  return ingress !== 'block'
}

const cidr = networks.map(formatCidr)
const ports = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.nat(4)).map(([a, n]) => (n === 0 ? String(a) : `${a}-${a + n}`))
const rules: fc.Arbitrary<FirewallRule> = fc.record({
  name: fc.constant('r'),
  protocol: fc.constantFrom('tcp', 'udp'),
  ports: fc.array(ports, { minLength: 1, maxLength: 3 }),
  ingress: fc.array(
    fc.record({ subnet: cidr, except: cidr }, { requiredKeys: ['subnet'] }) as fc.Arbitrary<FirewallRule['ingress'][number]>,
    { maxLength: 4 },
  ),
})
const configs: fc.Arbitrary<FirewallConfig> = fc.record(
  { ingress: fc.constantFrom('block', 'accept'), rules: fc.array(rules, { maxLength: 6 }) },
  { requiredKeys: ['rules'] },
) as never

test('any firewall decides as its chain does, read one rule after the other', () => {
  const seen = { in: 0, out: 0 }
  const near = (list: readonly FirewallRule[]): Address[] =>
    list.flatMap((r) =>
      r.ingress.map(({ subnet }): Address => ({ family: subnet.includes(':') ? 6 : 4, value: numberOf(subnet.split('/')[0] ?? '') })),
    )
  fc.assert(
    fc.property(configs, addresses, fc.constantFrom('tcp', 'udp'), fc.integer({ min: 1, max: 16 }), (config, some, protocol, port) => {
      for (const address of [some, ...near(config.rules)]) {
        const first = packet({ protocol, port, from: formatAddress(address) })
        const expected = chain(config, address, first)
        seen[expected ? 'in' : 'out']++
        expect(admits(config, first, NETWORKS)).toBe(expected)
      }
    }),
  )
  expect(Math.min(seen.in, seen.out)).toBeGreaterThan(50)
})

test('a network of the whole address space is told apart by its family', () => {
  const all: Cidr[] = [
    { family: 4, value: 0n, bits: 0 },
    { family: 6, value: 0n, bits: 0 },
  ]
  for (const own of all)
    for (const sender of ['203.0.113.1', '2001:db8::1']) {
      const open = lets({ ingress: 'block', rules: [rule(['50000'], from(formatCidr(own)))] }, { from: sender })
      expect(open).toBe(sender.includes(':') === (own.family === 6))
    }
})
