import { type Condition, canonical, type Json, observable, type Sighting } from '../contract.ts'
import { type FirewallConfig, type FirewallRule, spelled } from './firewall-config.ts'
import { mergePorts, portRanges } from './firewall-sets.ts'

/**
 * What a node's machine configuration says of the firewall, of admission and of the audit policy. No secret is in these parts.
 *
 * Up to 1.13 the settings of the API server live under `cluster.apiServer`, from 1.14 on in documents of their own; an upgraded
 * cluster keeps its old form. The firewall has one form. A configuration that is tried is active and not persistent.
 * https://docs.siderolabs.com/talos/v1.14/reference/configuration/overview
 */

export type ApiServerForm = 'cluster.apiServer' | 'documents'

export interface HardeningConfig {
  /** Absent on a worker, and where the configuration says nothing of the API server. */
  apiServerForm?: ApiServerForm
  firewall: FirewallConfig
  /** The configuration of the admission plugin PodSecurity, as it stands there. */
  podSecurity?: Json
  /** The audit policy, as it stands there. */
  auditPolicy?: Json
}

/** Both configurations of a node, and what changes only when somebody changes one. */
export interface BothConfigs {
  active: HardeningConfig
  /** What the node would start with; absent where a change is tried and what it is tried over is not shown. */
  persistent?: HardeningConfig
  /** Anything of the active one is not what is kept: somebody tries a change now, or one waits for a restart. */
  tried?: true
  versions: { active: string; persistent: string }
  /** Of the active one. */
  network: NetworkConfig
}

/** What else decides about who must reach a node. */
export interface NetworkConfig {
  /** Host of the cluster endpoint; empty where the configuration does not name it. */
  endpoint: string
  kubespan: boolean
  /** Pods may use the Talos API. */
  talosApiFromPods: boolean
}

/** What gives a node addresses beside its own configuration. */
export interface AddressOperators {
  /** Addresses that move between nodes. */
  vips: string[]
  /** It asks for addresses by DHCPv6. */
  dhcp6: boolean
}

export const addressOperators = observable<AddressOperators>({
  name: 'addressOperators',
  scope: 'node',
  title: 'virtual addresses and DHCP of the node',
})

/** Where nothing is blocked the kernel has other rules, and ICMP has no ports. */
const samePorts = (inEffect: FirewallRule, rule: FirewallRule): boolean =>
  rule.protocol.startsWith('icmp') ||
  rule.ingress.length === 0 ||
  (inEffect.protocol === rule.protocol &&
    canonical(mergePorts(portRanges(inEffect.ports))) === canonical(mergePorts(portRanges(rule.ports))))

type Topic = 'firewall' | 'podSecurity' | 'auditPolicy'
/** Rules are the same in whatever order and spelling they stand. */
const sameIn = (config: HardeningConfig, topic: Topic, wanted: Json): boolean =>
  topic === 'firewall'
    ? sameFirewall(config.firewall, wanted as unknown as FirewallConfig)
    : canonical(config[topic] ?? null) === canonical(wanted)

const sameFirewall = (a: FirewallConfig, b: FirewallConfig): boolean =>
  a.ingress === b.ingress && canonical(a.rules.map(spelled).toSorted()) === canonical(b.rules.map(spelled).toSorted())

/** What a change starts from. Where it is not shown a change is tried, and another one is only written as files. */
export const keptConfig = ({ active, persistent }: BothConfigs): HardeningConfig => persistent ?? active

const holds = (which: 'active' | 'persistent') => (configs: BothConfigs, args: Json) => {
  const { topic, value } = args as { topic: Topic; value: Json }
  const config = configs[which]
  return (config !== undefined && sameIn(config, topic, value)) || `the ${which} machine config does not hold it`
}

export const hardeningConfig = observable<BothConfigs>({
  name: 'hardeningConfig',
  scope: 'node',
  title: 'firewall, admission and audit policy in the machine config',
  predicates: {
    /** args: `{topic, value}`: what is active is this, tried or kept. */
    active: holds('active'),
    /** args: `{topic, value}`: what stays after a restart is this. */
    persistent: holds('persistent'),
  },
})

export const configHolds = (which: 'active' | 'persistent', topic: Topic, value: Json, sentence: string): Condition => ({
  observation: hardeningConfig.name,
  predicate: which,
  args: { topic, value },
  sentence,
})

/** What decides in the node's kernel about what comes in from outside. */
export interface FirewallChain {
  /** What no rule names is dropped. */
  blocks: boolean
  /** Rules that the configuration brought. */
  rules: FirewallRule[]
}

export const firewallChain = observable<FirewallChain>({
  name: 'firewallChain',
  scope: 'node',
  title: 'firewall in effect',
  predicates: {
    /** args: a firewall: the kernel has the default action and every rule of it. */
    has: ({ blocks, rules }, args) => {
      const wanted = args as unknown as FirewallConfig
      if (blocks !== (wanted.ingress === 'block'))
        return blocks ? 'the kernel still blocks what no rule names' : 'the kernel blocks nothing yet'
      const missing = blocks ? wanted.rules.filter((rule) => !rules.some((r) => samePorts(r, rule))).map((rule) => rule.name) : []
      return missing.length === 0 || `the kernel does not have ${missing.join(', ')} yet`
    },
  },
})

/** Where pods and services live, CIDRs. */
export interface ClusterNetworks {
  pods: string[]
  services: string[]
}

export const clusterNetworks = observable<ClusterNetworks>({
  name: 'clusterNetworks',
  scope: 'cluster',
  title: 'networks of pods and services',
})

/** What a node that runs no API server shows. */
export const NO_API_SERVER = { absent: true } as const
export type NoApiServer = typeof NO_API_SERVER
export const runsNone = <T>(value: T | NoApiServer): value is NoApiServer =>
  value !== null && typeof value === 'object' && !Array.isArray(value) && 'absent' in value && value.absent === true

/** Without the nodes that are known to run none. */
export const ofApiServers = <T>(sightings: Sighting<T | NoApiServer>[]): Sighting<T | NoApiServer>[] =>
  sightings.filter(({ look }) => !look.ok || !runsNone(look.value))

/** The configuration of PodSecurity that the API server was started with; every item is one time that the plugin is named. */
export const admission = observable<Json[] | NoApiServer>({ name: 'admission', scope: 'node', title: 'admission of the API server' })

/** The audit policy that the API server was started with; null where there is none. */
export const auditPolicy = observable<Json | NoApiServer>({
  name: 'auditPolicy',
  scope: 'node',
  title: 'audit policy of the API server',
})

/** Which version of each configuration there is: the same as long as nobody changes one. */
export const configVersions = observable<BothConfigs['versions']>({
  name: 'configVersions',
  scope: 'node',
  title: 'versions of the machine config',
})
