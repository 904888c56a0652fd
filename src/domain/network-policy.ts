import type { Json } from '../contract.ts'
import { counted, listed } from './remarks.ts'

/**
 * What is looked at for network policies, and what they are worth.
 * https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */

export type Protocol = 'tcp' | 'udp' | 'sctp'
export type Labels = Record<string, string>

export interface NamespaceSeen {
  name: string
  labels: Labels
}

export interface PodSeen {
  namespace: string
  name: string
  labels: Labels
  /** All of them; of a pod in the network of its node, those of the node. */
  ips: string[]
  ports: { name?: string; port: number; protocol: Protocol }[]
  hostNetwork: boolean
  node: string
}

export interface ServiceSeen {
  namespace: string
  name: string
  type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName'
  /** Empty where its endpoints are made by somebody else, as for the API server. */
  selector: Labels
  clusterIPs: string[]
  ports: { name?: string; port: number; targetPort: number | string; protocol: Protocol }[]
}

export interface WorkloadSeen {
  /** `Deployment`. */
  kind: string
  namespace: string
  name: string
  desired: number
  ready: number
  /** Of its containers; only what a DaemonSet runs is looked at. */
  containers: string[]
}

export interface Selector {
  matchLabels: Labels
  matchExpressions: { key: string; operator: string; values: string[] }[]
}

/** Both selectors in one peer mean both. */
export interface Peer {
  podSelector?: Selector
  namespaceSelector?: Selector
  ipBlock?: { cidr: string; except: string[] }
}

export interface PolicyPort {
  protocol: Protocol
  /** Absent: all of the protocol. */
  port?: number | string
  endPort?: number
}

/** Empty lists mean everything. */
export interface TrafficRule {
  peers: Peer[]
  ports: PolicyPort[]
}

export interface PolicySeen {
  namespace: string
  name: string
  labels: Labels
  podSelector: Selector
  types: ('Ingress' | 'Egress')[]
  ingress: TrafficRule[]
  egress: TrafficRule[]
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

type Raw = Record<string, unknown>
const asMap = (value: unknown): Raw => (value && typeof value === 'object' && !Array.isArray(value) ? (value as Raw) : {})
const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const asTexts = (value: unknown): string[] => asList(value).filter((v) => typeof v === 'string')
const asLabels = (value: unknown): Labels =>
  Object.fromEntries(Object.entries(asMap(value)).flatMap(([k, v]) => (typeof v === 'string' ? [[k, v]] : [])))

function selectorOf(value: unknown): Selector {
  const { matchLabels, matchExpressions } = asMap(value)
  return {
    matchLabels: asLabels(matchLabels),
    matchExpressions: asList(matchExpressions)
      .map(asMap)
      .map((e) => ({ key: String(e.key ?? ''), operator: String(e.operator ?? ''), values: asTexts(e.values) })),
  }
}

function peerOf(value: unknown): Peer {
  const { podSelector, namespaceSelector, ipBlock } = asMap(value)
  return {
    ...(podSelector ? { podSelector: selectorOf(podSelector) } : {}),
    ...(namespaceSelector ? { namespaceSelector: selectorOf(namespaceSelector) } : {}),
    ...(ipBlock ? { ipBlock: { cidr: String(asMap(ipBlock).cidr ?? ''), except: asTexts(asMap(ipBlock).except) } } : {}),
  }
}

function portOf(value: unknown): PolicyPort {
  const { protocol, port, endPort } = asMap(value)
  return {
    protocol: protocol === 'UDP' ? 'udp' : protocol === 'SCTP' ? 'sctp' : 'tcp',
    ...(typeof port === 'number' || typeof port === 'string' ? { port } : {}),
    ...(typeof endPort === 'number' ? { endPort } : {}),
  }
}

const rulesOf = (value: unknown, peers: 'from' | 'to'): TrafficRule[] =>
  asList(value)
    .map(asMap)
    .map((rule) => ({ peers: asList(rule[peers]).map(peerOf), ports: asList(rule.ports).map(portOf) }))

/** A NetworkPolicy as Kubernetes keeps it, or as we would apply it. Without types it is about ingress, and about egress where it has rules for it. */
export function readPolicy(object: unknown): PolicySeen {
  const { metadata, spec } = asMap(object)
  const { name, namespace, labels } = asMap(metadata)
  const { podSelector, policyTypes, ingress, egress } = asMap(spec)
  const said = asTexts(policyTypes).filter((t) => t === 'Ingress' || t === 'Egress')
  return {
    namespace: String(namespace ?? ''),
    name: String(name ?? ''),
    labels: asLabels(labels),
    podSelector: selectorOf(podSelector),
    types: said.length > 0 ? said : ['Ingress', ...(asList(egress).length > 0 ? (['Egress'] as const) : [])],
    ingress: rulesOf(ingress, 'from'),
    egress: rulesOf(egress, 'to'),
  }
}

/* ---- default deny ------------------------------------------------------------------------------------------- */

/** Whether it selects every pod of its namespace. */
export const isEveryPod = ({ matchLabels, matchExpressions }: Selector): boolean =>
  Object.keys(matchLabels).length + matchExpressions.length === 0

/** Whether policies of one namespace shut every pod of it, in each direction: a policy for all pods with no rule. */
export function deniesByDefault(policies: readonly PolicySeen[]): { ingress: boolean; egress: boolean } {
  const all = policies.filter((p) => isEveryPod(p.podSelector))
  return {
    ingress: all.some((p) => p.types.includes('Ingress') && p.ingress.length === 0),
    egress: all.some((p) => p.types.includes('Egress') && p.egress.length === 0),
  }
}

/** What a namespace lacks; undefined where it denies both ways. */
export function deniesSentence(namespace: string, policies: readonly PolicySeen[]): string | undefined {
  const own = policies.filter((p) => p.namespace === namespace)
  const { ingress, egress } = deniesByDefault(own)
  if (ingress && egress) return undefined
  if (own.length === 0) return 'no network policy: every pod may talk to every pod, and to the outside'
  const open = [...(ingress ? [] : ['let in']), ...(egress ? [] : ['let out'])]
  return `${counted(own.length, 'policy', 'policies')}, and what none of them names is ${listed(open)}`
}

/** Of the cluster itself. Without CoreDNS, which has to reach the host's DNS, nothing finds anything. */
export const LEFT_ALONE = ['kube-system', 'kube-public', 'kube-node-lease']

/** Why a namespace gets no default deny. */
export function refuseNamespace(name: string, namespaces: readonly NamespaceSeen[]): string | undefined {
  if (LEFT_ALONE.includes(name))
    return `${name} belongs to the cluster itself: a default deny there cuts CoreDNS off the DNS of the node (169.254.116.108)`
  return namespaces.some((n) => n.name === name) ? undefined : `there is no namespace ${name}, or not any more`
}

/* ---- who enforces ------------------------------------------------------------------------------------------- */

export interface Enforcement {
  plugin: string
  /** Absent: it is not known. */
  enforces?: boolean
  sentence: string
}

/** By the name of its DaemonSet. https://docs.siderolabs.com/kubernetes-guides/cni/flannel, https://docs.cilium.io, https://docs.tigera.io */
const ENFORCERS: Record<string, string> = {
  cilium: 'Cilium',
  'calico-node': 'Calico',
  canal: 'Calico over flannel',
  'kube-router': 'kube-router',
  'kube-network-policies': 'kube-network-policies',
  'antrea-agent': 'Antrea',
  'weave-net': 'Weave Net',
}

/** Cilium does not take an address of a node for one that a network policy names (docs.cilium.io, "policy-cidr-match-mode"). */
const CILIUM =
  'it does not match addresses of nodes, the API server among them, unless policy-cidr-match-mode holds nodes: a rule by address is then not enough'

/** Which network plugin there is, and whether policies do anything. Kubernetes takes them in any case and says nothing. */
export function enforcement(daemonSets: readonly Pick<WorkloadSeen, 'name' | 'containers'>[]): Enforcement {
  const found = daemonSets.find((d) => Object.hasOwn(ENFORCERS, d.name))
  if (found) {
    const plugin = ENFORCERS[found.name] ?? found.name
    return { plugin, enforces: true, sentence: `${plugin} is there to enforce network policies${plugin === 'Cilium' ? `; ${CILIUM}` : ''}` }
  }
  const flannel = daemonSets.find((d) => d.name === 'kube-flannel')
  if (!flannel)
    return {
      plugin: 'unknown',
      sentence: 'it is not known whether anything here enforces network policies: no DaemonSet of a plugin that we know was found',
    }
  if (flannel.containers.includes('kube-network-policies'))
    return { plugin: 'flannel', enforces: true, sentence: 'flannel is there to enforce network policies, through kube-network-policies' }
  return {
    plugin: 'flannel',
    enforces: false,
    sentence:
      'flannel does not enforce network policies: they are kept, and do nothing until kubeNetworkPoliciesEnabled is set or another plugin comes',
  }
}

/* ---- workloads ---------------------------------------------------------------------------------------------- */

export const READY_IS_NOT_TRAFFIC = 'Ready workloads do not prove that traffic flows: try what the application does for its users.'

const nameOf = (w: Pick<WorkloadSeen, 'kind' | 'namespace' | 'name'>): string => `${w.kind} ${w.namespace}/${w.name}`

/** Whether workloads are at least as ready as before; what says no has its sentence. */
export function readyAsBefore(
  now: readonly WorkloadSeen[],
  before: readonly Pick<WorkloadSeen, 'kind' | 'namespace' | 'name' | 'ready'>[],
): true | string {
  const ready = new Map(now.map((w) => [nameOf(w), w.ready]))
  const worse = before.flatMap((w) => {
    const count = ready.get(nameOf(w))
    if (count === undefined) return [`${nameOf(w)} is gone`]
    return count < w.ready ? [`${nameOf(w)} has ${count} of ${w.ready} pods ready that it had`] : []
  })
  return worse.length === 0 || listed(worse)
}

/* ---- what a server-side apply says -------------------------------------------------------------------------- */

export interface ApplyConflict {
  manager: string
  fields: string[]
}

/**
 * Fields that somebody else manages, as kubectl 1.36.3 names them. It does not say of which object: where several are applied, those
 * without a conflict are changed all the same, so all are tried as a dry run first.
 */
export function parseConflicts(stderr: string): ApplyConflict[] {
  const one = [...stderr.matchAll(/^(?:error: )?Apply failed with 1 conflict: conflict with "([^"]+)".*?: (\S+)$/gm)]
  const many = [...stderr.matchAll(/conflicts with "([^"]+)".*:\n((?:- .+\n?)+)/g)]
  return [
    ...one.map(([, manager = '', field = '']) => ({ manager, fields: [field] })),
    ...many.map(([, manager = '', fields = '']) => ({ manager, fields: [...fields.matchAll(/^- (.+)$/gm)].map((m) => m[1] ?? '') })),
  ]
}

/** The predicate's arguments as a plan keeps them. */
export const readinessOf = (workloads: readonly WorkloadSeen[], namespace: string): Json =>
  workloads.filter((w) => w.namespace === namespace).map(({ kind, name, ready }) => ({ kind, namespace, name, ready }))
