import { describe, expect, test } from 'vitest'
import { wantedFlows } from '../../src/domain/firewall-flows.ts'
import type { Flow } from '../../src/domain/firewall-input.ts'
import { rulesByNode } from '../../src/domain/firewall-rules.ts'
import { type Change, input, listens, MEMBERS, member, rulesOn, socketsOn } from './firewall-world.ts'

const flows = (change?: Change): Flow[] => wantedFlows(input(change)).flows
/** `PORTS/PROTOCOL < NETWORKS` by the name of the rule. */
const shown = (name: string, change?: Change): Record<string, string> =>
  Object.fromEntries(
    rulesOn(name, change).map((r) => [r.name, `${r.ports.join(' ')}/${r.protocol} < ${r.ingress.map((i) => i.subnet).join(' ')}`]),
  )

const PLANES = '10.0.0.11/32 10.0.0.12/32 10.0.0.13/32'
const NODES = `${PLANES} 10.0.0.21/32 10.0.0.22/32`

describe('the rules that follow from the members', () => {
  test('a control plane lets in you, its peers, the nodes and the pods, each where they have something to do', () => {
    expect(shown('cp2')).toEqual({
      'preflight-apid': `50000/tcp < ${PLANES} 192.0.2.10/32`,
      'preflight-etcd': `2379-2380/tcp < ${PLANES}`,
      'preflight-flannel-vxlan': `4789/udp < ${NODES}`,
      'preflight-kubelet': `10250/tcp < ${NODES} 10.244.0.0/16`,
      'preflight-kubernetes-api': `6443/tcp < ${NODES} 10.244.0.0/16 192.0.2.10/32`,
      'preflight-trustd': `50001/tcp < ${NODES}`,
    })
  })

  test('a worker lets nobody but the control planes in to its Talos API, and has neither etcd nor an API server', () => {
    expect(shown('w1')).toEqual({
      'preflight-apid': `50000/tcp < ${PLANES}`,
      'preflight-flannel-vxlan': `4789/udp < ${NODES}`,
      'preflight-kubelet': `10250/tcp < ${NODES} 10.244.0.0/16`,
    })
  })

  test('nodes of one kind share their rules, and get the same as each for itself', () => {
    const change: Change = { answers: { allow: { '9100/tcp': ['10.0.7.0/24'] } } }
    const together = rulesByNode(MEMBERS, flows(change))
    for (const { name } of MEMBERS) expect(together.get(name)).toEqual(rulesOn(name, change))
    expect(together.get('cp1')).toBe(together.get('cp3'))
  })

  test('the order of members and answers changes nothing', () => {
    const change: Change = { answers: { admins: ['198.51.100.7', '203.0.113.0/24'], nodePorts: ['10.0.7.0/24', '10.0.8.0/24'] } }
    const turned: Change = {
      members: MEMBERS.toReversed(),
      answers: { admins: ['203.0.113.0/24', '198.51.100.7'], nodePorts: ['10.0.8.0/24', '10.0.7.0/24'] },
    }
    for (const { name } of MEMBERS) expect(rulesOn(name, turned)).toEqual(rulesOn(name, change))
  })
})

describe('what a cluster may have beside', () => {
  test('nodes with two addresses, and with two families, are let in by all of them', () => {
    const members = [
      member('cp1', 'controlplane', ['10.0.0.11', '172.16.0.11', 'fd00::11']),
      member('w1', 'worker', ['10.0.0.21', 'FD00:0::21', '::ffff:10.0.0.21']),
    ]
    const pods = ['10.244.0.0/16', 'fd00:244::/56']
    const change: Change = { members, networks: { pods, services: [] }, you: ['192.0.2.10', '2001:db8::7'], sockets: { cp1: [], w1: [] } }
    expect(shown('cp1', change)).toMatchObject({
      'preflight-trustd': '50001/tcp < 10.0.0.11/32 10.0.0.21/32 172.16.0.11/32 fd00::11/128 fd00::21/128',
      'preflight-kubelet': '10250/tcp < 10.0.0.11/32 10.0.0.21/32 10.244.0.0/16 172.16.0.11/32 fd00::11/128 fd00::21/128 fd00:244::/56',
      'preflight-apid': '50000/tcp < 10.0.0.11/32 172.16.0.11/32 192.0.2.10/32 2001:db8::7/128 fd00::11/128',
    })
    expect(wantedFlows(input(change)).problems).toEqual([])
  })

  test('IPv6 alone: every network of every rule is IPv6', () => {
    const members = [member('cp1', 'controlplane', ['fd00::11']), member('w1', 'worker', ['fd00::21'])]
    const change: Change = {
      members,
      endpoint: 'fd00::11',
      networks: { pods: ['fd00:244::/56'], services: ['fd00:96::/112'] },
      you: ['2001:db8::7'],
      sockets: { cp1: [], w1: [] },
      answers: { nodePorts: ['nodes'] },
    }
    expect(wantedFlows(input(change)).problems).toEqual([])
    for (const node of members)
      for (const { ingress } of rulesOn(node.name, change)) expect(ingress.every((i) => i.subnet.includes(':'))).toBe(true)
  })

  test('a VIP is a source as well, because the node that has it may speak from it', () => {
    const change: Change = { vips: ['10.0.0.10'], endpoint: '10.0.0.10' }
    expect(wantedFlows(input(change)).problems).toEqual([])
    expect(shown('cp1', change)['preflight-etcd']).toBe(`2379-2380/tcp < 10.0.0.10/32 ${PLANES}`)
    expect(flows(change).filter((f) => f.at === 'VIP 10.0.0.10')).toMatchObject([
      { service: 'kubernetes-api', from: 'nodes', ports: ['6443'] },
    ])
  })

  test('a load balancer reaches both APIs, on another port where the API server has one', () => {
    const change: Change = { endpoint: 'lb.example.com', apiServerPort: 8443, answers: { loadBalancers: ['203.0.113.1'] } }
    expect(shown('cp1', change)).toMatchObject({
      'preflight-kubernetes-api': `8443/tcp < ${NODES} 10.244.0.0/16 192.0.2.10/32 203.0.113.1/32`,
      'preflight-apid': `50000/tcp < ${PLANES} 192.0.2.10/32 203.0.113.1/32`,
    })
  })

  test('KubeSpan, DHCPv6 and pods with the Talos API open what they need, where they need it', () => {
    const rules = shown('w1', { kubespan: true, dhcp6: ['w1'], talosApiFromPods: true })
    expect(rules['preflight-kubespan']).toBe(`51820/udp < ${NODES}`)
    expect(rules['preflight-dhcpv6']).toBe('546/udp < fe80::/10')
    expect(shown('w2', { dhcp6: ['w1'] })['preflight-dhcpv6']).toBeUndefined()
    expect(shown('cp1', { talosApiFromPods: true })['preflight-apid']).toBe(`50000/tcp < ${NODES} 10.244.0.0/16 192.0.2.10/32`)
  })

  test('etcd has a port more from 1.14 on, and where nobody knows the version', () => {
    const members = ['v1.13.9', 'v1.14.1', ''].map((v, i) => member(`cp${i + 1}`, 'controlplane', [`10.0.0.1${i + 1}`], v))
    const change: Change = { members, sockets: { cp1: [], cp2: [], cp3: [] } }
    expect(members.map(({ name }) => shown(name, change)['preflight-etcd-http'])).toEqual([
      undefined,
      `2383/tcp < ${PLANES}`,
      `2383/tcp < ${PLANES}`,
    ])
    expect(wantedFlows(input(change)).notes.slice(1)).toEqual([
      'cp3 does not say which Talos it runs: 2383 is opened for etcd there, which 1.14 needs',
      'cp2 has etcd on 2383 as well, cp1 gets that with Talos 1.14: plan again after the upgrade',
    ])
  })
})

describe('the network plugin', () => {
  test.each([
    ['flannel', ['4789/udp']],
    ['cilium', ['4240/tcp', '4244/tcp', '8472/udp']],
    ['calico', ['179/tcp', '4789/udp', '5473/tcp']],
  ])('%s opens its ports to nodes', (cni, expected) => {
    const rules = rulesOn('w1', { cni }).filter((r) => !/preflight-(apid|kubelet)/.test(r.name))
    expect(rules.map((r) => `${r.ports.join(' ')}/${r.protocol}`).toSorted()).toEqual(expected)
  })

  test('opens a port that not everybody uses only where a node listens on it', () => {
    const wireguard = listens(51871, '', { protocol: 'udp', state: '' })
    const names = (change: Change) => rulesOn('w2', { cni: 'cilium', ...change }).map((r) => r.name)
    expect(names({})).not.toContain('preflight-cilium-wireguard')
    expect(names({ sockets: socketsOn('w1', [wireguard]) })).toContain('preflight-cilium-wireguard')
    // a pod that listens there is no plugin
    expect(names({ sockets: socketsOn('w1', [{ ...wireguard, pod: 'a/b' }]) })).not.toContain('preflight-cilium-wireguard')
  })

  test('that is not known asks for its ports, and takes them or the word none', () => {
    const problem = (change: Change) => wantedFlows(input(change)).problems
    expect(problem({ cni: 'antrea' })).toEqual([
      'the network plugin antrea is not known to this program: name the ports that it needs between nodes in "cniPorts", or the word none',
    ])
    expect(problem({ cni: '' })).toEqual([
      'no network plugin was found: name the ports that it needs between nodes in "cniPorts", or the word none',
    ])
    expect(problem({ cni: 'antrea', answers: { cniPorts: ['none'] } })).toEqual([])
    expect(shown('w1', { cni: 'antrea', answers: { cniPorts: ['10349-10351/tcp'] } })['preflight-cni-10349-10351-tcp']).toBe(
      `10349-10351/tcp < ${NODES}`,
    )
  })
})

describe('published ports', () => {
  const nodePorts = [
    { owner: 'shop/web', protocol: 'tcp' as const, port: 30080 },
    { owner: 'shop/dns', protocol: 'udp' as const, port: 30053 },
    { owner: 'shop/old', protocol: 'sctp' as const, port: 30099 },
  ]

  test('NodePorts that are in use are open to whom the answer names; to nodes and pods always', () => {
    expect(shown('w1', { nodePorts })).toMatchObject({
      'preflight-nodeports-tcp': '30080/tcp < 0.0.0.0/0 ::/0',
      'preflight-nodeports-udp': '30053/udp < 0.0.0.0/0 ::/0',
    })
    expect(shown('cp1', { nodePorts, answers: { nodePorts: ['203.0.113.0/24'] } })['preflight-nodeports-tcp']).toBe(
      `30080/tcp < ${NODES} 10.244.0.0/16 203.0.113.0/24`,
    )
    expect(shown('w1', {})['preflight-nodeports-tcp']).toBeUndefined()
  })

  test('SCTP stays open, which no rule can change, and that is said', () => {
    expect(wantedFlows(input({ nodePorts })).notes.slice(1)).toEqual([
      'shop/old: its port 30099/sctp stays open to everybody, because no rule of Talos can name SCTP',
    ])
  })

  test('a host port asks who may reach it, and is let in where "allow" says so', () => {
    const hostPorts = [{ owner: 'edge/ingress-x', node: 'w1', protocol: 'tcp' as const, port: 443 }]
    expect(flows({ hostPorts }).at(-1)).toMatchObject({
      ports: ['443'],
      to: ['w1'],
      wanted: 'ask',
      seen: 'host port',
      program: 'edge/ingress-x',
    })
    const change: Change = { hostPorts, answers: { allow: { '443/tcp': ['anyone'] } } }
    expect(flows(change).filter((f) => f.wanted !== 'open')).toEqual([])
    expect(shown('w1', change)['preflight-allow-443-tcp']).toBe('443/tcp < 0.0.0.0/0 ::/0')
    expect(flows({ hostPorts, answers: { cut: { '443/tcp': [] } } }).at(-1)?.wanted).toBe('closed')
  })

  test('a host port of a pod without a node that is known may come to any of them, and is asked for', () => {
    const seen = (node: string, answers: Change['answers'] = {}) =>
      flows({ hostPorts: [{ owner: 'edge/x', node, protocol: 'tcp', port: 443 }], answers }).filter((f) => f.seen)
    const anywhere = { ports: ['443'], to: ['cp1', 'cp2', 'cp3', 'w1', 'w2'], wanted: 'ask', seen: 'host port' }
    expect(seen('w1.example.com')).toMatchObject([{ ...anywhere, program: 'edge/x (its node w1.example.com is no member)' }])
    expect(seen('')).toMatchObject([{ ...anywhere, program: 'edge/x (without a node yet)' }])
    expect(seen('w9', { allow: { '443/tcp': ['anyone'] } })).toEqual([])
    expect(seen('w9', { cut: { '443/tcp': [] } })).toMatchObject([{ wanted: 'closed' }])
  })

  test('a service at the address of a node is asked for there, and is no more open than what the cluster has at that port', () => {
    const service = { owner: 'edge/lb', nodes: ['w1', 'w2'], protocol: 'tcp' as const }
    expect(flows({ servicePorts: [{ ...service, port: 443 }] }).at(-1)).toMatchObject({
      ports: ['443'],
      to: ['w1', 'w2'],
      wanted: 'ask',
      seen: 'service',
      program: 'edge/lb',
    })
    const change: Change = { servicePorts: [{ ...service, port: 443 }], answers: { allow: { '443/tcp': ['10.0.7.0/24'] } } }
    expect(flows(change).filter((f) => f.seen)).toEqual([])
    expect(wantedFlows(input({ servicePorts: [{ ...service, protocol: 'sctp', port: 443 }] })).notes.at(-1)).toBe(
      'edge/lb: its port 443/sctp stays open to everybody, because no rule of Talos can name SCTP',
    )
    // whoever may make a service decides nothing about the Talos API
    expect(flows({ servicePorts: [{ ...service, port: 50000 }] })).toEqual(flows())
  })

  test('words of an answer stand for the networks of the cluster', () => {
    const allow = { '9100/tcp': ['nodes', 'pods', '10.0.7.20'], '53/udp': ['pods'] }
    expect(shown('w1', { answers: { allow } })).toMatchObject({
      'preflight-allow-9100-tcp': `9100/tcp < ${NODES} 10.0.7.20/32 10.244.0.0/16`,
      'preflight-allow-53-udp': '53/udp < 10.244.0.0/16',
    })
  })
})
