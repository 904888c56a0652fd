import { PROBE_LABEL, PROBE_NAMESPACE } from '../domain/enforcement-probe.ts'
import { type Answer, unknownCall } from './answer.ts'
import { NAMESPACES } from './cluster.ts'
import { apiServerAt, REFUSED_TAKES } from './course.ts'
import { controlPlanePods, leases, pods, previewLevel, privilegedPod, services, workloads } from './kubernetes.ts'
import { applied, deleteNamespace, deletePolicies, policies, probePods } from './policies.ts'
import { lets, OPERATOR } from './reach.ts'
import type { PracticeState } from './state.ts'

/** kubectl as it answers on the simulated cluster: exactly the argument lists that we run. */

const VERSION = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.3',
  gitCommit: '',
  gitTreeState: '',
  buildDate: '2026-11-23T16:00:00Z',
  goVersion: 'go1.26.8',
  compiler: 'gc',
  platform: 'linux/amd64',
}
const CLIENT = { clientVersion: VERSION, kustomizeVersion: 'v5.8.1' }

const json = (value: unknown): Answer => ({ exitCode: 0, stdout: `${JSON.stringify(value, null, 4)}\n` })
const list = (items: unknown[]): Answer => json({ apiVersion: 'v1', items, kind: 'List', metadata: { resourceVersion: '' } })

function binding(name: string, role: string, subjects: { kind: string; name: string }[]): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { creationTimestamp: '2026-11-23T16:00:00Z', name, resourceVersion: '1', uid: '00000000-0000-4000-8000-000000000000' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: subjects.map((s) => ({ apiGroup: 'rbac.authorization.k8s.io', ...s })),
  }
}

function bindings({ scenario }: PracticeState): Answer {
  return list([
    binding('cluster-admin', 'cluster-admin', [{ kind: 'Group', name: 'system:masters' }]),
    binding('system:public-info-viewer', 'system:public-info-viewer', [
      { kind: 'Group', name: 'system:authenticated' },
      { kind: 'Group', name: 'system:unauthenticated' },
    ]),
    ...(scenario === 'default' ? [binding('dashboard-for-all', 'view', [{ kind: 'Group', name: 'system:unauthenticated' }])] : []),
  ])
}

const nodes = (state: PracticeState): Answer =>
  list(
    state.nodes.map((n) => ({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: n.name },
      status: {
        addresses: [
          { address: n.address, type: 'InternalIP' },
          { address: n.name, type: 'Hostname' },
        ],
      },
    })),
  )

const METRICS = [
  '# HELP apiserver_storage_transformation_operations_total [ALPHA] Total number of transformations.',
  '# TYPE apiserver_storage_transformation_operations_total counter',
  'apiserver_storage_transformation_operations_total{resource="secrets",status="OK",transformation_type="from_storage",transformer_prefix="k8s:enc:secretbox:v1:"} 12',
  'apiserver_storage_transformation_operations_total{resource="secrets",status="OK",transformation_type="from_storage",transformer_prefix="key2:"} 12',
  'apiserver_storage_transformation_operations_total{resource="secrets",status="OK",transformation_type="to_storage",transformer_prefix="k8s:enc:secretbox:v1:"} 9',
  'apiserver_storage_transformation_operations_total{resource="secrets",status="OK",transformation_type="to_storage",transformer_prefix="key2:"} 9',
  '',
].join('\n')

/** As far as it is looked at. */
const KUBELET = JSON.stringify({
  kubeletconfig: {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
    authorization: { mode: 'Webhook' },
  },
})

/** The server that a kubeconfig of practice names. */
const SERVER = '10.20.0.11'

/** What kubectl says where the API server that it asks is not there. */
function notThere(state: PracticeState, address: string): Answer | undefined {
  const node = state.nodes.find((n) => n.address === address)
  if (!node || !lets(node, OPERATOR, 6443))
    return { exitCode: 1, stderr: `Unable to connect to the server: dial tcp ${address}:6443: i/o timeout\n` }
  if (apiServerAt(node, state.now) !== 'away') return undefined
  const stderr = `The connection to the server ${address}:6443 was refused - did you specify the right host or port?\n`
  return { exitCode: 1, stderr, takes: REFUSED_TAKES }
}

export function kubectl(state: PracticeState, args: readonly string[], input = ''): Answer {
  if (args.join(' ') === 'version --client --output json') return { exitCode: 0, stdout: `${JSON.stringify(CLIENT, null, 2)}\n` }
  const [flag1, , flag2, , flag3, , ...rest] = args
  if (flag1 !== '--kubeconfig' || flag2 !== '--context' || flag3 !== '--request-timeout') return unknownCall('kubectl', args)
  const named = rest[0] === '--server' ? /^https:\/\/(.+):6443$/.exec(rest[1] ?? '')?.[1] : undefined
  const stop = notThere(state, named ?? SERVER)
  if (stop) return stop
  const words = named ? rest.slice(2) : rest
  return reading(state, words.join(' ')) ?? changing(state, words, input) ?? unknownCall('kubectl', args)
}

function reading(state: PracticeState, command: string): Answer | undefined {
  if (command.startsWith('get pods --all-namespaces --output jsonpath=')) return pods()
  if (command.startsWith('get deployments.apps,statefulsets.apps,daemonsets.apps --all-namespaces --output jsonpath=')) return workloads()
  const kubelet = /^get --raw \/api\/v1\/nodes\/(\w+)\/proxy\/configz$/.exec(command)?.[1]
  if (kubelet && state.nodes.some((n) => n.name === kubelet)) return { exitCode: 0, stdout: KUBELET }
  switch (command) {
    case 'version --output json':
      return { exitCode: 0, stdout: `${JSON.stringify({ ...CLIENT, serverVersion: VERSION }, null, 2)}\n` }
    case 'get nodes --output json':
      return nodes(state)
    case 'get clusterrolebindings.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io --all-namespaces --output json':
      return bindings(state)
    case 'get --raw /metrics':
      return { exitCode: 0, stdout: METRICS }
    case 'get --raw /readyz':
      return { exitCode: 0, stdout: 'ok' }
    case 'get pods --namespace kube-system --selector tier=control-plane --output json':
      return list(controlPlanePods(state))
    case 'get leases.coordination.k8s.io kube-scheduler kube-controller-manager --namespace kube-system --output json':
      return list(leases(state))
    case 'get namespaces --output json':
      return list(namespaces(state))
    case 'get services --all-namespaces --output json':
      return list(services())
    case 'get networkpolicies.networking.k8s.io --all-namespaces --output json':
      return list(policies(state))
    case `get pods --namespace ${PROBE_NAMESPACE} --selector ${PROBE_LABEL} --output json`:
      return list(probePods(state))
    default:
      return undefined
  }
}

function changing(state: PracticeState, words: readonly string[], input: string): Answer | undefined {
  const [verb, ...rest] = words
  if (verb === 'label') return previewLevel(state, rest)
  if (words.join(' ') === 'create --dry-run=server --filename -') return privilegedPod(state)
  if (verb === 'apply') return applied(state, rest, input)
  if (verb === 'delete' && rest[0] === 'networkpolicies.networking.k8s.io') return deletePolicies(state, rest.slice(1))
  if (verb === 'delete' && rest[0] === 'namespaces') return deleteNamespace(state, rest.slice(1))
  return undefined
}

const namespaces = (state: PracticeState): unknown[] =>
  [...NAMESPACES, ...(state.probe ? [{ name: PROBE_NAMESPACE, labels: { 'app.kubernetes.io/managed-by': 'talos-preflight' } }] : [])].map(
    ({ name, labels }) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels }, status: { phase: 'Active' } }),
  )
