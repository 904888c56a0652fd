import { describe, expect, test } from 'vitest'
import { admits } from '../../src/domain/firewall.ts'
import { firewallQuestions } from '../../src/domain/firewall-answers.ts'
import type { FirewallConfig } from '../../src/domain/firewall-config.ts'
import { wantedFlows } from '../../src/domain/firewall-flows.ts'
import { type Change, input, MEMBERS, member, rulesOn } from './firewall-world.ts'

const problems = (change?: Change): string[] => wantedFlows(input(change)).problems
/** But for what holds of every cluster. */
const notes = (change?: Change): string[] => wantedFlows(input(change)).notes.slice(1)

test('a plain cluster of which everything is known has nothing to ask, and nothing to say but what becomes of nodes that join later', () => {
  expect([problems(), notes()]).toEqual([[], []])
  expect(wantedFlows(input({ apiServerPort: 7443 })).notes).toEqual([
    'a node that joins later, or gets another address, is shut out: before it does, name the network that nodes come from in "allow", 50001/tcp=NETWORK 7443/tcp=NETWORK, for a control plane 2379-2380/tcp=NETWORK too, and plan again when it is there',
  ])
})

test('what that note tells to answer lets such nodes in, and is in the way of nothing', () => {
  const said = firewallQuestions.allow.parse('50001/tcp=10.0.0.0/24 6443/tcp=10.0.0.0/24 2379-2380/tcp=10.0.0.0/24')
  const change: Change = { answers: { allow: 'value' in said ? said.value : expect.fail(said.error) } }
  expect(problems(change)).toEqual([])
  const config: FirewallConfig = { ingress: 'block', rules: rulesOn('cp1', change) }
  const isLetIn = (from: string, port: number) => admits(config, { protocol: 'tcp', port, from, to: 'node' }, { pods: [], services: [] })
  for (const port of [50001, 6443, 2379, 2380])
    expect([port, isLetIn('10.0.0.99', port), isLetIn('10.0.1.99', port)]).toEqual([port, true, false])
  expect(isLetIn('10.0.0.99', 50000)).toBe(false)
})

describe('what has to be known first', () => {
  test.each<[string, Change, string]>([
    ['no member', { members: [], endpoint: '' }, 'no member of the cluster is known, so there are no addresses to let in'],
    ['no pod network', { networks: { pods: [], services: [] } }, 'the pod networks are not known, and pods reach 6443 and 10250'],
    [
      'not where you come from',
      { you: [] },
      'it is not known from which address the nodes see you: name it in "admins", with NAT or VPN it is not the one of this machine',
    ],
    [
      'no second way in',
      { answers: { admins: [] } },
      'name a second way in, in "admins", for the day on which this one fails, or the word none',
    ],
    [
      'a load balancer that nobody named',
      { endpoint: '10.0.0.99' },
      'the cluster endpoint 10.0.0.99 belongs to no node and is no VIP: name the addresses that its load balancer connects from in "loadBalancers", or the word none where it keeps those of the clients',
    ],
    [
      'a name in front of the cluster',
      { endpoint: 'api.example.com' },
      'the cluster endpoint api.example.com is a name: where a load balancer stands behind it, name the addresses that it connects from in "loadBalancers", else the word none',
    ],
  ])('%s', (_, change, sentence) => expect(problems(change)).toEqual([sentence]))

  test('an address of every member', () => {
    const members = [...MEMBERS, member('w3', 'worker', ['10.0.0.999'])]
    expect(problems({ members })).toEqual(['no address of w3 can be read, so no rule would let it in'])
  })

  test('where you come from, unless networks of admins are named', () => {
    expect(problems({ you: [], answers: { admins: ['203.0.113.7'] } })).toEqual([])
    expect(
      rulesOn('cp1', { you: [], answers: { admins: ['203.0.113.7'] } }).find((r) => r.name === 'preflight-apid')?.ingress,
    ).toContainEqual({ subnet: '203.0.113.7/32' })
  })

  test('every network that something is opened for', () => {
    const pods = ['10.244.0.0/16', '10.245.0.0/161']
    expect(problems({ networks: { pods, services: [] } })).toEqual([
      '"10.245.0.0/161" of pods is no network that can be read, so no rule would let it in',
    ])
    // as Talos reads it
    expect(problems({ networks: { pods: ['10.244.0.1/16'], services: [] } })).toEqual([])
    expect(rulesOn('w1', { networks: { pods: ['10.244.0.1/16'], services: [] } })).toEqual(rulesOn('w1'))
  })

  test('an endpoint that is a node, a VIP, answered for or not known asks nothing', () => {
    expect(problems({ endpoint: '10.0.0.12' })).toEqual([])
    expect(problems({ endpoint: '10.0.0.10', vips: ['10.0.0.10'] })).toEqual([])
    expect(problems({ endpoint: 'api.example.com', answers: { loadBalancers: ['none'] } })).toEqual([])
    expect(problems({ endpoint: '' })).toEqual([])
  })
})

describe('answers that do not go together', () => {
  test.each<[string, Change, string]>([
    [
      'you lie in a range that is cut from the Talos API',
      { answers: { cut: { '50000/tcp': ['192.0.2.0/24'] } } },
      'you come from 192.0.2.10, which lies in 192.0.2.0/24, which "cut" takes from 50000/tcp: cut a smaller network there',
    ],
    [
      'you lie in a range that is cut from a range of ports',
      { answers: { cut: { '6000-7000/tcp': ['anyone'] } } },
      'you come from 192.0.2.10, which lies in 0.0.0.0/0, which "cut" takes from 6443/tcp: cut a smaller network there',
    ],
    [
      'another admin',
      { answers: { admins: ['198.51.100.0/24'], cut: { '6443/tcp': ['198.51.100.7'] } } },
      '198.51.100.0/24 of "admins" holds 198.51.100.7, which "cut" takes from 6443/tcp: name smaller networks there',
    ],
    [
      'a load balancer, at a port of its own',
      { apiServerPort: 8443, answers: { loadBalancers: ['203.0.113.1'], cut: { '8443/tcp': ['203.0.113.0/24'] } } },
      '203.0.113.1 of "loadBalancers" lies in 203.0.113.0/24, which "cut" takes from 8443/tcp: cut a smaller network there',
    ],
    [
      'a port that is let in and cut',
      { answers: { allow: { '9100/tcp': ['nodes'] }, cut: { '9000-9200/tcp': [] } } },
      '9000-9200/tcp stands in "cut", and 9100/tcp in "allow": take one of them out',
    ],
    [
      'a network that is let in and cut',
      { answers: { allow: { '9100/tcp': ['10.0.7.0/24'] }, cut: { '9100/tcp': ['10.0.7.20'] } } },
      '10.0.7.20 stands in "cut" for 9100/tcp, and "allow" lets it in to 9100/tcp: name smaller networks there',
    ],
    [
      'you come over a family that no control plane has',
      { you: ['2001:db8::7'] },
      '2001:db8::7 of you is IPv6, and the control planes have IPv4 addresses only',
    ],
    [
      'an admin over a family that no control plane has',
      { answers: { admins: ['2001:db8:5::/48'] } },
      '2001:db8:5::/48 of "admins" is IPv6, and the control planes have IPv4 addresses only',
    ],
  ])('%s', (_, change, sentence) => expect(problems(change)).toEqual([sentence]))

  test('a cut that meets nobody who is let in is none of them', () => {
    expect(problems({ answers: { cut: { '50000/tcp': ['192.0.2.128/25'] } } })).toEqual([])
    expect(problems({ answers: { allow: { '9100/tcp': ['10.0.7.0/24'] }, cut: { '9100/tcp': ['10.0.8.0/24'] } } })).toEqual([])
    expect(problems({ answers: { allow: { '9100/tcp': ['nodes'] }, cut: { '9100/udp': [] } } })).toEqual([])
    // nobody is cut from what the protocol does not reach
    expect(problems({ answers: { cut: { '50000/udp': ['192.0.2.0/24'] } } })).toEqual([])
  })
})

describe('what is good to know', () => {
  test('two families, and every way in over one of them', () => {
    const members = [member('cp1', 'controlplane', ['10.0.0.11', 'fd00::11'])]
    expect(notes({ members, sockets: { cp1: [] } })).toEqual([
      'the control planes have IPv4 and IPv6 addresses, and every way in that is named is IPv4: over the other family no admin gets in',
    ])
    expect(notes({ members, sockets: { cp1: [] }, answers: { admins: ['2001:db8::/64'] } })).toEqual([])
  })

  test('an address of a node inside the pod networks, where Talos does not guard NodePorts', () => {
    const members = [member('cp1', 'controlplane', ['10.0.0.11', '10.244.1.1', '169.254.116.108'])]
    expect(notes({ members, sockets: { cp1: [] } })).toEqual([
      'cp1: its address 10.244.1.1 lies in a pod or service network, so its NodePorts stay open there',
    ])
  })

  test.each([
    ['calico', /^Calico with IPIP sends a protocol that no rule of Talos can name/],
    ['cilium', /^where Cilium replaces kube-proxy, .* IPsec of it is dropped: a rule of Talos cannot name ESP$/],
  ])('%s may send what no rule can name', (cni, sentence) => {
    expect(notes({ cni })).toEqual([expect.stringMatching(sentence)])
  })
})
