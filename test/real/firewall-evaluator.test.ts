import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { admits, type Networks, type Packet } from '../../src/domain/firewall.ts'
import type { FirewallConfig, FirewallRule } from '../../src/domain/firewall-config.ts'
import type { First } from './support/cluster.ts'
import { FirewallLab, type Tried } from './support/firewall-lab.ts'
import { clusterOf, eventually, nodeOf, pristine } from './support/nodes.ts'

/**
 * Our reading of the rules of Talos, against real nodes: random rule sets are applied to a worker, and real connections from another
 * machine on its network, of two families and many addresses, decide. Eight rule sets, each with ports of its own, go out in one
 * configuration, because a change takes a second.
 */

const NETWORKS: Networks = { pods: ['10.244.0.0/16'], services: ['10.96.0.0/12'] }
const CONFIGURATIONS = 26
const SETS = 8
const FLOWS_OF_A_SET = 8
/** Ports of a set. */
const WIDTH = 5
const FIRST_PORT = 20000
const PORTS = Array.from({ length: SETS * WIDTH }, (_, i) => FIRST_PORT + i)
/** A port that nothing names, and the first of those that tell which configuration is in effect. */
const CONTROL = 21000
const SIGN = 21100

const lab = (() => {
  const cluster = clusterOf(inject('version'))
  const node = nodeOf(cluster, 'w1')
  const first: First = JSON.parse(readFileSync(node.first, 'utf8'))
  return new FirewallLab(cluster, node, first.config)
})()

/** Networks around the addresses of the other machine: of every length, with host bits, and some that hold none. */
const subnets: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...lab.outside[4]), fc.constantFrom(32, 31, 30, 28, 24, 20, 16, 8, 1))
      .map(([a, bits]) => `${a}/${bits}`),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...lab.outside[6]), fc.constantFrom(128, 127, 120, 64, 48, 32, 12, 1))
      .map(([a, bits]) => `${a}/${bits}`),
  },
  { weight: 1, arbitrary: fc.constantFrom('0.0.0.0/0', '::/0', '203.0.113.0/24', '255.255.255.255/32', 'ffff::/16') },
)

const portLists = (at: number): fc.Arbitrary<string[]> =>
  fc.uniqueArray(fc.nat(WIDTH), { minLength: 2, maxLength: 4 }).map((ends) => {
    const sorted = ends.map((e) => at + e).toSorted((a, b) => a - b)
    const ranges: string[] = []
    // pairs are ranges up to just before the second; the last may stand alone
    for (let i = 0; i < sorted.length; i += 2) {
      const [from = 0, to = from + 1] = [sorted[i], sorted[i + 1]]
      ranges.push(to - 1 > from ? `${from}-${to - 1}` : String(from))
    }
    return ranges
  })

const rule = (name: string, at: number): fc.Arbitrary<FirewallRule> =>
  fc.record({
    name: fc.constant(name),
    protocol: fc.constantFrom('tcp', 'tcp', 'udp'),
    ports: portLists(at),
    ingress: fc.array(
      fc.record({ subnet: subnets, except: subnets }, { requiredKeys: ['subnet'] }) as fc.Arbitrary<FirewallRule['ingress'][number]>,
      { maxLength: 4 },
    ),
  })

const set = (index: number): fc.Arbitrary<FirewallRule[]> =>
  fc.nat(3).chain((more) => fc.tuple(...Array.from({ length: more + 1 }, (_, i) => rule(`set${index}-${i}`, FIRST_PORT + index * WIDTH))))

const flow = (index: number): fc.Arbitrary<Tried & Pick<Packet, 'to'> & { target: string }> =>
  fc
    .record({
      protocol: fc.constantFrom('tcp', 'udp'),
      port: fc.nat(WIDTH - 1).map((n) => FIRST_PORT + index * WIDTH + n),
      from: fc.constantFrom(...lab.outside[4], ...lab.outside[6]),
      inside: fc.nat(5).map((n) => n === 0),
    })
    .map(({ protocol, port, from, inside }) => {
      const family = from.includes(':') ? 1 : 0
      const to: Packet['to'] = inside && family === 0 ? 'pod network' : 'node'
      return { protocol, port, from, to, target: to === 'node' ? (lab.own[family] ?? '') : lab.pod } as const
    })

const everything = fc.record({
  ingress: fc.constantFrom<FirewallConfig['ingress']>('block', 'block', 'accept', undefined),
  sets: fc.tuple(...Array.from({ length: SETS }, (_, i) => set(i))),
  flows: fc.tuple(...Array.from({ length: SETS }, (_, i) => fc.array(flow(i), { minLength: FLOWS_OF_A_SET, maxLength: FLOWS_OF_A_SET }))),
})

/** Keeps the way of talosctl open, and tells by its ports that this configuration is in effect and the one before is not. */
function signed(ingress: FirewallConfig['ingress'], rules: FirewallRule[], index: number): FirewallConfig {
  const known = [lab.cluster.gateway, ...lab.cluster.nodes.map((n) => n.address)].map((a) => ({ subnet: `${a}/32` }))
  const sign = ingress === 'block' ? [`${SIGN + index - 1}-${SIGN + index}`] : [String(SIGN + index)]
  const who = ingress === 'block' ? [{ subnet: `${lab.outside[4][0]}/32` }] : known
  const own: FirewallRule[] = [
    { name: 'keep', protocol: 'tcp', ports: ['50000-50001'], ingress: known },
    { name: 'sign', protocol: 'tcp', ports: sign, ingress: who },
  ]
  return { ...(ingress ? { ingress } : {}), rules: [...own, ...rules] }
}

/** Both chains are written one after the other, so the sign has to show that the old ones are gone and the new ones are there. */
async function inEffect(ingress: FirewallConfig['ingress'], index: number): Promise<void> {
  const wanted = ingress === 'block' ? [true, true, false] : [false, true, true]
  await eventually(`configuration ${index} is in effect`, async () => {
    const [from = '', to = ''] = [lab.outside[4][0], lab.own[0]]
    const seen = await Promise.all(
      [SIGN + index, SIGN + index - 1, CONTROL].map((port) => lab.client.open({ protocol: 'tcp', from, to, port }, 250)),
    )
    return seen.join() === wanted.join() ? true : undefined
  })
}

describe('the reading of the rules of Talos', () => {
  beforeAll(() => lab.start(PORTS))
  afterAll(async () => {
    await lab.end()
    await pristine(lab.cluster)
  })

  it('lets in what a node without a firewall lets in: everything', async () => {
    for (const from of [...lab.outside[4], ...lab.outside[6]]) {
      const to = lab.own[from.includes(':') ? 1 : 0] ?? ''
      for (const protocol of ['tcp', 'udp'] as const)
        expect(await lab.client.open({ protocol, from, to, port: FIRST_PORT }, 3000), `${protocol} ${from}`).toBe(true)
    }
    expect(admits({ rules: [] }, { protocol: 'tcp', port: 1, from: '192.0.2.1', to: 'node' }, NETWORKS)).toBe(true)
  })

  it('decides every flow as the node does, for 208 rule sets', { timeout: 600_000 }, async () => {
    const seed = Number(process.env.SEED) || Date.now() % 1_000_000_000
    const wrong: string[] = []
    const counts = { open: 0, closed: 0 }
    for (const [index, { ingress, sets, flows }] of fc.sample(everything, { numRuns: CONFIGURATIONS, seed }).entries()) {
      const config = signed(ingress, sets.flat(), index)
      lab.apply(config)
      await inEffect(ingress, index)
      const tried = flows.flat().map(async (f) => {
        const expected = admits(config, f, NETWORKS)
        const attempt = { protocol: f.protocol, from: f.from, to: f.target, port: f.port }
        // a busy machine may be late; nothing that is closed opens by waiting
        const open = (await lab.client.open(attempt)) || (expected && (await lab.client.open(attempt, 3000)))
        counts[open ? 'open' : 'closed']++
        if (open !== expected)
          wrong.push(JSON.stringify({ index, ingress, f, open, rules: config.rules.filter((r) => r.protocol === f.protocol) }))
      })
      await Promise.all(tried)
    }
    expect(wrong, `SEED=${seed}`).toEqual([])
    expect(counts.open + counts.closed).toBe(CONFIGURATIONS * SETS * FLOWS_OF_A_SET)
    expect(Math.min(counts.open, counts.closed), JSON.stringify(counts)).toBeGreaterThan(200)
  })

  it('lets in what comes through lo, whatever the rules say', async () => {
    lab.apply({ ingress: 'block', rules: signed('block', [], 0).rules })
    await eventually('it blocks', async () =>
      (await lab.client.open({ protocol: 'tcp', from: lab.outside[4][1] ?? '', to: lab.own[0] ?? '', port: FIRST_PORT }))
        ? undefined
        : true,
    )
    for (const to of ['127.0.0.1', lab.own[0] ?? ''])
      for (const protocol of ['tcp', 'udp'] as const) {
        expect(await lab.inner.open({ protocol, from: to, to, port: FIRST_PORT }, 3000)).toBe(true)
        expect(
          admits({ ingress: 'block', rules: [] }, { protocol, port: FIRST_PORT, from: to, to: 'node', through: 'trusted' }, NETWORKS),
        ).toBe(true)
      }
  })
})
