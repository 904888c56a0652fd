import type { Json } from '../contract.ts'

/** What runs in the simulated Kubernetes: two applications that talk to each other, somebody who watches them, and flannel. */

interface PracticePod {
  namespace: string
  name: string
  labels: Record<string, string>
  owner: string
  node: string
  /** `node`: it has none of its own. */
  address: string
  port: number
  portName?: string
}

const pod = (
  namespace: string,
  name: string,
  labels: Record<string, string>,
  owner: string,
  node: string,
  address: string,
  port: number,
): PracticePod => ({ namespace, name, labels, owner, node, address, port })

export const PODS: PracticePod[] = [
  pod('payments', 'web-7d9c6b5f4-k2x8p', { app: 'web', 'pod-template-hash': '7d9c6b5f4' }, 'ReplicaSet', 'w1', '10.244.3.11', 8080),
  pod('payments', 'web-7d9c6b5f4-q9m4z', { app: 'web', 'pod-template-hash': '7d9c6b5f4' }, 'ReplicaSet', 'w2', '10.244.4.12', 8080),
  pod(
    'payments',
    'database-0',
    { app: 'database', 'statefulset.kubernetes.io/pod-name': 'database-0' },
    'StatefulSet',
    'w2',
    '10.244.4.20',
    5432,
  ),
  pod('monitoring', 'prometheus-0', { app: 'prometheus' }, 'StatefulSet', 'w1', '10.244.3.30', 9090),
  ...['cp1', 'cp2', 'cp3', 'w1', 'w2'].map((node) =>
    pod('monitoring', `node-exporter-${node}`, { app: 'node-exporter' }, 'DaemonSet', node, 'node', 9100),
  ),
  pod('legacy', 'gateway-0', { app: 'gateway' }, 'StatefulSet', 'w1', '10.244.3.40', 8000),
]

/** Connections between pods: who, to whom. */
export const TALKS: [from: string, to: string][] = [
  ['web-7d9c6b5f4-k2x8p', 'database-0'],
  ['web-7d9c6b5f4-q9m4z', 'database-0'],
  ['prometheus-0', 'web-7d9c6b5f4-k2x8p'],
  ['prometheus-0', 'web-7d9c6b5f4-q9m4z'],
]

/** Who scrapes the nodes from outside of the cluster. */
export const SCRAPER = '10.20.7.20'

export const NAMESPACES: { name: string; labels: Record<string, string> }[] = [
  'default',
  'kube-node-lease',
  'kube-public',
  'kube-system',
  'legacy',
  'monitoring',
  'payments',
].map((name) => ({
  name,
  labels: {
    'kubernetes.io/metadata.name': name,
    ...(name === 'monitoring' ? { 'pod-security.kubernetes.io/enforce': 'privileged' } : {}),
  },
}))

export const SERVICES = [
  { namespace: 'default', name: 'kubernetes', type: 'ClusterIP', selector: {}, clusterIP: '10.96.0.1', port: 443, targetPort: 6443 },
  { namespace: 'payments', name: 'web', type: 'ClusterIP', selector: { app: 'web' }, clusterIP: '10.96.14.2', port: 80, targetPort: 8080 },
  {
    namespace: 'payments',
    name: 'database',
    type: 'ClusterIP',
    selector: { app: 'database' },
    clusterIP: '10.96.14.3',
    port: 5432,
    targetPort: 5432,
  },
]

/** Kind, namespace, name, pods, containers. */
export const WORKLOADS: [kind: string, namespace: string, name: string, pods: number, containers: string[]][] = [
  ['Deployment', 'payments', 'web', 2, ['web']],
  ['StatefulSet', 'payments', 'database', 1, ['database']],
  ['StatefulSet', 'monitoring', 'prometheus', 1, ['prometheus']],
  ['StatefulSet', 'legacy', 'gateway', 1, ['gateway']],
  ['DaemonSet', 'monitoring', 'node-exporter', 5, ['node-exporter']],
  ['DaemonSet', 'kube-system', 'kube-flannel', 5, ['kube-flannel', 'kube-network-policies']],
]

const policy = (namespace: string, name: string, spec: Json): Json => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace },
  spec,
})

/** Somebody has begun to shut namespaces, and has not come to `payments`. */
export const policiesAtFirst = (): Json[] => [
  ...['default', 'legacy', 'monitoring'].map((namespace) =>
    policy(namespace, 'deny-all', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
  ),
  policy('monitoring', 'scrape-everything', {
    podSelector: { matchLabels: { app: 'prometheus' } },
    policyTypes: ['Egress'],
    egress: [{}],
  }),
]
