import type { Json } from '../../../src/contract.ts'
import { type KubernetesCluster, mustKubectl } from './kubernetes.ts'
import type { Places } from './shape.ts'

/** What runs on a cluster with Kubernetes while verbs are tried on it: of everything that we parse there is one. */

/** One pod, `gateway-0`, that baseline lets in and restricted does not. */
export const LAB = 'tp-lab'
/** One pod on each worker, with a port of the node. */
export const MORE = 'tp-lab-more'
/** Nobody has made it. */
export const NOWHERE = 'tp-nowhere'

export const policyOf = (name: string, namespace = LAB): Json => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace },
  spec: {
    podSelector: {},
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'agent' } } }] }],
    egress: [{}],
  },
})

const template = (app: string, ports: object[]) => ({
  metadata: { labels: { app } },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: app, image: 'registry.k8s.io/e2e-test-images/busybox:1.36.1-1', command: ['sleep', '3600'], ports }],
  },
})
const namespace = (name: string, labels = {}) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
const workload = (kind: string, ns: string, app: string, ports: object[], more: object) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name: app, namespace: ns },
  spec: { selector: { matchLabels: { app } }, template: template(app, ports), ...more },
})
const service = (ns: string, name: string, spec: object) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: ns }, spec })

const OBJECTS = [
  namespace(LAB),
  namespace(MORE, { 'pod-security.kubernetes.io/enforce': 'privileged' }),
  workload('StatefulSet', LAB, 'gateway', [{ name: 'http', containerPort: 8080 }], { serviceName: 'gateway', replicas: 1 }),
  service(LAB, 'gateway', {
    type: 'NodePort',
    selector: { app: 'gateway' },
    ports: [{ name: 'http', port: 80, targetPort: 'http', nodePort: 31080 }],
  }),
  // written since the API server last started, or it counts no write of a Secret
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'word', namespace: LAB }, stringData: { word: 'said' } },
  policyOf('from-agent'),
  workload('DaemonSet', MORE, 'agent', [{ containerPort: 9100, hostPort: 9100 }], {}),
  workload('Deployment', MORE, 'web', [{ containerPort: 53, protocol: 'UDP' }], { replicas: 1 }),
  service(MORE, 'web', {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 31900,
    selector: { app: 'web' },
    ports: [{ port: 53, protocol: 'UDP', nodePort: 31053 }],
  }),
]

/** Until every pod of it is ready. */
export function furnish(cluster: KubernetesCluster): void {
  mustKubectl(cluster, ['apply', '--filename', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: OBJECTS }))
  for (const { kind, metadata } of OBJECTS as { kind: string; metadata: { name: string; namespace: string } }[])
    if (/Set$|^Deployment$/.test(kind))
      mustKubectl(cluster, ['rollout', 'status', `${kind}/${metadata.name}`, '--namespace', metadata.namespace, '--timeout', '55s'])
}

/** Nobody else on the cluster shall find any of it. */
export const clear = (cluster: KubernetesCluster): void =>
  void mustKubectl(cluster, ['delete', 'namespaces', LAB, MORE, '--ignore-not-found', '--wait', '--timeout', '50s'])

export const LAB_PLACES: Places = { [LAB]: '<namespace>', [NOWHERE]: '<no namespace>' }
