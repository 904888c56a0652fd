import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type End, type Flow, opensSentence, wouldBite } from '../../src/domain/network-match.ts'
import { type PolicySeen, readPolicy } from '../../src/domain/network-policy.ts'
import { flows, manifests, NAMESPACES, nodeOf, PODS, pod, policiesOf } from './network-world.ts'

const AROUND = { namespaces: NAMESPACES, pods: PODS }
const end = (text: string): End => (text.includes('/') ? { pod: text } : { address: text })
const flow = (from: string, to: string, port = 8080, protocol: Flow['protocol'] = 'tcp'): Flow => ({
  from: end(from),
  to: end(to),
  port,
  protocol,
})
const policy = (namespace: string, spec: object, name = 'p'): PolicySeen => readPolicy({ metadata: { name, namespace }, spec })
const bites = (policies: PolicySeen[], ...some: Flow[]): string[] =>
  wouldBite(policies, some, AROUND, nodeOf).map((b) => `${b.direction} by ${b.policies.join(', ')}`)

const DENY_IN = policy('red', { podSelector: {}, policyTypes: ['Ingress'] }, 'deny')
const letIn = (rule: object, name = 'allow') => policy('red', { podSelector: {}, policyTypes: ['Ingress'], ingress: [rule] }, name)

describe('a connection', () => {
  test('passes where no policy selects its pods, and is cut where one does and none allows it', () => {
    expect(bites([], flow('blue/web', 'red/web'))).toEqual([])
    expect(bites([DENY_IN], flow('blue/web', 'red/web'))).toEqual(['Ingress by red/deny'])
    expect(bites([DENY_IN], flow('red/web', 'blue/web'))).toEqual([])
    expect(bites([policy('red', { podSelector: { matchLabels: { app: 'db' } } })], flow('blue/web', 'red/web'))).toEqual([])
  })

  test('needs both ends', () => {
    const out = policy('blue', { podSelector: {}, policyTypes: ['Egress'] }, 'shut')
    expect(bites([DENY_IN, letIn({}), out], flow('blue/web', 'red/web'))).toEqual(['Egress by blue/shut'])
    expect(bites([DENY_IN, letIn({})], flow('blue/web', 'red/web'))).toEqual([])
  })

  test('by selectors in one peer needs both of them, and in two peers either', () => {
    const both = letIn({ from: [{ namespaceSelector: { matchLabels: { team: 'two' } }, podSelector: { matchLabels: { app: 'db' } } }] })
    expect(bites([both], flow('blue/web', 'red/web'))).toEqual(['Ingress by red/allow'])
    const either = letIn({
      from: [{ namespaceSelector: { matchLabels: { team: 'two' } } }, { podSelector: { matchLabels: { app: 'db' } } }],
    })
    expect(bites([either], flow('blue/web', 'red/web'), flow('red/db', 'red/web'))).toEqual([])
    // a selector of pods alone is about the namespace of the policy
    expect(bites([letIn({ from: [{ podSelector: { matchLabels: { app: 'web' } } }] })], flow('blue/web', 'red/db'))).toEqual([
      'Ingress by red/allow',
    ])
  })

  test('by blocks of addresses, with holes, and not for pods', () => {
    const block = letIn({ from: [{ ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.128/25'] } }] })
    expect(bites([block], flow('203.0.113.9', 'red/web'))).toEqual([])
    expect(bites([block], flow('203.0.113.200', 'red/web'))).toEqual(['Ingress by red/allow'])
    expect(
      bites([letIn({ from: [{ ipBlock: { cidr: '0.0.0.0/0' } }] })], flow('blue/web', 'red/web'), flow('2001:db8::1', 'red/web')),
    ).toEqual(['Ingress by red/allow', 'Ingress by red/allow'])
    expect(bites([letIn({ from: [{ ipBlock: { cidr: 'nonsense' } }] })], flow('203.0.113.9', 'red/web'))).toEqual(['Ingress by red/allow'])
  })

  test('by port, range, name and protocol', () => {
    const on = (...ports: object[]) => [letIn({ ports })]
    expect(bites(on({ port: 8080 }), flow('blue/web', 'red/web'))).toEqual([])
    expect(bites(on({ port: 8081 }), flow('blue/web', 'red/web'))).toHaveLength(1)
    expect(bites(on({ port: 8000, endPort: 8080 }), flow('blue/web', 'red/web'))).toEqual([])
    expect(bites(on({ port: 8000, endPort: 8079 }), flow('blue/web', 'red/web'))).toHaveLength(1)
    expect(bites(on({ port: 'http' }), flow('blue/web', 'red/web'))).toEqual([])
    expect(bites(on({ port: 'pg' }), flow('blue/web', 'red/web'))).toHaveLength(1)
    expect(bites(on({ protocol: 'UDP', port: 8080 }), flow('blue/web', 'red/web'))).toHaveLength(1)
    expect(bites(on({ protocol: 'TCP' }), flow('blue/web', 'red/web'))).toEqual([])
    expect(bites(on({ protocol: 'SCTP' }, { protocol: 'UDP' }), flow('blue/web', 'red/web', 53, 'udp'))).toEqual([])
  })

  test('from the own node always passes, and from another does not', () => {
    expect(bites([DENY_IN], flow('10.0.0.2', 'red/web'))).toEqual([])
    expect(bites([DENY_IN], flow('fd00::2', 'red/web'))).toEqual([])
    expect(bites([DENY_IN], flow('10.0.0.1', 'red/web'))).toHaveLength(1)
    const nowhere = { namespaces: NAMESPACES, pods: [pod('red/web', '10.244.0.1', {}, { node: '' })] }
    expect(wouldBite([DENY_IN], [flow('203.0.113.9', 'red/web')], nowhere, nodeOf)).toHaveLength(1)
  })

  test('of a pod with itself always passes', () => {
    expect(bites([DENY_IN, policy('red', { podSelector: {}, policyTypes: ['Egress'] })], flow('red/web', 'red/web'))).toEqual([])
  })

  test('of a pod in the network of its node is none of a pod', () => {
    const host = policy('blue', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
    expect(bites([host], { from: { pod: 'blue/agent' }, to: { address: '203.0.113.9' }, port: 443, protocol: 'tcp' })).toEqual([])
  })

  test('knows a namespace that vanished while we looked by its name', () => {
    const byName = letIn({ from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'blue' } } }] })
    const some = [flow('blue/web', 'red/web')]
    expect(wouldBite([byName], some, { namespaces: [], pods: PODS }, nodeOf)).toEqual([])
    const byLabel = letIn({ from: [{ namespaceSelector: { matchLabels: { team: 'two' } } }] })
    expect(wouldBite([byLabel], some, { namespaces: [], pods: PODS }, nodeOf)).toHaveLength(1)
  })
})

/* ---- against the words of the documentation, taken one by one ---------------------------------------------- */

/** biome-ignore lint/suspicious/noExplicitAny: plain JSON, walked as it comes */
type Raw = any
const labelsFit = (
  selector: { matchLabels?: Record<string, string>; matchExpressions?: { key: string; operator: string; values?: string[] }[] },
  labels: Record<string, string>,
) =>
  Object.entries(selector.matchLabels ?? {}).every(([k, v]) => labels[k] === v) &&
  (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key]
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value)
      case 'NotIn':
        return value === undefined || !values.includes(value)
      case 'Exists':
        return value !== undefined
      default:
        return value === undefined
    }
  })

const BLOCKS: Record<string, RegExp> = {
  '0.0.0.0/0': /^\d+\.\d+\.\d+\.\d+$/,
  '10.0.0.0/24': /^10\.0\.0\.\d+$/,
  '10.0.0.1/32': /^10\.0\.0\.1$/,
  '203.0.113.0/24': /^203\.0\.113\.\d+$/,
  '203.0.113.128/25': /^203\.0\.113\.(?:12[89]|1[3-9]\d|2\d\d)$/,
  '::/0': /:/,
}

function naive(objects: readonly object[], { from, to, port, protocol }: Flow): boolean {
  const find = (e: End) => ('pod' in e ? PODS.find((p) => !p.hostNetwork && `${p.namespace}/${p.name}` === e.pod) : undefined)
  const isPeer = (peer: Raw, e: End, home: string): boolean => {
    const block = peer.ipBlock as { cidr: string; except?: string[] } | undefined
    if (block)
      return (
        'address' in e &&
        (BLOCKS[block.cidr] as RegExp).test(e.address) &&
        !(block.except ?? []).some((x) => (BLOCKS[x] as RegExp).test(e.address))
      )
    const p = find(e)
    if (!p) return false
    const space = NAMESPACES.find((n) => n.name === p.namespace)
    const spaceLabels = { ...space?.labels, 'kubernetes.io/metadata.name': p.namespace }
    const inSpace = peer.namespaceSelector ? labelsFit(peer.namespaceSelector, spaceLabels) : p.namespace === home
    return inSpace && (peer.podSelector ? labelsFit(peer.podSelector, p.labels) : true)
  }
  const isPort = (wanted: { protocol?: string; port?: number | string; endPort?: number }): boolean => {
    if ((wanted.protocol ?? 'TCP').toLowerCase() !== protocol) return false
    if (wanted.port === undefined) return true
    if (typeof wanted.port === 'string')
      return Boolean(find(to)?.ports.find((q) => q.name === wanted.port && q.port === port && q.protocol === protocol))
    return port >= wanted.port && port <= (wanted.endPort ?? wanted.port)
  }
  const open = (type: 'Ingress' | 'Egress', near: End, far: End): boolean => {
    const p = find(near)
    if (!p) return true
    const over = (objects as Raw[]).filter((o) => {
      const { metadata, spec } = o
      return metadata.namespace === p.namespace && spec.policyTypes.includes(type) && labelsFit(spec.podSelector, p.labels)
    })
    if (over.length === 0) return true
    const key = type === 'Ingress' ? 'from' : 'to'
    return over.some((o) =>
      (o.spec[type.toLowerCase()] as Raw[]).some((rule) => {
        const peers = rule[key] as Raw[] | undefined
        const ports = rule.ports as Raw[] | undefined
        return (!peers || peers.some((q) => isPeer(q, far, p.namespace))) && (!ports || ports.some((q) => isPort(q as never)))
      }),
    )
  }
  if ('pod' in from && 'pod' in to && from.pod === to.pod) return true
  const own = 'address' in from && find(to) !== undefined && nodeOf(from.address) === find(to)?.node
  return open('Egress', from, to) && (own || open('Ingress', to, from))
}

describe('any policies and any connection', () => {
  test('come to what the documentation says', () => {
    fc.assert(
      fc.property(manifests, flows, (objects, some) => {
        expect(wouldBite(policiesOf(objects), [some], AROUND, nodeOf).length === 0).toBe(naive(objects, some))
      }),
      { numRuns: 5000 },
    )
  })

  test('let no less through with a policy that allows everything beside those that select the same pods', () => {
    fc.assert(
      fc.property(manifests, flows, (objects, some) => {
        const open = ['red', 'blue'].map((namespace) =>
          policy(namespace, { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{}], egress: [{}] }, 'open'),
        )
        expect(wouldBite([...policiesOf(objects), ...open], [some], AROUND, nodeOf)).toEqual([])
      }),
    )
  })
})

describe('a policy that opens every pod', () => {
  const opens = (spec: object) => opensSentence('red', [DENY_IN, policy('red', { podSelector: {}, ...spec }, 'wide')])
  test('is named, with the ways that it opens', () => {
    expect(opens({ ingress: [{}], egress: [{}] })).toBe('wide lets everything in and out, whatever other policies shut')
    expect(opens({ ingress: [{ from: [{ podSelector: {} }] }, {}] })).toBe('wide lets everything in, whatever other policies shut')
    expect(opens({ policyTypes: ['Egress'], ingress: [{}], egress: [{ to: [{ ipBlock: { cidr: '0.0.0.0/0' } }] }] })).toBe(
      'wide lets everything out, whatever other policies shut',
    )
    expect(opens({ ingress: [{ from: [{ ipBlock: { cidr: '::/0' } }] }] })).toBe('wide lets everything in, whatever other policies shut')
  })

  test.each([
    ['for some pods', { podSelector: { matchLabels: { app: 'web' } }, ingress: [{}] }],
    ['on some ports', { ingress: [{ ports: [{ port: 1, endPort: 65535 }] }] }],
    ['with every pod', { ingress: [{ from: [{ namespaceSelector: {} }] }] }],
    ['with everybody but one', { ingress: [{ from: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }] }] }],
    ['without a rule', { policyTypes: ['Ingress', 'Egress'] }],
    ['in a direction that is not of its types', { policyTypes: ['Ingress'], egress: [{}] }],
  ])('is none that is %s', (_, spec) => {
    expect(opens(spec)).toBeUndefined()
  })

  test('is none of another namespace', () => {
    expect(opensSentence('blue', [policy('red', { podSelector: {}, ingress: [{}] })])).toBeUndefined()
  })
})
