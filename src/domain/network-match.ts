import { type Cidr, contains, parseAddress, parseSubnet } from './cidr.ts'
import {
  isEveryPod,
  type Labels,
  type NamespaceSeen,
  type Peer,
  type PodSeen,
  type PolicyPort,
  type PolicySeen,
  type Protocol,
  type Selector,
  type TrafficRule,
} from './network-policy.ts'
import { listed } from './remarks.ts'

/**
 * Which traffic a set of policies lets through. A pod that no policy selects for a direction is open in it; one that some select is
 * shut but for what any of them allows; and a connection needs both ends.
 * https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */

/** A pod of the pod network by `namespace/name`, or any other address: of a node, of a pod in the network of a node, from outside. */
export type End = { pod: string } | { address: string }

export interface Flow {
  from: End
  to: End
  /** On the pod, behind a Service. */
  port: number
  protocol: Protocol
  /** `namespace/name` of the Service that it went through. */
  through?: string
}

export interface Around {
  namespaces: readonly NamespaceSeen[]
  pods: readonly PodSeen[]
}

export const podKey = (pod: Pick<PodSeen, 'namespace' | 'name'>): string => `${pod.namespace}/${pod.name}`

function fits(labels: Labels, { key, operator, values }: Selector['matchExpressions'][number]): boolean {
  const has = Object.hasOwn(labels, key)
  if (operator === 'Exists') return has
  if (operator === 'DoesNotExist') return !has
  if (operator === 'In') return has && values.includes(labels[key] as string)
  // an operator that there is not selects nothing
  return operator === 'NotIn' && !(has && values.includes(labels[key] as string))
}

/** An empty selector selects everything. */
export const selects = ({ matchLabels, matchExpressions }: Selector, labels: Labels): boolean =>
  Object.entries(matchLabels).every(([k, v]) => Object.hasOwn(labels, k) && labels[k] === v) &&
  matchExpressions.every((e) => fits(labels, e))

/** Looks things up quickly; one set of policies is asked about thousands of flows. */
interface Index {
  pods: Map<string, PodSeen>
  namespaces: Map<string, Labels>
  /** By namespace and direction. */
  policies: Map<string, PolicySeen[]>
  networks: Map<string, Cidr | undefined>
}

type Direction = 'Ingress' | 'Egress'

function indexOf(policies: readonly PolicySeen[], { namespaces, pods }: Around): Index {
  const by = new Map<string, PolicySeen[]>()
  for (const policy of policies)
    for (const type of policy.types) by.set(`${type} ${policy.namespace}`, [...(by.get(`${type} ${policy.namespace}`) ?? []), policy])
  return {
    pods: new Map(pods.filter((p) => !p.hostNetwork).map((p) => [podKey(p), p])),
    namespaces: new Map(namespaces.map((n) => [n.name, { ...n.labels, 'kubernetes.io/metadata.name': n.name }])),
    policies: by,
    networks: new Map(),
  }
}

function networkOf(text: string, index: Index): Cidr | undefined {
  if (!index.networks.has(text)) index.networks.set(text, parseSubnet(text))
  return index.networks.get(text)
}

/** Blocks of addresses are for what is outside: whether they hold for pods depends on the plugin, and here they do not. */
function inBlock({ cidr, except }: NonNullable<Peer['ipBlock']>, address: string, index: Index): boolean {
  const parsed = parseAddress(address)
  const within = (text: string) => {
    const network = networkOf(text, index)
    return parsed !== undefined && network !== undefined && contains(network, parsed)
  }
  return within(cidr) && !except.some(within)
}

function isPeer(peer: Peer, end: End, home: string, index: Index): boolean {
  if (peer.ipBlock) return 'address' in end && inBlock(peer.ipBlock, end.address, index)
  const pod = 'pod' in end ? index.pods.get(end.pod) : undefined
  if (!pod) return false
  // the name is there even where the namespace vanished while we looked
  const labels = index.namespaces.get(pod.namespace) ?? { 'kubernetes.io/metadata.name': pod.namespace }
  if (peer.namespaceSelector ? !selects(peer.namespaceSelector, labels) : pod.namespace !== home) return false
  return !peer.podSelector || selects(peer.podSelector, pod.labels)
}

/** A named port is the one that the pod at the far end calls so. */
function isPort({ protocol, port, endPort }: PolicyPort, flow: Flow, index: Index): boolean {
  if (protocol !== flow.protocol) return false
  if (port === undefined) return true
  if (typeof port === 'number') return endPort === undefined ? flow.port === port : flow.port >= port && flow.port <= endPort
  const pod = 'pod' in flow.to ? index.pods.get(flow.to.pod) : undefined
  return pod?.ports.some((p) => p.name === port && p.protocol === protocol && p.port === flow.port) ?? false
}

const allows = ({ peers, ports }: TrafficRule, flow: Flow, far: End, home: string, index: Index): boolean =>
  (peers.length === 0 || peers.some((p) => isPeer(p, far, home, index))) &&
  (ports.length === 0 || ports.some((p) => isPort(p, flow, index)))

/** The policies that select the near end and let nothing of this through; undefined where it passes. */
function shutBy(direction: Direction, flow: Flow, index: Index): PolicySeen[] | undefined {
  const [near, far] = direction === 'Ingress' ? [flow.to, flow.from] : [flow.from, flow.to]
  const pod = 'pod' in near ? index.pods.get(near.pod) : undefined
  if (!pod) return undefined
  const over = (index.policies.get(`${direction} ${pod.namespace}`) ?? []).filter((p) => selects(p.podSelector, pod.labels))
  const rules = over.flatMap((p) => (direction === 'Ingress' ? p.ingress : p.egress))
  return over.length === 0 || rules.some((rule) => allows(rule, flow, far, pod.namespace, index)) ? undefined : over
}

export interface Bite {
  flow: Flow
  direction: Direction
  /** `namespace/name` of each policy that selects the pod. */
  policies: string[]
}

/**
 * Flows that would be cut, were these policies enforced. A pod always hears its own node, where its health is asked from, and always
 * reaches itself.
 *
 * @param nodeOf the node that has an address
 */
export function wouldBite(
  policies: readonly PolicySeen[],
  flows: readonly Flow[],
  around: Around,
  nodeOf: (address: string) => string | undefined,
): Bite[] {
  const index = indexOf(policies, around)
  return flows.flatMap((flow) => {
    if ('pod' in flow.from && 'pod' in flow.to && flow.from.pod === flow.to.pod) return []
    const target = 'pod' in flow.to ? index.pods.get(flow.to.pod) : undefined
    const ownNode = 'address' in flow.from && target?.node !== undefined && target.node !== '' && nodeOf(flow.from.address) === target.node
    const cut = (['Egress', 'Ingress'] as const).flatMap((direction): Bite[] => {
      const shut = direction === 'Ingress' && ownNode ? undefined : shutBy(direction, flow, index)
      return shut ? [{ flow, direction, policies: shut.map((p) => `${p.namespace}/${p.name}`) }] : []
    })
    return cut.slice(0, 1)
  })
}

const isEverybody = ({ ipBlock }: Peer): boolean => ipBlock?.except.length === 0 && parseSubnet(ipBlock.cidr)?.bits === 0

/** With everybody, on every port. */
const letsEverything = ({ peers, ports }: TrafficRule): boolean => ports.length === 0 && (peers.length === 0 || peers.some(isEverybody))

/** Policies add up: beside one that opens every pod no other shuts anything. Undefined where there is none such. */
export function opensSentence(namespace: string, policies: readonly PolicySeen[]): string | undefined {
  const open = policies
    .filter((p) => p.namespace === namespace && isEveryPod(p.podSelector))
    .flatMap(({ name, types, ingress, egress }) => {
      const ways = [
        ...(types.includes('Ingress') && ingress.some(letsEverything) ? ['in'] : []),
        ...(types.includes('Egress') && egress.some(letsEverything) ? ['out'] : []),
      ]
      return ways.length > 0 ? [`${name} lets everything ${ways.join(' and ')}`] : []
    })
  return open.length > 0 ? `${listed(open)}, whatever other policies shut` : undefined
}
