import { createHash } from 'node:crypto'
import { stringify } from 'yaml'
import type { Json } from '../contract.ts'
import type { Member } from '../domain/observations.ts'
import { wantedSysctls } from '../domain/sysctl.ts'
import certificates from './certificates.json' with { type: 'json' }
import { policiesAtFirst } from './cluster.ts'
import type { Scenario } from './scenarios.ts'

/** The simulated world as one plain object. Verbs are pure functions from it to it. */

/** What of its machine configuration a node lets us change. */
export interface NodeConfig {
  /** `machine.sysctls`; null where the map is absent. */
  machineSysctls: Record<string, string> | null
  /** `SysctlConfig.params`; null where the document is absent. */
  sysctlDocument: Record<string, string> | null
  /** `NetworkDefaultActionConfig` and `NetworkRuleConfig` documents. */
  firewall: Json[]
  /** `cluster.apiServer.admissionControl`, the configuration of PodSecurity; null where it is absent. */
  podSecurity: Json
  /** `cluster.apiServer.auditPolicy`; null where it is absent. */
  auditPolicy: Json
}

export interface PracticeNode extends NodeConfig {
  name: string
  address: string
  type: Member['type']
  version: string
  /** When what is tried goes back, and to what. ISO 8601. */
  tried: { until: string; before: NodeConfig } | null
  /** What stays after a restart, where that is not what is in effect. */
  kept: NodeConfig | null
  /** How often its configuration was changed. */
  changes: number
  /** Something was kept since it started. */
  written: boolean
  /** Its own log tells how often a change was tried since it started, and how often one went back. */
  log: ('try' | 'back')[]
  /** How often its API server was told to start anew, and when it last was. ISO 8601. */
  apiServer: { starts: number; since: string }
}

export interface PracticeState {
  version: typeof STATE_VERSION
  scenario: Scenario
  /** ISO 8601. */
  now: string
  clusterId: string
  nodes: PracticeNode[]
  /** Network policies, as they were applied. */
  policies: Json[]
  /** The pods that try whether policies are enforced; null where their namespace is not there. */
  probe: { server: boolean; client: boolean } | null
}

/** A world that an earlier program kept in another shape is laid out anew. */
export const STATE_VERSION = 4

export const configOf = ({ machineSysctls, sysctlDocument, firewall, podSecurity, auditPolicy }: NodeConfig): NodeConfig => ({
  machineSysctls,
  sysctlDocument,
  firewall,
  podSecurity,
  auditPolicy,
})

/** Just after the certificates were recorded, so that they stay valid. */
export const BEGINS = '2026-11-23T17:00:00.000Z'

export function newState(scenario: Scenario): PracticeState {
  const node = (name: string, address: string, type: Member['type'], version: string): PracticeNode => ({
    name,
    address,
    type,
    version,
    machineSysctls: null,
    sysctlDocument: null,
    firewall: [],
    podSecurity: type === 'controlplane' ? podSecurity(scenario) : null,
    auditPolicy: type === 'controlplane' ? { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] } : null,
    tried: null,
    kept: null,
    changes: 1,
    written: false,
    log: [],
    apiServer: { starts: 1, since: LONG_AGO },
  })
  const nodes = [
    node('cp1', '10.20.0.11', 'controlplane', 'v1.13.9'),
    node('cp2', '10.20.0.12', 'controlplane', 'v1.13.9'),
    node('cp3', '10.20.0.13', 'controlplane', 'v1.13.9'),
    node('w1', '10.20.0.21', 'worker', 'v1.13.9'),
    node('w2', '10.20.0.22', 'worker', 'v1.14.1'),
  ]
  if (scenario === 'hardened') {
    const wanted = wantedSysctls({ logMartians: true, alsoSet: {} })
    for (const n of nodes) {
      if (isNew(n)) n.sysctlDocument = { ...wanted }
      else n.machineSysctls = { ...wanted }
    }
  }
  const clusterId = Buffer.from(digest('cluster id')).toString('base64')
  return { version: STATE_VERSION, scenario, now: BEGINS, clusterId, nodes, policies: policiesAtFirst(), probe: null }
}

const LONG_AGO = '2026-11-01T00:00:00.000Z'

/** Somebody has lowered what Talos sets. */
const podSecurity = (scenario: Scenario): Json => ({
  apiVersion: 'pod-security.admission.config.k8s.io/v1alpha1',
  kind: 'PodSecurityConfiguration',
  defaults: {
    audit: 'restricted',
    'audit-version': 'latest',
    enforce: scenario === 'default' ? 'privileged' : 'baseline',
    'enforce-version': 'latest',
    warn: 'restricted',
    'warn-version': 'latest',
  },
  exemptions: { namespaces: ['kube-system'], runtimeClasses: [], usernames: [] },
})

export const isNew = (node: PracticeNode): boolean => node.version.startsWith('v1.14')

const digest = (text: string): Buffer => createHash('sha256').update(`practice ${text}`).digest()

/** Parameters that Talos holds itself, as recorded on 1.13.9 and 1.14.1. */
const DEFAULTS: Record<string, [current: string, before: string]> = {
  'fs.aio-max-nr': ['1048576', '65536'],
  'fs.inotify.max_user_instances': ['8192', '128'],
  'kernel.panic': ['10', '1'],
  'kernel.pid_max': ['262144', '4194304'],
  'net.ipv4.icmp_echo_ignore_broadcasts': ['1', '1'],
  'net.ipv4.icmp_ignore_bogus_error_responses': ['1', '1'],
  'net.ipv4.ip_forward': ['1', '0'],
  'net.ipv4.ip_local_reserved_ports': ['50000,50001', ''],
  'net.ipv4.tcp_keepalive_intvl': ['60', '75'],
  'net.ipv4.tcp_keepalive_time': ['600', '7200'],
  'net.ipv6.conf.default.accept_ra': ['2', '1'],
  'net.ipv6.conf.default.forwarding': ['1', '0'],
  'vm.overcommit_memory': ['1', '0'],
}
const DEFAULTS_1_14: typeof DEFAULTS = {
  'net.ipv4.conf.all.send_redirects': ['0', '1'],
  'net.ipv4.conf.default.send_redirects': ['0', '1'],
}

/** Managed parameters of a node: Talos's own under those of its configuration; the document wins over the map. */
export function managed(node: PracticeNode): Record<string, [current: string, before: string]> {
  const own = { ...DEFAULTS, ...(isNew(node) ? DEFAULTS_1_14 : {}) }
  const configured = { ...node.machineSysctls, ...node.sysctlDocument }
  return {
    ...own,
    ...Object.fromEntries(
      Object.entries(configured).map(([key, value]): [string, [string, string]] => [key, [value, own[key]?.[1] ?? '1']]),
    ),
  }
}

/** Files below `/proc/sys`, as far as the steps list them. */
export function kernelFiles(folder: string): string[] | undefined {
  const perInterface = ['accept_redirects', 'accept_source_route', 'forwarding', 'proxy_arp']
  const four = [...perInterface, 'log_martians', 'rp_filter', 'secure_redirects', 'send_redirects']
  switch (folder) {
    case '/proc/sys/net/ipv4':
      return ['conf', 'icmp_echo_ignore_broadcasts', 'ip_forward', 'neigh', 'tcp_rfc1337', 'tcp_syncookies', 'tcp_timestamps']
    case '/proc/sys/net/ipv4/conf/all':
    case '/proc/sys/net/ipv4/conf/default':
      return four.toSorted()
    case '/proc/sys/net/ipv6/conf/all':
    case '/proc/sys/net/ipv6/conf/default':
      return [...perInterface, 'accept_ra'].toSorted()
    default:
      return undefined
  }
}

/** Invented secrets of the practice cluster: they look like real ones and open nothing. */
export function inventedSecret(name: string, bytes = 32): string {
  let out = Buffer.alloc(0)
  for (let i = 0; out.length < bytes; i++) out = Buffer.concat([out, digest(`${name} ${i}`)])
  return out.subarray(0, bytes).toString('base64')
}

export const inventedPem = (label: string, name: string): string =>
  `-----BEGIN ${label}-----\n${inventedSecret(name, 48)
    .match(/.{1,64}/g)
    ?.join('\n')}\n-----END ${label}-----\n`
const asBase64 = (text: string): string => Buffer.from(text).toString('base64')
export const inventedToken = (name: string): string => {
  const letters = digest(name).toString('hex')
  return `${letters.slice(0, 6)}.${letters.slice(6, 22)}`
}

/** `cluster.apiServer` of a control plane. */
function apiServerPart({ type, podSecurity, auditPolicy }: PracticeNode): string[] {
  if (type !== 'controlplane') return []
  const apiServer = {
    image: 'registry.k8s.io/kube-apiserver:v1.36.3',
    ...(podSecurity === null ? {} : { admissionControl: [{ name: 'PodSecurity', configuration: podSecurity }] }),
    ...(auditPolicy === null ? {} : { auditPolicy }),
  }
  return stringify({ apiServer }, { lineWidth: 0, indent: 4 })
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`)
}

const configs = new WeakMap<PracticeNode, string>()

/** The whole machine configuration of a node, as the API would hand it out. Nodes are values, so each has it made once. */
export function machineConfig(node: PracticeNode, clusterId: string): string {
  const made = configs.get(node) ?? configText(node, clusterId)
  configs.set(node, made)
  return made
}

function configText(node: PracticeNode, clusterId: string): string {
  const cp = node.type === 'controlplane'
  const indent = (map: Record<string, string>, by: string) =>
    Object.entries(map)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => `${by}${k}: "${v}"\n`)
      .join('')
  const ca = (name: 'os' | 'k8s' | 'aggregator' | 'etcd') =>
    `crt: ${name === 'os' ? certificates.ca : certificates[name]}\n        ${cp ? `key: ${asBase64(inventedPem(name === 'os' ? 'ED25519 PRIVATE KEY' : 'EC PRIVATE KEY', `${name} key`))}` : 'key: ""'}`
  return [
    'version: v1alpha1',
    'debug: false',
    'machine:',
    `    type: ${node.type}`,
    `    token: ${inventedToken('machine token')}`,
    '    ca:',
    `        ${ca('os')}`,
    '    certSANs: []',
    '    kubelet:',
    '        image: ghcr.io/siderolabs/kubelet:v1.36.3',
    ...(node.machineSysctls
      ? [`    sysctls:${Object.keys(node.machineSysctls).length === 0 ? ' {}' : `\n${indent(node.machineSysctls, '        ').trimEnd()}`}`]
      : []),
    '    registries:',
    '        config:',
    '            registry.example.com:',
    '                auth:',
    '                    username: pull',
    `                    password: ${inventedSecret('registry password', 18)}`,
    '    features:',
    '        diskQuotaSupport: true',
    'cluster:',
    `    id: ${clusterId}`,
    `    secret: ${inventedSecret('cluster secret')}`,
    '    controlPlane:',
    '        endpoint: https://10.20.0.11:6443',
    '    clusterName: practice',
    ...apiServerPart(node),
    `    token: ${inventedToken('bootstrap token')}`,
    ...(cp
      ? [
          `    secretboxEncryptionSecret: ${inventedSecret('secretbox')}`,
          '    ca:',
          `        ${ca('k8s')}`,
          '    aggregatorCA:',
          `        ${ca('aggregator')}`,
          '    serviceAccount:',
          `        key: ${asBase64(inventedPem('RSA PRIVATE KEY', 'service account'))}`,
          '    etcd:',
          '        ca:',
          `            ${ca('etcd').replace('\n        ', '\n            ')}`,
        ]
      : []),
    ...node.firewall.flatMap((document) => ['---', stringify(document, { lineWidth: 0 }).trimEnd()]),
    ...(node.sysctlDocument
      ? [
          '---',
          'apiVersion: v1alpha1',
          'kind: SysctlConfig',
          `params:${Object.keys(node.sysctlDocument).length === 0 ? ' {}' : `\n${indent(node.sysctlDocument, '    ').trimEnd()}`}`,
        ]
      : []),
    '---',
    'apiVersion: v1alpha1',
    'kind: VolumeConfig',
    'name: STATE',
    'encryption:',
    '    provider: luks2',
    '    keys:',
    '        - slot: 0',
    '          static:',
    `              passphrase: ${inventedSecret(`disk ${node.name}`, 24)}`,
    '---',
    'apiVersion: v1alpha1',
    'kind: HostnameConfig',
    'auto: "off"',
    `hostname: ${node.name}`,
    '',
  ].join('\n')
}
