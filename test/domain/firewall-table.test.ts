import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Address, formatAddress, formatCidr } from '../../src/domain/cidr.ts'
import { admits, type Packet } from '../../src/domain/firewall.ts'
import { tableBlock } from '../../src/domain/firewall-block.ts'
import type { FirewallConfig, FirewallRule } from '../../src/domain/firewall-config.ts'
import { wantedFlows } from '../../src/domain/firewall-flows.ts'
import type { Flow } from '../../src/domain/firewall-input.ts'
import { rulesByNode, withOurs } from '../../src/domain/firewall-rules.ts'
import { type TableNode, truthTable } from '../../src/domain/firewall-table.ts'
import { addresses, networks } from '../support/networks.ts'
import { type Change, input, listens, numberOf, socketsOn, talks } from './firewall-world.ts'

const OPEN: FirewallConfig = { rules: [] }

/** The table of the rules that we would set, and of what they follow from. */
function made(change: Change = {}, before: FirewallConfig = OPEN) {
  const given = input(change)
  const { flows } = wantedFlows(given)
  const rules = rulesByNode(given.members, flows)
  const nodes = given.members.map((m): TableNode => ({ ...m, before, after: withOurs(before, rules.get(m.name) ?? []) }))
  return { flows, nodes, table: truthTable(nodes, flows) }
}
const row = (r: { from: string; to: string[]; ports: string[]; today: string; after: string; asks: boolean }): string =>
  `${r.from} > ${r.to.join(' ')} ${r.ports.join(' ')}: ${r.today} > ${r.after}${r.asks ? ' ?' : ''}`

describe('the truth table', () => {
  test('shows every flow that stays open, and for each port that the rest of the world is cut', () => {
    expect(made().table.problems).toEqual([])
    expect(made().table.rows.map(row)).toEqual([
      'you 192.0.2.10 > cp1 cp2 cp3 50000 6443: open > open',
      'cp1 cp2 cp3 > cp1 cp2 cp3 50000 2379-2380: open > open',
      'cp1 cp2 cp3 > w1 w2 50000: open > open',
      'nodes > cp1 cp2 cp3 6443 50001: open > open',
      'pods > cp1 cp2 cp3 6443: open > open',
      'nodes > cp1 cp2 cp3 w1 w2 10250 4789/udp: open > open',
      'pods > cp1 cp2 cp3 w1 w2 10250: open > open',
      'anyone else > cp1 cp2 cp3 50000 6443 50001 2379-2380: open > closed',
      'anyone else > w1 w2 50000: open > closed',
      'anyone else > cp1 cp2 cp3 w1 w2 10250 4789/udp: open > closed',
    ])
  })

  test('has no row for what was closed before and stays so', () => {
    const { table } = made({}, { ingress: 'block', rules: [] })
    expect(table.rows.filter((r) => r.from === 'anyone else')).toEqual([])
    expect(new Set(table.rows.map((r) => `${r.today} > ${r.after}`))).toEqual(new Set(['closed > open']))
  })

  test('never calls open what is opened for nobody that can be read', () => {
    const nobody: Flow = {
      service: 's',
      from: 'pods',
      sources: ['10.244.0.0/161'],
      to: ['n'],
      protocol: 'tcp',
      ports: ['10250'],
      wanted: 'open',
    }
    const { rows, problems } = truthTable([{ name: 'n', type: 'worker', before: OPEN, after: { ingress: 'block', rules: [] } }], [nobody])
    expect(rows[0]).toMatchObject({ today: 'closed', after: 'closed' })
    expect(problems.map((p) => p.sentence)).toEqual(['10250/tcp would stay closed for pods on n'])
  })

  test('names what was seen and would be cut, with what to answer', () => {
    const sockets = socketsOn('w1', [listens(9100), talks('10.0.7.20', 9100), listens(9200, '')])
    const { table } = made({ sockets, hostPorts: [{ owner: 'edge/web', node: 'w2', protocol: 'tcp', port: 443 }] })
    expect(table.problems.map((p) => p.sentence).toSorted()).toEqual([
      '10.0.7.20 talks to 9100/tcp of w1 now (exporter): name 9100/tcp=10.0.7.20 in "allow" or in "cut"',
      'a program listens on 9200/tcp of w1: say who may reach it with 9200/tcp=WHO in "allow", or name 9200/tcp in "cut"',
      'edge/web has the host port 443/tcp of w2: say who may reach it with 443/tcp=WHO in "allow", or name 443/tcp in "cut"',
      'exporter listens on 9100/tcp of w1: say who may reach it with 9100/tcp=WHO in "allow", or name 9100/tcp in "cut"',
    ])
    expect(table.rows.filter((r) => r.asks).map(row)).toEqual([
      'anyone > w2 443: open > closed ?',
      '10.0.7.20 > w1 9100: open > closed ?',
      'anyone > w1 9100 9200: open > closed ?',
    ])
  })

  test('has nothing to say of what was seen once it is answered', () => {
    const sockets = socketsOn('w1', [listens(9100), talks('10.0.7.20', 9100), talks('10.0.8.1', 9100)])
    const { table } = made({ sockets, answers: { allow: { '9100/tcp': ['10.0.7.0/24'] }, cut: { '9100/tcp': ['10.0.8.0/24'] } } })
    expect(table.problems).toEqual([])
    expect(table.rows.map(row)).toContain('10.0.8.1 > w1 9100: open > closed')
    expect(table.rows.map(row)).toContain('10.0.7.0/24 > cp1 cp2 cp3 w1 w2 9100: open > open')
  })

  test('does not ask for what was closed already', () => {
    const sockets = socketsOn('w1', [listens(9100)])
    expect(made({ sockets }, { ingress: 'block', rules: [] }).table.problems).toEqual([])
  })

  test.each([
    ['a default action without rules', { ingress: 'block', rules: [] } as FirewallConfig, 'would be closed'],
    [
      'a rule of somebody else that takes the port away',
      { rules: [{ name: 'x', protocol: 'tcp', ports: ['50000'], ingress: [] }] } as FirewallConfig,
      'would be closed',
    ],
  ])('refuses %s: the operator would be locked out', (_, after, words) => {
    const { flows, nodes } = made()
    const { problems } = truthTable(
      nodes.map((n) => ({ ...n, after })),
      flows,
    )
    expect(problems.map((p) => p.sentence)).toContain(`50000/tcp ${words} for you 192.0.2.10 on cp1, cp2, cp3`)
  })

  test('refuses a rule that lets in a part of a network only, or a part of the ports', () => {
    const flow: Flow = {
      service: 's',
      from: 'office',
      sources: ['10.0.7.0/24'],
      to: ['cp1'],
      protocol: 'tcp',
      ports: ['100-200'],
      wanted: 'open',
    }
    const after = (rule: Partial<FirewallRule>): FirewallConfig => ({
      ingress: 'block',
      rules: [{ name: 'r', protocol: 'tcp', ports: ['1-65535'], ingress: [{ subnet: '10.0.0.0/8' }], ...rule }],
    })
    const told = (rule: Partial<FirewallRule>) =>
      truthTable([{ name: 'cp1', type: 'controlplane', before: OPEN, after: after(rule) }], [flow]).problems.map((p) => p.sentence)
    expect(told({})).toEqual([])
    expect(told({ ingress: [{ subnet: '10.0.7.0/25' }] })).toEqual(['100-200/tcp would be closed for office on cp1'])
    expect(told({ ingress: [{ subnet: '10.0.0.0/8', except: '10.0.7.7/32' }] })).toEqual(['100-200/tcp would be closed for office on cp1'])
    expect(told({ ports: ['100-149', '151-200'] })).toEqual(['100-200/tcp would be closed for office on cp1'])
    expect(told({ ports: ['100-149', '150-200'] })).toEqual([])
    expect(told({ protocol: 'udp' })).toEqual(['100-200/tcp would be closed for office on cp1'])
  })
})

describe('the table on the screen', () => {
  const block = (change?: Change) => {
    const { table, nodes } = made(change)
    const shown = tableBlock(table, nodes)
    return shown.type === 'table' ? shown.rows : expect.fail('no table')
  }

  test('calls nodes by what they are, and marks what changes', () => {
    expect(block()).toEqual([
      ['you 192.0.2.10', 'cp1 cp2 cp3', '50000 6443', 'open', 'open', ''],
      ['cp1 cp2 cp3', 'each other', '50000 2379-2380', 'open', 'open', ''],
      ['cp1 cp2 cp3', 'w1 w2', '50000', 'open', 'open', ''],
      ['nodes', 'cp1 cp2 cp3', '6443 50001', 'open', 'open', ''],
      ['pods', 'cp1 cp2 cp3', '6443', 'open', 'open', ''],
      ['nodes', 'every node', '10250 4789/udp', 'open', 'open', ''],
      ['pods', 'every node', '10250', 'open', 'open', ''],
      ['anyone else', 'cp1 cp2 cp3', '50000 6443', 'open', 'closed', 'closes ◀'],
      ['', '', '50001 2379-2380', '', '', ''],
      ['anyone else', 'w1 w2', '50000', 'open', 'closed', 'closes ◀'],
      ['anyone else', 'every node', '10250 4789/udp', 'open', 'closed', 'closes ◀'],
    ])
  })

  test('keeps every cell within its width, whatever is in it', () => {
    const long = { owner: 'a-namespace-with-a-name/a-pod-with-a-very-long-name-indeed', node: 'w1', protocol: 'tcp' as const, port: 443 }
    const you = '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff'
    for (const cells of block({ hostPorts: [long], you: [you] }))
      expect(
        cells.map((c, i) => c.length <= ([17, 14, 15, 6, 6, 8][i] ?? 0)),
        cells.join('|'),
      ).toEqual(Array(6).fill(true))
  })
})

const cidr = networks.map(formatCidr)
const port = fc.integer({ min: 1, max: 9 })
const ports = fc.tuple(port, fc.nat(3)).map(([a, n]) => (n === 0 ? `${a}` : `${a}-${a + n}`))
const firewalls: fc.Arbitrary<FirewallConfig> = fc.record({
  ingress: fc.constantFrom('block', 'accept'),
  rules: fc.array(
    fc.record({
      name: fc.constant('r'),
      protocol: fc.constantFrom('tcp', 'udp'),
      ports: fc.array(ports, { minLength: 1, maxLength: 2 }),
      ingress: fc.array(fc.record({ subnet: cidr, except: cidr }, { requiredKeys: ['subnet'] }), { maxLength: 3 }),
    }),
    { maxLength: 4 },
  ),
}) as never
const flow: fc.Arbitrary<Flow> = fc.record({
  service: fc.constant('s'),
  from: fc.constant('somebody'),
  sources: fc.array(cidr, { minLength: 1, maxLength: 3 }),
  to: fc.constant(['n']),
  protocol: fc.constantFrom('tcp', 'udp'),
  ports: fc.array(ports, { minLength: 1, maxLength: 2 }),
  wanted: fc.constant('open'),
}) as never

test('any row says of each packet of its flow what the node would do', () => {
  const states = { open: 0, closed: 0, partly: 0 }
  const inside = (text: string, some: Address): string | undefined => {
    const [word = '', bits = '0'] = text.split('/')
    if (word.includes(':') !== (some.family === 6)) return undefined
    const width = some.family === 4 ? 32n : 128n
    const keep = ((1n << BigInt(bits)) - 1n) << (width - BigInt(bits))
    const first = numberOf(word)
    return formatAddress({ family: some.family, value: (first & keep) | (some.value & ~keep & ((1n << width) - 1n)) })
  }
  fc.assert(
    fc.property(firewalls, firewalls, flow, addresses, (before, after, f, some) => {
      const [found] = truthTable([{ name: 'n', type: 'worker', before, after }], [f]).rows
      states[found?.after ?? 'closed']++
      for (const at of f.ports.flatMap((p) => [Number(p.split('-')[0]), Number(p.split('-').at(-1))]))
        for (const text of f.sources) {
          const from = inside(text, some)
          if (!from) continue
          const packet: Packet = { protocol: f.protocol, port: at, from, to: 'node' }
          const lets = [before, after].map((config) => admits(config, packet, { pods: [], services: [] }))
          if (found?.today !== 'partly') expect(lets[0]).toBe(found?.today === 'open')
          if (found?.after !== 'partly') expect(lets[1]).toBe(found?.after === 'open')
        }
    }),
    { numRuns: 400 },
  )
  expect(
    Object.values(states).every((n) => n > 10),
    JSON.stringify(states),
  ).toBe(true)
})

test('whatever the members and the answers, the rules let in all that is meant', () => {
  const hosts = fc.uniqueArray(addresses, { minLength: 2, maxLength: 6, selector: formatAddress })
  fc.assert(
    fc.property(hosts, addresses, fc.array(cidr, { maxLength: 3 }), firewalls, (all, you, nets, before) => {
      const members = all.map((a, i) => ({
        name: `n${i}`,
        type: i === 0 ? ('controlplane' as const) : ('worker' as const),
        address: formatAddress(a),
        addresses: [formatAddress(a)],
        version: 'v1.14.1',
      }))
      const allow = nets.length > 0 ? { '9100/tcp': nets, '7000-7010/udp': ['nodes'] } : {}
      const { table } = made(
        { members, you: [formatAddress(you)], vips: [], answers: { allow } },
        before.ingress === 'block' ? before : OPEN,
      )
      expect(table.problems.map((p) => p.sentence)).toEqual([])
    }),
  )
})
