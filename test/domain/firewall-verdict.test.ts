import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatAddress, formatCidr } from '../../src/domain/cidr.ts'
import type { FirewallInput } from '../../src/domain/firewall-input.ts'
import { judgeFirewall } from '../../src/domain/firewall-verdict.ts'
import type { Member } from '../../src/domain/observations.ts'
import { addresses, networks } from '../support/networks.ts'
import { type Change, MEMBERS, member, rulesOn } from './firewall-world.ts'

const judge = (node: string, change: Change = {}, without = '') =>
  judgeFirewall(
    { blocks: true, rules: rulesOn(node, change).filter((r) => r.name !== `preflight-${without}`) },
    node,
    change.members ?? MEMBERS,
  )

test.each([
  ['cp1', 'apid', 'the other control planes are shut out from 50000 of the Talos API'],
  ['cp1', 'kubelet', 'the other control planes are shut out from 10250 of the kubelet'],
  ['cp1', 'etcd', 'the other control planes are shut out from 2379 of etcd and 2380 of etcd'],
  ['cp1', 'trustd', 'its own nodes are shut out from 50001 of trustd'],
  ['cp1', 'kubernetes-api', 'its own nodes are shut out from 6443 of the API server'],
  ['w1', 'apid', 'the control planes are shut out from 50000 of the Talos API'],
  ['w1', 'kubelet', 'the control planes are shut out from 10250 of the kubelet'],
])('%s without the rule %s fails, and says who is shut out', (node, rule, reason) => {
  expect(judge(node)).toMatchObject({ verdict: 'pass' })
  expect(judge(node, {}, rule)).toMatchObject({ verdict: 'fail', reason })
})

test('everybody who is shut out is named at once', () => {
  expect(judgeFirewall({ blocks: true, rules: [] }, 'cp1', MEMBERS)).toMatchObject({
    reason:
      'its own nodes are shut out from 50001 of trustd and 6443 of the API server, the other control planes are shut out from 50000 of the Talos API, 10250 of the kubelet, 2379 of etcd and 1 more',
  })
})

test('a cluster of one node has nobody to let in', () => {
  const alone = MEMBERS.slice(0, 1)
  expect(judgeFirewall({ blocks: true, rules: [] }, 'cp1', alone)).toMatchObject({ verdict: 'pass', reason: 'blocked by default, 0 rules' })
})

test('of a node that is no member under its name it is not known whom it has to let in', () => {
  const rules = rulesOn('w1')
  expect(judgeFirewall({ blocks: true, rules }, 'w1.example.com', MEMBERS)).toMatchObject({
    verdict: 'unknown',
    reason: 'blocked by default; who has to be let in is not known, because it is no member of the cluster under this name',
  })
  expect(judgeFirewall({ blocks: true, rules: [] }, 'w1.example.com', [])).toMatchObject({ verdict: 'pass' })
  expect(judgeFirewall({ blocks: true, rules: rulesOn('cp1') }, '10.0.0.10', MEMBERS)).toMatchObject({ verdict: 'pass' })
})

const shape = fc.record({
  hosts: fc.uniqueArray(addresses, { minLength: 1, maxLength: 6, selector: formatAddress }),
  planes: fc.integer({ min: 1, max: 3 }),
  port: fc.constantFrom(undefined, 6443, 7443),
})
const worlds: fc.Arbitrary<Change & { members: Member[] }> = fc
  .record({
    shape,
    you: addresses,
    // of more than that an answer is refused
    admins: fc.array(networks.filter((n) => n.bits >= (n.family === 4 ? 8 : 16)).map(formatCidr), { maxLength: 3 }),
    allow: fc.constantFrom<Record<string, string[]>>({}, { '9100/tcp': ['anyone'] }, { '50001/tcp': ['10.0.0.0/24'] }),
    kubespan: fc.boolean(),
    talosApiFromPods: fc.boolean(),
    vips: fc.constantFrom<string[]>([], ['10.0.0.10']),
    nodePorts: fc.constantFrom<FirewallInput['nodePorts']>([], [{ owner: 'shop/web', protocol: 'tcp', port: 30080 }]),
  })
  .map(({ shape: { hosts, planes, port }, you, admins, allow, ...more }) => ({
    ...more,
    members: hosts.map((host, i) => ({
      ...member(`n${i}`, i < planes ? 'controlplane' : 'worker', [formatAddress(host)], 'v1.14.1'),
      ...(port && i < planes ? { apiPort: port } : {}),
    })),
    ...(port ? { apiServerPort: port } : {}),
    you: [formatAddress(you)],
    answers: { admins, allow },
  }))

test('whatever the members and the answers, a node with our rules passes', () => {
  fc.assert(
    fc.property(worlds, (world) => {
      for (const { name } of world.members) expect(judge(name, world)).toMatchObject({ verdict: 'pass' })
    }),
  )
})
