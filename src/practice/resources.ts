import type { Json } from '../contract.ts'
import { type Answer, cosi, DENIED, fails } from './answer.ts'
import { firewallOf } from './reach.ts'
import { inventedSecret, isNew, machineConfig, managed, type PracticeNode, type PracticeState } from './state.ts'

/** What `talosctl get` shows of the simulated nodes. */

interface Asking {
  state: PracticeState
  asked: readonly PracticeNode[]
  isAdmin: boolean
}

const shown = (objects: readonly string[]): Answer => ({ exitCode: 0, stdout: objects.join('') })
const controlPlanes = (asked: readonly PracticeNode[]): PracticeNode[] => asked.filter((n) => n.type === 'controlplane')
const onlyForAdmins = ({ asked, isAdmin }: Asking, answer: () => Answer, refused = 'listing resources'): Answer =>
  isAdmin ? answer() : fails(asked.map((n) => `error ${refused} on node ${n.address}: ${DENIED}`).join('\n'))

/** The configuration that stays after a restart. */
const persistent = (node: PracticeNode): PracticeNode => (node.kept ? { ...node, ...node.kept } : node)

function machineConfigs({ asked, state }: Asking): Answer {
  return shown(
    asked.flatMap((n) =>
      // a node that was not written since it started shows none that stays
      [...(n.written ? ['persistent'] : []), 'v1alpha1'].map((id) => {
        const config = id === 'persistent' ? persistent(n) : n
        return cosi(
          'MachineConfigs.config.talos.dev',
          'config',
          id,
          n.address,
          machineConfig(config, state.clusterId),
          n.changes - (n.kept && id === 'persistent' ? 1 : 0),
        )
      }),
    ),
  )
}

const NODE_DNS = '169.254.116.108/32'
const CLUSTER_NETWORKS = ['10.244.0.0/16', '10.96.0.0/12']
const FIRST = { matchIIfName: { interfaceName: ['lo', 'siderolink', 'kubespan'], operator: '==' }, verdict: 'accept' }
const state = (...states: string[]) => ({ matchConntrackState: { states } })
const ports = (...ranges: { lo: number; hi: number }[]) => ({ matchDestinationPort: { ranges } })
const limited = (protocol: string) => ({
  matchLayer4: { protocol },
  matchLimit: { packetRatePerSecond: 5 },
  verdict: 'accept',
})
const nodeDns = (protocol: string) => ({
  matchDestinationAddress: { includeSubnets: [NODE_DNS] },
  matchLayer4: { ...ports({ lo: 53, hi: 53 }), protocol },
  matchSourceAddress: { includeSubnets: CLUSTER_NETWORKS },
  verdict: 'accept',
})
/** What Talos lets in and keeps out by itself. */
const FIXED = [
  FIRST,
  { ...state('established', 'related'), verdict: 'accept' },
  { ...state('invalid'), verdict: 'drop' },
  { matchLayer4: { matchICMPType: { types: [13, 14, 17, 18] }, protocol: 'icmp' }, verdict: 'drop' },
  limited('icmp'),
  limited('icmpv6'),
  nodeDns('udp'),
  nodeDns('tcp'),
  {
    matchDestinationAddress: { includeSubnets: CLUSTER_NETWORKS },
    matchSourceAddress: { includeSubnets: CLUSTER_NETWORKS },
    verdict: 'accept',
  },
]

/** The chains that Talos makes of the documents; none where nothing is set. What is new and was sent on is decided by the second. */
function chainsOf(node: PracticeNode): string {
  const { ingress, rules } = firewallOf(node)
  if (ingress === undefined && rules.length === 0) return ''
  const blocks = ingress === 'block'
  const range = (text: string) => {
    const [lo = 0, hi = lo] = text.split('-').map(Number)
    return { lo, hi }
  }
  const ours = rules.map((rule) => ({
    matchLayer4: { ...ports(...rule.ports.map(range)), protocol: rule.protocol },
    matchSourceAddress: { includeSubnets: rule.ingress.map((i) => i.subnet) },
    verdict: 'accept',
  }))
  const chain = (id: string, hook: string, policy: string, priority: number, list: object[]) =>
    cosi('NfTablesChains.net.talos.dev', 'network', id, node.address, {
      hook,
      policy,
      priority: `NfTablesChainPriority(${priority})`,
      rules: list.map((rule) => ({ anonymousCounter: true, ...rule })),
      type: 'filter',
    })
  const rest = (protocol: string) => ({ ...state('new'), matchLayer4: { protocol }, verdict: 'drop' })
  return (
    chain('ingress', 'input', blocks ? 'drop' : 'accept', -140, [...FIXED, ...ours]) +
    chain('prerouting', 'prerouting', 'accept', -110, [
      FIRST,
      { matchDestinationAddress: { includeSubnets: [`${node.address}/32`], invert: true }, verdict: 'accept' },
      ...ours.map((rule) => ({ ...state('new'), ...rule })),
      ...(blocks ? [rest('tcp'), rest('udp')] : []),
    ])
  )
}

const admission = (node: PracticeNode): string =>
  cosi(
    'AdmissionControlConfigs.kubernetes.talos.dev',
    'controlplane',
    'admission-control',
    node.address,
    { config: node.podSecurity === null ? [] : [{ configuration: node.podSecurity, name: 'PodSecurity' }] },
    node.apiServer.starts,
  )

/** Talos has one of its own where the configuration has none. */
const OWN_POLICY: Json = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] }
const auditPolicy = (node: PracticeNode): string =>
  cosi(
    'AuditPolicyConfigs.kubernetes.talos.dev',
    'controlplane',
    'audit-policy',
    node.address,
    { config: node.auditPolicy ?? OWN_POLICY },
    node.apiServer.starts,
  )

const networks = (node: PracticeNode): string =>
  cosi('ControllerManagerConfigs.kubernetes.talos.dev', 'controlplane', 'kube-controller-manager', node.address, {
    enabled: true,
    image: 'registry.k8s.io/kube-controller-manager:v1.36.3',
    podCIDRs: ['10.244.0.0/16'],
    serviceCIDRs: ['10.96.0.0/12'],
  })

/** What the mirror pods have as well, once they are as they are wanted. */
export const annotationsOf = (name: string, starts: number): Record<string, string> => ({
  ...(name === 'kube-apiserver' ? { 'talos.dev/config-file-version': `${starts}${starts}11` } : {}),
  'talos.dev/config-version': '1',
  'talos.dev/secrets-version': '1',
})

const OTHER_PODS = ['kube-controller-manager', 'kube-scheduler']

/** The static pods as they are wanted; of the API server as far as it is looked at. */
function staticPods(node: PracticeNode): string {
  const command = [
    '/usr/local/bin/kube-apiserver',
    '--admission-control-config-file=/system/config/kubernetes/kube-apiserver/admission-control-config.yaml',
    ...(isNew(node)
      ? ['--authentication-config=/system/config/kubernetes/kube-apiserver/authentication-config.yaml']
      : ['--anonymous-auth=false']),
    '--audit-log-path=/var/log/audit/kube/kube-apiserver.log',
    '--audit-policy-file=/system/config/kubernetes/kube-apiserver/auditpolicy.yaml',
    '--encryption-provider-config=/system/secrets/kubernetes/kube-apiserver/encryptionconfig.yaml',
    '--secure-port=6443',
    `--tls-min-version=${isNew(node) ? 'VersionTLS13' : 'VersionTLS12'}`,
  ]
  const container = { command, image: 'registry.k8s.io/kube-apiserver:v1.36.3', name: 'kube-apiserver' }
  const pod = (name: string, containers: unknown[]) =>
    cosi('StaticPods.kubernetes.talos.dev', 'k8s', name, node.address, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { annotations: annotationsOf(name, node.apiServer.starts), name, namespace: 'kube-system' },
      spec: { containers },
    })
  const others = OTHER_PODS.map((name) =>
    pod(name, [{ command: [`/usr/local/bin/${name}`], image: `registry.k8s.io/${name}:v1.36.3`, name }]),
  )
  return [pod('kube-apiserver', [container]), ...others].join('')
}

/** The answer to `get`, or nothing for another command. */
export function resource(command: string, asking: Asking): Answer | undefined {
  const { state, asked } = asking
  switch (command) {
    case 'get members.cluster.talos.dev -o json':
      return {
        exitCode: 0,
        stdout: asked
          .map((via) =>
            state.nodes
              .map((n) =>
                cosi('Members.cluster.talos.dev', 'cluster', n.name, via.address, {
                  addresses: [n.address],
                  ...(n.type === 'controlplane' ? { controlPlane: { port: 6443 } } : {}),
                  hostname: n.name,
                  machineType: n.type,
                  nodeId: inventedSecret(`node ${n.name}`, 33),
                  operatingSystem: `Talos (${n.version})`,
                }),
              )
              .join(''),
          )
          .join(''),
      }
    case 'get infos.cluster.talos.dev -o json':
      return {
        exitCode: 0,
        stdout: asked
          .map((n) =>
            cosi('Infos.cluster.talos.dev', 'cluster', 'current', n.address, { clusterId: state.clusterId, clusterName: 'practice' }),
          )
          .join(''),
      }
    case 'get kernelparamstatuses.runtime.talos.dev -o json':
      return {
        exitCode: 0,
        stdout: asked
          .map((n) =>
            Object.entries(managed(n))
              .toSorted(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, [current, before]]) =>
                cosi('KernelParamStatuses.runtime.talos.dev', 'runtime', `proc.sys.${key}`, n.address, {
                  current,
                  default: before,
                  unsupported: false,
                }),
              )
              .join(''),
          )
          .join(''),
      }
    case 'get machineconfigs.config.talos.dev -o json':
      return onlyForAdmins(asking, () => machineConfigs(asking))
    case 'get machineconfigs.config.talos.dev v1alpha1 -o jsonpath={.spec}':
      return onlyForAdmins(
        asking,
        () => ({ exitCode: 0, stdout: `${machineConfig(asked[0] as PracticeNode, state.clusterId)}\n` }),
        'getting resource',
      )
    case 'get staticpods.kubernetes.talos.dev -o json':
      return shown(controlPlanes(asked).map(staticPods))
    case 'get nftableschains.net.talos.dev -o json':
      return shown(asked.map(chainsOf))
    case 'get admissioncontrolconfigs.kubernetes.talos.dev -o json':
      return shown(controlPlanes(asked).map(admission))
    case 'get auditpolicyconfigs.kubernetes.talos.dev -o json':
      return onlyForAdmins(asking, () => shown(controlPlanes(asked).map(auditPolicy)))
    case 'get controllermanagerconfigs.kubernetes.talos.dev -o json':
      return shown(controlPlanes(asked).map(networks))
    case 'get operatorspecs.net.talos.dev -o json':
      return onlyForAdmins(asking, () => shown([]))
    default:
      return undefined
  }
}
