import { describe, expect, test } from 'vitest'
import {
  deniesByDefault,
  deniesSentence,
  enforcement,
  parseConflicts,
  readinessOf,
  readPolicy,
  readyAsBefore,
  refuseNamespace,
  type WorkloadSeen,
} from '../../src/domain/network-policy.ts'
import { kubectlRecording, TALOS } from './kubectl-recording.ts'
import { NAMESPACES } from './network-world.ts'

const policy = (spec: object, name = 'p') => readPolicy({ metadata: { name, namespace: 'red' }, spec })

describe('a policy', () => {
  test('is read as Kubernetes keeps it', () => {
    const read = policy({
      podSelector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['a'] }] },
      policyTypes: ['Egress'],
      egress: [
        {
          to: [
            { namespaceSelector: {}, podSelector: { matchLabels: { app: 'db' } } },
            { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
          ],
          ports: [{ protocol: 'UDP', port: 53 }, { port: 'http' }, { protocol: 'SCTP', port: 1, endPort: 9 }, { protocol: 'TCP' }],
        },
      ],
    })
    const any = { matchLabels: {}, matchExpressions: [] }
    expect(read).toEqual({
      namespace: 'red',
      name: 'p',
      labels: {},
      podSelector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['a'] }] },
      types: ['Egress'],
      ingress: [],
      egress: [
        {
          peers: [
            { namespaceSelector: any, podSelector: { ...any, matchLabels: { app: 'db' } } },
            { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
          ],
          ports: [
            { protocol: 'udp', port: 53 },
            { protocol: 'tcp', port: 'http' },
            { protocol: 'sctp', port: 1, endPort: 9 },
            { protocol: 'tcp' },
          ],
        },
      ],
    })
  })

  test('without types is about ingress, and about egress where it has rules for it', () => {
    expect(policy({ podSelector: {} }).types).toEqual(['Ingress'])
    expect(policy({ podSelector: {}, egress: [] }).types).toEqual(['Ingress'])
    expect(policy({ podSelector: {}, egress: [{}] }).types).toEqual(['Ingress', 'Egress'])
  })

  test('that is none is one that says nothing', () => {
    expect(readPolicy(null)).toMatchObject({ name: '', namespace: '', types: ['Ingress'], ingress: [] })
  })
})

describe('a default deny', () => {
  test('is a policy for every pod without a rule, in each direction', () => {
    const both = policy({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
    expect(deniesByDefault([both])).toEqual({ ingress: true, egress: true })
    expect(deniesByDefault([policy({ podSelector: {} }), policy({ podSelector: {}, policyTypes: ['Egress'] })])).toEqual({
      ingress: true,
      egress: true,
    })
    expect(deniesByDefault([policy({ podSelector: {} })])).toEqual({ ingress: true, egress: false })
    expect(deniesByDefault([policy({ podSelector: { matchLabels: { a: 'b' } }, policyTypes: ['Ingress', 'Egress'] })])).toEqual({
      ingress: false,
      egress: false,
    })
    expect(deniesByDefault([policy({ podSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } })])).toEqual({
      ingress: false,
      egress: false,
    })
    expect(deniesByDefault([policy({ podSelector: {}, ingress: [{}] })])).toEqual({ ingress: false, egress: false })
    expect(deniesByDefault([])).toEqual({ ingress: false, egress: false })
  })

  test('that is missing has its sentence', () => {
    expect(deniesSentence('red', [policy({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })])).toBeUndefined()
    expect(deniesSentence('red', [policy({ podSelector: {} })])).toBe('1 policy, and what none of them names is let out')
    expect(deniesSentence('red', [policy({ podSelector: { matchLabels: { a: 'b' } } }), policy({ podSelector: {}, ingress: [{}] })])).toBe(
      '2 policies, and what none of them names is let in and let out',
    )
    expect(deniesSentence('blue', [policy({ podSelector: {} })])).toBe(
      'no network policy: every pod may talk to every pod, and to the outside',
    )
  })

  test('is not for the namespaces of the cluster itself, nor for one that vanished while we looked', () => {
    expect(refuseNamespace('red', NAMESPACES)).toBeUndefined()
    expect(refuseNamespace('kube-system', NAMESPACES)).toBe(
      'kube-system belongs to the cluster itself: a default deny there cuts CoreDNS off the DNS of the node (169.254.116.108)',
    )
    expect(refuseNamespace('green', NAMESPACES)).toBe('there is no namespace green, or not any more')
  })
})

describe('who enforces', () => {
  const seen = (...names: string[]) => enforcement(names.map((name) => ({ name, containers: ['main'] })))
  test.each([
    ['cilium', 'Cilium'],
    ['calico-node', 'Calico'],
    ['canal', 'Calico over flannel'],
    ['kube-router', 'kube-router'],
  ])('%s does', (name, plugin) => {
    expect(seen('kube-proxy', 'kube-flannel', name)).toMatchObject({ plugin, enforces: true })
  })

  test('Cilium does, but for addresses of nodes', () => {
    expect(seen('cilium').sentence).toMatch(
      /^Cilium is there to enforce network policies; it does not match addresses of nodes, the API server among them/,
    )
  })

  test('flannel does not, unless it runs the program that does', () => {
    expect(seen('kube-flannel')).toMatchObject({ enforces: false })
    expect(enforcement([{ name: 'kube-flannel', containers: ['kube-flannel', 'kube-network-policies'] }])).toEqual({
      plugin: 'flannel',
      enforces: true,
      sentence: 'flannel is there to enforce network policies, through kube-network-policies',
    })
  })

  test('a plugin that we do not know may or may not', () => {
    const unknown = seen('kube-proxy', 'my-cni')
    expect(unknown).toEqual({
      plugin: 'unknown',
      sentence: 'it is not known whether anything here enforces network policies: no DaemonSet of a plugin that we know was found',
    })
    expect('enforces' in unknown).toBe(false)
    expect(enforcement([]).plugin).toBe('unknown')
  })
})

describe('workloads', () => {
  const workload = (name: string, ready: number, namespace = 'red'): WorkloadSeen => ({
    kind: 'Deployment',
    namespace,
    name,
    desired: 3,
    ready,
    containers: [],
  })
  test('are as ready as before, or it is said which is not', () => {
    const before = [workload('web', 2), workload('db', 1)]
    expect(readyAsBefore([workload('web', 2), workload('db', 3), workload('new', 0)], before)).toBe(true)
    expect(readyAsBefore([workload('web', 1), workload('db', 1)], before)).toBe('Deployment red/web has 1 of 2 pods ready that it had')
    expect(readyAsBefore([workload('db', 1)], before)).toBe('Deployment red/web is gone')
    expect(readyAsBefore([], [])).toBe(true)
  })

  test('are kept for the check behind the change, those of the namespace alone', () => {
    expect(readinessOf([workload('web', 2), workload('db', 1, 'blue')], 'red')).toEqual([
      { kind: 'Deployment', namespace: 'red', name: 'web', ready: 2 },
    ])
  })
})

describe('a conflict', () => {
  test.each(TALOS)('is named with its manager and fields, as kubectl told it on Talos %s', (talos) => {
    expect(parseConflicts(kubectlRecording(talos, 'apply-conflict').stderr)).toEqual([
      { manager: 'someone', fields: ['.spec.ingress', '.spec.podSelector', '.spec.policyTypes'] },
    ])
  })

  test('with several has each of them', () => {
    expect(
      parseConflicts(
        'error: Apply failed with 2 conflicts: conflicts with "a" using networking.k8s.io/v1:\n- .spec.egress\nconflicts with "b":\n- .spec.ingress\nPlease',
      ),
    ).toEqual([
      { manager: 'a', fields: ['.spec.egress'] },
      { manager: 'b', fields: ['.spec.ingress'] },
    ])
  })

  test('of one field is one line', () => {
    expect(
      parseConflicts(
        'error: Apply failed with 1 conflict: conflict with "other" using networking.k8s.io/v1: .spec.policyTypes\nPlease review',
      ),
    ).toEqual([{ manager: 'other', fields: ['.spec.policyTypes'] }])
    expect(
      parseConflicts(
        'Apply failed with 1 conflict: conflict with "kubectl-edit" using networking.k8s.io/v1 at 2026-11-23T16:00:00Z: .spec.policyTypes\n',
      ),
    ).toEqual([{ manager: 'kubectl-edit', fields: ['.spec.policyTypes'] }])
    expect(parseConflicts('Error from server (NotFound): namespaces "probe-gone" not found')).toEqual([])
  })
})
