import { formatAddress, parseAddress } from './cidr.ts'
import type { Networks } from './firewall.ts'
import type { FirewallAnswers, Who } from './firewall-answers.ts'
import type { Member } from './observations.ts'
import type { Socket } from './sockets.ts'

/** What the rules of INF-02 are worked out from, and what a flow is. */

export interface Flow {
  /** Names the rule that opens it: `preflight-<service>`. */
  service: string
  /** Who, for people: `nodes`, `you 10.0.9.4`. */
  from: string
  /** Networks of it. */
  sources: readonly string[]
  /** Names of nodes. */
  to: readonly string[]
  /** What the nodes are called where not by their names: `VIP 10.0.0.10`. */
  at?: string
  protocol: 'tcp' | 'udp'
  ports: readonly string[]
  /** What they are called where they are many: `20 NodePorts`. */
  called?: string
  /** `open`: it must be. `closed`: it may be cut. `ask`: it was seen, and nobody said anything of it. */
  wanted: 'open' | 'closed' | 'ask'
  /** How it was seen. */
  seen?: 'listener' | 'peer' | 'host port' | 'service'
  /** What listens there: `node-exporter`, a pod, or a service. */
  program?: string
}

export interface PublishedPort {
  /** `namespace/name` of the service or of the pod. */
  owner: string
  protocol: 'tcp' | 'udp' | 'sctp'
  port: number
}

export interface FirewallInput {
  members: readonly Member[]
  /** The network plugin as it was found: `flannel`, `cilium`, `calico`, another name, or empty. */
  cni: string
  /** As the machine configuration has them. */
  networks: Networks
  /** Host of the cluster endpoint; empty where it is not known. */
  endpoint: string
  apiServerPort?: number
  vips: readonly string[]
  kubespan: boolean
  /** Pods may use the Talos API (`kubernetesTalosAPIAccess`, `KubeTalosAPIAccessConfig`). */
  talosApiFromPods: boolean
  /** Names of nodes that get an address by DHCPv6. */
  dhcp6?: readonly string[]
  /** From where the nodes see the operator. */
  you: readonly string[]
  /** Of the Services that have one. */
  nodePorts: readonly PublishedPort[]
  /** Of pods, with the name of their node; empty where they have none yet. */
  hostPorts: readonly (PublishedPort & { node: string })[]
  /** Of Services with an address of a node, with the names of those that have it, or may have it. */
  servicePorts?: readonly (PublishedPort & { nodes: readonly string[] })[]
  /** By the name of the node. */
  sockets: Readonly<Record<string, readonly Socket[]>>
  answers: FirewallAnswers
}

export const isControlPlane = (member: Pick<Member, 'type'>): boolean => member.type === 'controlplane'

/** Every address of these members, in one spelling. */
export const addressesOf = (members: readonly Member[]): string[] => [
  ...new Set(
    members
      .flatMap((m) => [m.address, ...m.addresses])
      .flatMap((a) => parseAddress(a) ?? [])
      .map(formatAddress),
  ),
]

export const ANYONE: readonly string[] = ['0.0.0.0/0', '::/0']

/** The networks that the words of an answer stand for. */
export function sourcesOf(who: readonly Who[], input: FirewallInput): string[] {
  return who.flatMap((name): readonly string[] => {
    if (name === 'nodes') return [...addressesOf(input.members), ...input.vips]
    if (name === 'pods') return input.networks.pods
    if (name === 'anyone') return ANYONE
    return name === 'none' ? [] : [name]
  })
}
