import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from '../../../src/contract.ts'
import { imageQuestion, PROBE_NAMESPACE, probeManifests } from '../../../src/domain/enforcement-probe.ts'
import type { VerbName, Verbs } from '../../../src/domain/verbs.ts'
import { REGISTRY } from '../../../src/tools/registry.ts'
import type { Recorded } from './calls.ts'
import { HERE } from './cluster.ts'
import { type KubernetesCluster, mustKubectl } from './kubernetes.ts'
import { LAB, NOWHERE, policyOf } from './lab.ts'
import { nodeOf } from './nodes.ts'

/** The calls that are recorded on a cluster with Kubernetes. */

/** What answers only where an API server runs. */
export const wantsKubernetes = (verb: string): boolean =>
  verb === 'talosctl.podLog' || (verb.startsWith('kubectl.') && verb !== 'kubectl.clientVersion')
export const KUBERNETES_VERBS = (Object.keys(REGISTRY) as VerbName[]).filter(wantsKubernetes)

const items = (...fields: string[]): string[] => ['kind', ...fields.map((f) => `items[].${f}`)]
const NAMED = ['metadata.name', 'metadata.namespace']
const FIELDS: Partial<Record<VerbName, string[]>> = {
  'kubectl.serverVersion': ['clientVersion.gitVersion', 'serverVersion.gitVersion', 'serverVersion.major', 'serverVersion.minor'],
  'kubectl.nodes': items('kind', 'metadata.name', 'status.addresses[].address', 'status.addresses[].type'),
  'kubectl.bindings': items('kind', ...NAMED, 'roleRef.kind', 'roleRef.name', 'subjects[].kind', 'subjects[].name'),
  'kubectl.controlPlanePods': items(
    'kind',
    ...NAMED,
    'metadata.annotations.*',
    'metadata.labels.*',
    'spec.nodeName',
    'status.phase',
    'status.conditions[].type',
    'status.conditions[].status',
  ),
  'kubectl.leases': items('kind', ...NAMED, 'spec.holderIdentity', 'spec.leaseDurationSeconds', 'spec.renewTime'),
  'kubectl.namespaces': items('kind', 'metadata.name', 'metadata.labels.*', 'status.phase'),
  'kubectl.services': items(
    'kind',
    ...NAMED,
    'spec.type',
    'spec.selector.*',
    'spec.clusterIPs[]',
    'spec.ports[].name',
    'spec.ports[].port',
    'spec.ports[].targetPort',
    'spec.ports[].protocol',
    'spec.ports[].nodePort',
    'spec.healthCheckNodePort',
  ),
  'kubectl.policies': items('kind', ...NAMED, 'spec.podSelector', 'spec.policyTypes[]', 'spec.ingress[]', 'spec.egress[]'),
  'kubectl.kubeletConfig': [
    'kubeletconfig.kind',
    'kubeletconfig.apiVersion',
    'kubeletconfig.authentication.anonymous.enabled',
    'kubeletconfig.authorization.mode',
    'kubeletconfig.readOnlyPort',
  ],
  'kubectl.probePods': items(
    'metadata.creationTimestamp',
    'metadata.labels.*',
    'metadata.name',
    'status.phase',
    'status.podIP',
    'status.conditions[].type',
    'status.conditions[].status',
  ),
}

/** In an order in which each finds what it needs, with what `furnish` has made. */
export function kubernetesCalls(cluster: KubernetesCluster): Recorded[] {
  const [cp1, w1] = ['cp1', 'w1'].map((name) => nodeOf(cluster, name).address) as [string, string]
  const probe = probeManifests(readFileSync(join(HERE, '../../templates/K8S-04/probe.yaml'), 'utf8'), imageQuestion.default as string)
  const call = <V extends VerbName>(verb: V, name: string, args: Verbs[V], more: Partial<Recorded<V>> = {}): Recorded => ({
    verb,
    case: name,
    args,
    ...more,
  })
  const read = <V extends VerbName>(verb: V, name: string, args: Verbs[V], more: Partial<Recorded<V>> = {}): Recorded =>
    call(verb, name, args, { ...(FIELDS[verb] ? { fields: FIELDS[verb] } : {}), ...more })
  const apply = (name: string, manifests: Json[], more: { dryRun?: boolean } & Partial<Recorded<'kubectl.apply'>> = {}): Recorded => {
    const { dryRun = false, ...rest } = more
    return call('kubectl.apply', name, { manifests, dryRun }, rest)
  }
  const remove = (name: string, dryRun = false): Recorded =>
    call('kubectl.deletePolicies', name, { namespace: LAB, names: ['tp-made'], dryRun })
  const preview = (name: string, level: string, namespaces: string[]): Recorded => call('kubectl.previewLevel', name, { level, namespaces })
  const theirs = () =>
    void mustKubectl(cluster, ['apply', '--server-side', '--field-manager', 'somebody', '-f', '-'], JSON.stringify(policyOf('tp-theirs')))
  const podLog = (name: string, node: string, more: Partial<Recorded<'talosctl.podLog'>> = {}): Recorded =>
    call('talosctl.podLog', name, { node, pod: 'kube-apiserver-cp1', container: 'kube-apiserver' }, more)
  return [
    podLog('control plane', cp1, { form: 'pod log' }),
    podLog('a node that does not run it', w1, { beyondPractice: 'a node is asked for what runs on it alone' }),
    read('kubectl.serverVersion', 'plain', {}),
    read('kubectl.nodes', 'plain', {}),
    read('kubectl.bindings', 'plain', {}),
    read('kubectl.controlPlanePods', 'plain', {}),
    call('kubectl.readyz', 'control plane', { address: cp1 }),
    call('kubectl.readyz', 'a node without an API server', { address: w1 }, { beyondPractice: 'it is asked of control planes alone' }),
    read('kubectl.leases', 'plain', {}),
    read('kubectl.namespaces', 'plain', {}),
    call('kubectl.pods', 'plain', {}, { form: 'cells' }),
    read('kubectl.services', 'plain', {}),
    call('kubectl.workloads', 'plain', {}, { form: 'cells' }),
    read('kubectl.policies', 'plain', {}),
    preview('a level that all pods keep', 'baseline', [LAB]),
    preview('a level that a pod does not keep', 'restricted', [LAB]),
    preview('a namespace that is not there', 'restricted', [NOWHERE]),
    preview('one of two is not there', 'restricted', [LAB, NOWHERE]),
    call('kubectl.privilegedPod', 'plain', { namespace: LAB }),
    call(
      'kubectl.privilegedPod',
      'a namespace that is not there',
      { namespace: NOWHERE },
      { beyondPractice: 'it is asked of a namespace that is always there' },
    ),
    apply('dry run of a new policy', [policyOf('tp-made')], { dryRun: true }),
    apply('a new policy', [policyOf('tp-made')]),
    apply('the same policy again', [policyOf('tp-made')]),
    apply(
      'one that somebody else manages',
      [{ ...(policyOf('tp-theirs') as object), spec: { podSelector: {}, policyTypes: ['Egress'] } }],
      {
        before: theirs,
        beyondPractice: 'nobody else is at work there',
      },
    ),
    apply('into a namespace that is not there', [policyOf('tp-made', NOWHERE)], { beyondPractice: 'policies go into what was looked at' }),
    apply('a new policy', [policyOf('tp-made')], { keptWith: 'kubectl.deletePolicies' }),
    remove('dry run', true),
    remove('a policy of ours'),
    remove('one that is gone'),
    apply('a new namespace', probe.server.slice(0, 1), { keptWith: 'kubectl.deleteNamespace' }),
    call('kubectl.deleteNamespace', 'with nothing in it', { name: PROBE_NAMESPACE }),
    call('kubectl.deleteNamespace', 'one that is gone', { name: PROBE_NAMESPACE }),
    read('kubectl.kubeletConfig', 'worker', { node: 'w1' }),
    read('kubectl.kubeletConfig', 'control plane', { node: 'cp1' }),
    call('kubectl.kubeletConfig', 'unknown node', { node: 'nobody' }, { beyondPractice: 'nodes come from the list of nodes' }),
    read('kubectl.probePods', 'none', {}),
    apply('the pod that listens', probe.server, { keptWith: 'kubectl.probePods' }),
    read('kubectl.probePods', 'one', {}, { until: (stdout) => stdout.includes('"podIP"') && stdout.includes('"Running"') }),
    call('kubectl.deleteNamespace', 'with a pod in it', { name: PROBE_NAMESPACE }, { keptWith: 'kubectl.probePods' }),
    call('kubectl.metrics', 'plain', {}, { form: 'metrics' }),
  ]
}
