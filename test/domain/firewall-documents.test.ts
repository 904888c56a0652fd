import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { Json } from '../../src/contract.ts'
import { formatCidr } from '../../src/domain/cidr.ts'
import type { FirewallConfig, FirewallRule } from '../../src/domain/firewall-config.ts'
import { sameRule } from '../../src/domain/firewall-config.ts'
import { fillRule, firewallPatches, firewallUndo, templateOf } from '../../src/domain/firewall-documents.ts'
import { isOurs, withOurs } from '../../src/domain/firewall-rules.ts'
import { networks } from '../support/networks.ts'
import { rulesOn } from './firewall-world.ts'

const template = (path: string): string => readFileSync(new URL(`../../templates/${path}`, import.meta.url), 'utf8')

interface Document {
  kind: string
  name?: string
  $patch?: string
  ingress?: unknown
  portSelector?: { ports: (number | string)[]; protocol: FirewallRule['protocol'] }
}

/** What Talos makes of such patches; that it does is held by test/real/merging.test.ts. */
function merged(config: FirewallConfig, patches: readonly Json[]): FirewallConfig {
  const rules = new Map(config.rules.map((r) => [r.name, r]))
  let { ingress } = config
  for (const patch of patches as unknown as Document[]) {
    const gone = patch.$patch === 'delete'
    // `accept` says nothing to a merge where the document is there
    if (patch.kind === 'NetworkDefaultActionConfig') {
      if (gone || patch.ingress !== 'accept') ingress = gone ? undefined : (patch.ingress as FirewallConfig['ingress'])
      else ingress ??= 'accept'
    } else if (gone) rules.delete(patch.name ?? '')
    else {
      const { ports = [], protocol = 'tcp' } = patch.portSelector ?? {}
      rules.set(patch.name ?? '', {
        name: patch.name ?? '',
        protocol,
        ports: ports.map(String),
        ingress: patch.ingress as FirewallRule['ingress'],
      })
    }
  }
  return { ...(ingress ? { ingress } : {}), rules: [...rules.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)) }
}

const same = (a: FirewallConfig, b: FirewallConfig): boolean =>
  a.ingress === b.ingress &&
  a.rules.length === b.rules.length &&
  a.rules.every((r) =>
    sameRule(
      r,
      b.rules.find((o) => o.name === r.name),
    ),
  )

const cidr = networks.map(formatCidr)
const entry = fc.record({ subnet: cidr, except: cidr }, { requiredKeys: ['subnet'] }) as fc.Arbitrary<FirewallRule['ingress'][number]>
const rule = (name: string): fc.Arbitrary<FirewallRule> =>
  fc.record({
    name: fc.constant(name),
    protocol: fc.constantFrom('tcp', 'udp'),
    ports: fc.constantFrom(['50000'], ['2379-2380'], ['6443', '50001'], ['30000-32767']),
    ingress: fc.array(entry, { minLength: 1, maxLength: 3 }),
  })
const some = (...names: string[]): fc.Arbitrary<FirewallRule[]> =>
  fc.subarray(names).chain((chosen) => fc.tuple(...chosen.map(rule)) as fc.Arbitrary<FirewallRule[]>)
/** Every template is read again for every rule. */
const RUNS = { numRuns: 40 }
const OURS = ['preflight-apid', 'preflight-etcd', 'preflight-kubelet', 'preflight-flannel-vxlan', 'preflight-allow-9100-tcp']
const before: fc.Arbitrary<FirewallConfig> = fc.record(
  {
    ingress: fc.constantFrom('block', 'accept'),
    rules: fc.tuple(some('bastion', 'zz-last'), some(...OURS)).map(([a, b]) => [...a, ...b].toSorted((x, y) => (x.name < y.name ? -1 : 1))),
  },
  { requiredKeys: ['rules'] },
) as never
const wanted = some(...OURS).map((list) => list.toSorted((a, b) => (a.name < b.name ? -1 : 1)))

describe('the change', () => {
  test('brings every node from whatever it has to our rules, and leaves those of others', () => {
    fc.assert(
      fc.property(before, wanted, (config, rules) => {
        const change = firewallPatches(config, rules, template)
        expect(same(merged(config, change.patches), change.after)).toBe(true)
        expect(change.after.ingress).toBe('block')
        expect(change.after.rules.filter((r) => !isOurs(r))).toEqual(config.rules.filter((r) => !isOurs(r)))
        expect(change.after.rules.filter(isOurs).map((r) => r.name)).toEqual(rules.map((r) => r.name))
      }),
      RUNS,
    )
  })

  test('a second time is none', () => {
    fc.assert(
      fc.property(before, wanted, (config, rules) => {
        const { after } = firewallPatches(config, rules, template)
        expect(firewallPatches(after, rules, template)).toMatchObject({ patches: [], yaml: '' })
      }),
      RUNS,
    )
  })

  test('is the same as text, with its comments', () => {
    fc.assert(
      fc.property(before, wanted, (config, rules) => {
        const { patches, yaml } = firewallPatches(config, rules, template)
        expect(parseAllDocuments(yaml).map((d) => ('toJS' in d ? d.toJS() : undefined))).toEqual(patches)
      }),
      RUNS,
    )
    const { yaml } = firewallPatches({ rules: [] }, rulesOn('cp1'), template, (s) => (s === '10.0.0.12/32' ? 'cp2' : undefined))
    expect(yaml).toContain('# etcd, for control planes alone (INF-02)')
    expect(yaml).toContain('  - subnet: 10.0.0.12/32 # cp2\n')
  })

  test('does not touch a rule that says the same in another order and form', () => {
    const rules: FirewallRule[] = [
      { name: 'preflight-x', protocol: 'tcp', ports: ['1-3', '7'], ingress: [{ subnet: '10.0.0.0/8' }, { subnet: 'fd00::/8' }] },
    ]
    const turned = [{ ...rules[0], ports: ['7', '2-3', '1'], ingress: [{ subnet: 'fd00::/8' }, { subnet: '10.0.0.0/8' }] } as FirewallRule]
    expect(firewallPatches({ ingress: 'block', rules: turned }, rules, template).patches).toEqual([])
  })
})

describe('the way back', () => {
  test('leads to what was there, after one change and after several', () => {
    fc.assert(
      fc.property(before, fc.array(wanted, { minLength: 1, maxLength: 3 }), (config, changes) => {
        let now = config
        const records: Json[] = []
        for (const rules of changes) {
          const change = firewallPatches(now, rules, template)
          now = merged(now, change.patches)
          records.push(change.record)
        }
        const undo = firewallUndo(records, now)
        expect(same(merged(now, undo.patches), config)).toBe(true)
        expect(same(undo.after, config)).toBe(true)
        expect(undo.theirs).toEqual([])
        expect(firewallUndo(records, config).patches).toEqual([])
      }),
      RUNS,
    )
  })

  test('leaves what somebody changed since, and says which', () => {
    fc.assert(
      fc.property(before, wanted, rule('preflight-apid'), (config, rules, theirs) => {
        const change = firewallPatches(config, rules, template)
        const set = (change.record as unknown as { set: FirewallRule[] }).set.find((r) => r.name === theirs.name)
        if (!set || sameRule(set, theirs)) return
        const now = merged(change.after, [])
        const changed = { ...now, rules: now.rules.map((r) => (r.name === theirs.name ? theirs : r)) }
        const undo = firewallUndo([change.record], changed)
        expect(undo.theirs).toEqual([theirs.name])
        expect(merged(changed, undo.patches).rules.find((r) => r.name === theirs.name)).toEqual(theirs)
      }),
      RUNS,
    )
  })

  test('does not open a node that blocked before, and does not block one that somebody opened since', () => {
    const rules = rulesOn('w1')
    const blocked = firewallPatches({ ingress: 'block', rules: [] }, rules, template)
    expect(firewallUndo([blocked.record], blocked.after)).toMatchObject({ action: false, after: { ingress: 'block' } })
    const opened = firewallPatches({ ingress: 'accept', rules: [] }, rules, template)
    expect(firewallUndo([opened.record], opened.after)).toMatchObject({ action: true, after: { ingress: 'accept' } })
    expect(firewallUndo([opened.record], { ...opened.after, ingress: 'accept' })).toMatchObject({ action: false })
  })
})

describe('a rule as a document', () => {
  test('any rule is what its template becomes, and no comment leads out of its line', () => {
    fc.assert(
      fc.property(rule('preflight-apid'), fc.string({ unit: 'binary' }), (given, who) => {
        const text = fillRule(template('INF-02/apid.yaml'), given, () => who)
        const documents = parseAllDocuments(text)
        expect(documents).toHaveLength(1)
        expect(merged({ rules: [] }, [documents[0]?.toJS() as Json]).rules).toEqual([given])
      }),
      RUNS,
    )
  })

  test('a template that is no rule is refused', () => {
    expect(() => fillRule(template('INF-02/default-action.yaml'), { name: 'x', protocol: 'tcp', ports: [], ingress: [] })).toThrow(
      'the template is no rule',
    )
  })

  test('every rule of ours has a template of its own; what a network plugin needs has one together', () => {
    const change = {
      kubespan: true,
      dhcp6: ['cp1'],
      nodePorts: [{ owner: 'a/b', protocol: 'udp' as const, port: 30000 }],
      answers: { allow: { '9100/tcp': ['nodes'] } },
    }
    const named = rulesOn('cp1', change).map((r) => [r.name, templateOf(r)])
    expect(Object.fromEntries(named)).toEqual({
      'preflight-allow-9100-tcp': 'INF-02/allow.yaml',
      'preflight-apid': 'INF-02/apid.yaml',
      'preflight-dhcpv6': 'INF-02/dhcpv6.yaml',
      'preflight-etcd': 'INF-02/etcd.yaml',
      'preflight-flannel-vxlan': 'INF-02/cni.yaml',
      'preflight-kubelet': 'INF-02/kubelet.yaml',
      'preflight-kubernetes-api': 'INF-02/kubernetes-api.yaml',
      'preflight-kubespan': 'INF-02/kubespan.yaml',
      'preflight-nodeports-udp': 'INF-02/nodeports.yaml',
      'preflight-trustd': 'INF-02/trustd.yaml',
    })
  })

  test('other rules are put back where ours come in', () => {
    const bastion: FirewallRule = { name: 'bastion', protocol: 'tcp', ports: ['22'], ingress: [{ subnet: '192.0.2.0/24' }] }
    expect(withOurs({ rules: [bastion] }, []).rules).toEqual([bastion])
  })
})
