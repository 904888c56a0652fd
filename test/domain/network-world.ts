import fc from 'fast-check'
import type { Flow } from '../../src/domain/network-match.ts'
import { type NamespaceSeen, type PodSeen, type PolicySeen, readPolicy, type ServiceSeen } from '../../src/domain/network-policy.ts'
import type { Socket } from '../../src/domain/sockets.ts'

/** A small cluster of two namespaces, a control plane and a worker, and random traffic and policies in it. */

export const MEMBERS = [
  { name: 'cp1', address: '10.0.0.1', addresses: ['10.0.0.1'], type: 'controlplane' as const },
  { name: 'w1', address: '10.0.0.2', addresses: ['10.0.0.2', 'fd00::2'], type: 'worker' as const },
]
export const nodeOf = (address: string): string | undefined => MEMBERS.find((m) => m.addresses.includes(address))?.name

export const NAMESPACES: NamespaceSeen[] = [
  { name: 'red', labels: { team: 'one' } },
  { name: 'blue', labels: { team: 'two' } },
  { name: 'kube-system', labels: {} },
]

export const pod = (key: string, ip: string, labels: Record<string, string>, more: Partial<PodSeen> = {}): PodSeen => {
  const [namespace = '', name = ''] = key.split('/')
  return { namespace, name, labels, ips: [ip], ports: [], hostNetwork: false, node: 'w1', ...more }
}

export const PODS: PodSeen[] = [
  pod('red/web', '10.244.0.1', { app: 'web', tier: 'front' }, { ports: [{ name: 'http', port: 8080, protocol: 'tcp' }] }),
  pod('red/db', '10.244.0.2', { app: 'db' }, { ports: [{ name: 'pg', port: 5432, protocol: 'tcp' }] }),
  pod('red/bare', '10.244.0.3', { 'pod-template-hash': 'x' }),
  pod('blue/web', '10.244.1.1', { app: 'web' }, { ports: [{ name: 'http', port: 8081, protocol: 'tcp' }] }),
  pod('blue/job', '10.244.1.2', {}, { node: 'cp1' }),
  pod('blue/agent', '10.0.0.2', { app: 'agent' }, { hostNetwork: true }),
  pod('kube-system/coredns', '10.244.2.1', { 'k8s-app': 'kube-dns' }, { ports: [{ name: 'dns', port: 53, protocol: 'udp' }] }),
]

export const SERVICES: ServiceSeen[] = [
  {
    namespace: 'default',
    name: 'kubernetes',
    type: 'ClusterIP',
    selector: {},
    clusterIPs: ['10.96.0.1'],
    ports: [{ port: 443, targetPort: 6443, protocol: 'tcp' }],
  },
  {
    namespace: 'red',
    name: 'db',
    type: 'ClusterIP',
    selector: { app: 'db' },
    clusterIPs: ['10.96.0.2'],
    ports: [{ port: 5432, targetPort: 'pg', protocol: 'tcp' }],
  },
]

export const socket = (
  pod_: string | undefined,
  local: [string, number],
  peer: [string, number] | undefined,
  more: Partial<Socket> = {},
): Socket => ({
  protocol: 'tcp',
  local: { address: local[0], port: local[1] },
  ...(peer ? { peer: { address: peer[0], port: peer[1] } } : {}),
  state: peer ? 'ESTABLISHED' : 'LISTEN',
  ...(pod_ ? { pod: pod_ } : {}),
  ...more,
})

/* ---- random ones -------------------------------------------------------------------------------------------- */

const labels = fc.constantFrom({}, { app: 'web' }, { app: 'db' }, { app: 'web', tier: 'front' }, { absent: 'x' })
const expression = fc.constantFrom(
  { key: 'app', operator: 'In', values: ['web', 'db'] },
  { key: 'app', operator: 'NotIn', values: ['web'] },
  { key: 'tier', operator: 'Exists' },
  { key: 'app', operator: 'DoesNotExist' },
)
const selector = fc.record({ matchLabels: labels, matchExpressions: fc.array(expression, { maxLength: 1 }) })
const spaces = fc.constantFrom({}, { matchLabels: { team: 'one' } }, { matchLabels: { 'kubernetes.io/metadata.name': 'blue' } })
const peer = fc.oneof(
  fc.record({ podSelector: selector }),
  fc.record({ namespaceSelector: spaces }),
  fc.record({ podSelector: selector, namespaceSelector: spaces }),
  fc.record({
    ipBlock: fc.constantFrom<object>(
      { cidr: '0.0.0.0/0' },
      { cidr: '10.0.0.0/24', except: ['10.0.0.1/32'] },
      { cidr: '203.0.113.0/24', except: ['203.0.113.128/25'] },
      { cidr: '::/0' },
    ),
  }),
)
const port = fc.constantFrom<object>(
  { protocol: 'TCP', port: 8080 },
  { protocol: 'TCP', port: 'http' },
  { port: 5432 },
  { protocol: 'TCP', port: 5000, endPort: 9000 },
  { protocol: 'UDP' },
)
const rules = (whom: 'from' | 'to') =>
  fc.array(
    fc.tuple(fc.array(peer, { maxLength: 2 }), fc.array(port, { maxLength: 2 })).map(([p, q]) => ({
      ...(p.length > 0 ? { [whom]: p } : {}),
      ...(q.length > 0 ? { ports: q } : {}),
    })),
    { maxLength: 2 },
  )

/** As Kubernetes keeps them. */
export const manifests = fc.array(
  fc.record({
    metadata: fc.record({ namespace: fc.constantFrom('red', 'blue'), name: fc.constantFrom('a', 'b', 'c') }),
    spec: fc.record({
      podSelector: selector,
      policyTypes: fc.constantFrom(['Ingress'], ['Egress'], ['Ingress', 'Egress']),
      ingress: rules('from'),
      egress: rules('to'),
    }),
  }),
  { maxLength: 4 },
)
export const policiesOf = (objects: readonly object[]): PolicySeen[] => objects.map(readPolicy)

const inPods = fc.constantFrom(...PODS.filter((p) => !p.hostNetwork).map((p) => ({ pod: `${p.namespace}/${p.name}` })))
const outside = fc.constantFrom(
  { address: '10.0.0.1' },
  { address: '10.0.0.2' },
  { address: '203.0.113.9' },
  { address: '203.0.113.200' },
  { address: '2001:db8::1' },
)
export const flows: fc.Arbitrary<Flow> = fc
  .tuple(
    fc.oneof(inPods, outside),
    fc.oneof(inPods, outside),
    fc.constantFrom(8080, 8081, 5432, 53),
    fc.constantFrom('tcp' as const, 'udp' as const),
  )
  .map(([from, to, on, protocol]) => ({ from, to, port: on, protocol }))
