import { privilegedPod } from '../domain/admission.ts'
import { PROBE_LABEL, PROBE_NAMESPACE } from '../domain/enforcement-probe.ts'
import type { VerbName } from '../domain/verbs.ts'
import type { VerbTable } from './verb.ts'

/**
 * Fields of each object on a line, separated by tabs; maps and lists come as JSON. So that nothing else of a pod, such as the
 * environment of its containers, ever comes here. https://kubernetes.io/docs/reference/kubectl/jsonpath/
 */
const lines = (fields: readonly string[]): string => `jsonpath={range .items[*]}${fields.map((f) => `{${f}}`).join('{"\\t"}')}{"\\n"}{end}`

const POD_FIELDS = lines([
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
])
const WORKLOAD_FIELDS = lines([
  '.kind',
  '.metadata.namespace',
  '.metadata.name',
  '.spec.replicas',
  '.status.readyReplicas',
  '.status.desiredNumberScheduled',
  '.status.numberReady',
  '.spec.template.spec.containers[*].name',
])

/** kubectl, with the operator's kubeconfig and context named in every call. Calls get `--kubeconfig --context --request-timeout` in front. */
export const kubectl = {
  'kubectl.clientVersion': { tool: 'kubectl', argv: () => ['version', '--client', '--output', 'json'], seconds: 10 },
  'kubectl.serverVersion': { tool: 'kubectl', kubernetes: true, argv: () => ['version', '--output', 'json'], seconds: 20 },
  'kubectl.nodes': { tool: 'kubectl', kubernetes: true, argv: () => ['get', 'nodes', '--output', 'json'], seconds: 30 },
  'kubectl.bindings': {
    tool: 'kubectl',
    kubernetes: true,
    argv: () => [
      'get',
      'clusterrolebindings.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io',
      '--all-namespaces',
      '--output',
      'json',
    ],
    seconds: 30,
  },
  'kubectl.controlPlanePods': {
    tool: 'kubectl',
    kubernetes: true,
    argv: () => ['get', 'pods', '--namespace', 'kube-system', '--selector', 'tier=control-plane', '--output', 'json'],
    seconds: 20,
  },
  'kubectl.readyz': {
    tool: 'kubectl',
    kubernetes: true,
    argv: (a) => ['--server', `https://${a.address.includes(':') ? `[${a.address}]` : a.address}:6443`, 'get', '--raw', '/readyz'],
    seconds: 20,
  },
  'kubectl.leases': {
    tool: 'kubectl',
    kubernetes: true,
    argv: () => [
      'get',
      'leases.coordination.k8s.io',
      'kube-scheduler',
      'kube-controller-manager',
      '--namespace',
      'kube-system',
      '--output',
      'json',
    ],
    seconds: 20,
  },
  'kubectl.namespaces': { tool: 'kubectl', kubernetes: true, argv: () => ['get', 'namespaces', '--output', 'json'], seconds: 30 },
  'kubectl.pods': {
    tool: 'kubectl',
    kubernetes: true,
    argv: () => ['get', 'pods', '--all-namespaces', '--output', POD_FIELDS],
    seconds: 60,
  },
  'kubectl.services': {
    tool: 'kubectl',
    kubernetes: true,
    argv: () => ['get', 'services', '--all-namespaces', '--output', 'json'],
    seconds: 30,
  },
  'kubectl.workloads': {
    tool: 'kubectl',
    kubernetes: true,
    argv: () => ['get', 'deployments.apps,statefulsets.apps,daemonsets.apps', '--all-namespaces', '--output', WORKLOAD_FIELDS],
    seconds: 30,
  },
  'kubectl.policies': {
    tool: 'kubectl',
    kubernetes: true,
    argv: () => ['get', 'networkpolicies.networking.k8s.io', '--all-namespaces', '--output', 'json'],
    seconds: 30,
  },
  'kubectl.previewLevel': {
    tool: 'kubectl',
    kubernetes: true,
    argv: (a) => [
      'label',
      '--dry-run=server',
      '--overwrite',
      'namespaces',
      ...a.namespaces,
      `pod-security.kubernetes.io/enforce=${a.level}`,
    ],
    seconds: 60,
  },
  'kubectl.privilegedPod': {
    tool: 'kubectl',
    kubernetes: true,
    argv: () => ['create', '--dry-run=server', '--filename', '-'],
    input: (a) => JSON.stringify(privilegedPod(a.namespace)),
    seconds: 20,
  },
  'kubectl.apply': {
    tool: 'kubectl',
    kubernetes: true,
    argv: (a) => [
      'apply',
      '--server-side',
      '--field-manager',
      'talos-preflight',
      ...(a.dryRun ? ['--dry-run=server'] : []),
      '--filename',
      '-',
    ],
    input: (a) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items: a.manifests }),
    seconds: 60,
    changes: (a) => !a.dryRun,
  },
  'kubectl.deletePolicies': {
    tool: 'kubectl',
    kubernetes: true,
    argv: (a) => [
      'delete',
      'networkpolicies.networking.k8s.io',
      ...a.names,
      '--namespace',
      a.namespace,
      '--ignore-not-found',
      ...(a.dryRun ? ['--dry-run=server'] : []),
    ],
    seconds: 60,
    changes: (a) => !a.dryRun,
  },
  'kubectl.deleteNamespace': {
    tool: 'kubectl',
    kubernetes: true,
    argv: (a) => ['delete', 'namespaces', a.name, '--ignore-not-found', '--wait', '--timeout', '90s'],
    seconds: 110,
    changes: () => true,
  },
  'kubectl.kubeletConfig': {
    tool: 'kubectl',
    kubernetes: true,
    argv: (a) => ['get', '--raw', `/api/v1/nodes/${a.node}/proxy/configz`],
    seconds: 20,
  },
  'kubectl.probePods': {
    tool: 'kubectl',
    kubernetes: true,
    argv: () => ['get', 'pods', '--namespace', PROBE_NAMESPACE, '--selector', PROBE_LABEL, '--output', 'json'],
    seconds: 20,
  },
  'kubectl.metrics': { tool: 'kubectl', kubernetes: true, argv: () => ['get', '--raw', '/metrics'], seconds: 30 },
} satisfies VerbTable<Extract<VerbName, `kubectl.${string}`>>
