import type { VerbName } from '../../src/domain/verbs.ts'
import type { Expected } from './argument-lists.ts'

/** The same of kubectl. Its calls get `--kubeconfig --context --request-timeout` in front. */

/** A line for each object, its cells between tabs. */
const jsonpath = (...fields: string[]): string => `jsonpath={range .items[*]}${fields.map((f) => `{${f}}`).join('{"\\t"}')}{"\\n"}{end}`

export const OF_KUBECTL: Expected<Extract<VerbName, `kubectl.${string}`>> = {
  'kubectl.serverVersion': [{}, ['kubectl', 'version', '--output', 'json'], { kubernetes: true }],
  'kubectl.nodes': [{}, ['kubectl', 'get', 'nodes', '--output', 'json'], { kubernetes: true }],
  'kubectl.bindings': [
    {},
    [
      'kubectl',
      'get',
      'clusterrolebindings.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io',
      '--all-namespaces',
      '--output',
      'json',
    ],
    { kubernetes: true },
  ],
  'kubectl.metrics': [{}, ['kubectl', 'get', '--raw', '/metrics'], { kubernetes: true }],
  'kubectl.clientVersion': [{}, ['kubectl', 'version', '--client', '--output', 'json'], {}],
  'kubectl.controlPlanePods': [
    {},
    ['kubectl', 'get', 'pods', '--namespace', 'kube-system', '--selector', 'tier=control-plane', '--output', 'json'],
    { kubernetes: true },
  ],
  'kubectl.readyz': [
    { address: 'fd00::1' },
    ['kubectl', '--server', 'https://[fd00::1]:6443', 'get', '--raw', '/readyz'],
    { kubernetes: true },
  ],
  'kubectl.leases': [
    {},
    [
      'kubectl',
      'get',
      'leases.coordination.k8s.io',
      'kube-scheduler',
      'kube-controller-manager',
      '--namespace',
      'kube-system',
      '--output',
      'json',
    ],
    { kubernetes: true },
  ],
  'kubectl.namespaces': [{}, ['kubectl', 'get', 'namespaces', '--output', 'json'], { kubernetes: true }],
  // no field of a pod but these: the environment of a container may hold secrets
  'kubectl.pods': [
    {},
    [
      'kubectl',
      'get',
      'pods',
      '--all-namespaces',
      '--output',
      jsonpath(
        '.metadata.namespace',
        '.metadata.name',
        '.metadata.labels',
        '.metadata.ownerReferences[*].kind',
        '.spec.nodeName',
        '.spec.hostNetwork',
        '.status.podIPs[*].ip',
        '.status.conditions[?(@.type=="Ready")].status',
        '.status.phase',
        '.spec.containers[*].ports',
      ),
    ],
    { kubernetes: true },
  ],
  'kubectl.services': [{}, ['kubectl', 'get', 'services', '--all-namespaces', '--output', 'json'], { kubernetes: true }],
  'kubectl.workloads': [
    {},
    [
      'kubectl',
      'get',
      'deployments.apps,statefulsets.apps,daemonsets.apps',
      '--all-namespaces',
      '--output',
      jsonpath(
        '.kind',
        '.metadata.namespace',
        '.metadata.name',
        '.spec.replicas',
        '.status.readyReplicas',
        '.status.desiredNumberScheduled',
        '.status.numberReady',
        '.spec.template.spec.containers[*].name',
      ),
    ],
    { kubernetes: true },
  ],
  'kubectl.policies': [
    {},
    ['kubectl', 'get', 'networkpolicies.networking.k8s.io', '--all-namespaces', '--output', 'json'],
    { kubernetes: true },
  ],
  'kubectl.previewLevel': [
    { level: 'restricted', namespaces: ['shop', 'web'] },
    ['kubectl', 'label', '--dry-run=server', '--overwrite', 'namespaces', 'shop', 'web', 'pod-security.kubernetes.io/enforce=restricted'],
    { kubernetes: true },
  ],
  'kubectl.privilegedPod': [
    { namespace: 'default' },
    ['kubectl', 'create', '--dry-run=server', '--filename', '-'],
    {
      kubernetes: true,
      input:
        '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"talos-preflight-privileged","namespace":"default"},"spec":{"containers":[{"name":"probe","image":"registry.k8s.io/pause:3.10","securityContext":{"privileged":true}}]}}',
    },
  ],
  'kubectl.apply': [
    { manifests: [{ kind: 'NetworkPolicy' }], dryRun: false },
    ['kubectl', 'apply', '--server-side', '--field-manager', 'talos-preflight', '--filename', '-'],
    { kubernetes: true, input: '{"apiVersion":"v1","kind":"List","items":[{"kind":"NetworkPolicy"}]}', changes: true },
  ],
  'kubectl.deletePolicies': [
    { namespace: 'shop', names: ['default-deny', 'allow-dns'], dryRun: false },
    ['kubectl', 'delete', 'networkpolicies.networking.k8s.io', 'default-deny', 'allow-dns', '--namespace', 'shop', '--ignore-not-found'],
    { kubernetes: true, changes: true },
  ],
  'kubectl.deleteNamespace': [
    { name: 'talos-preflight-probe' },
    ['kubectl', 'delete', 'namespaces', 'talos-preflight-probe', '--ignore-not-found', '--wait', '--timeout', '90s'],
    { kubernetes: true, changes: true },
  ],
  'kubectl.kubeletConfig': [{ node: 'w1' }, ['kubectl', 'get', '--raw', '/api/v1/nodes/w1/proxy/configz'], { kubernetes: true }],
  'kubectl.probePods': [
    {},
    [
      'kubectl',
      'get',
      'pods',
      '--namespace',
      'talos-preflight-probe',
      '--selector',
      'app.kubernetes.io/name=talos-preflight-probe',
      '--output',
      'json',
    ],
    { kubernetes: true },
  ],
}
