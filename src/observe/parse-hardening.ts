import { type Json, plainLine } from '../contract.ts'
import type { PodVersions } from '../domain/api-server.ts'
import type { FirewallRule } from '../domain/firewall-config.ts'
import type { BothConfigs, HardeningConfig, NetworkConfig } from '../domain/hardening-config.ts'
import { type ConfigTexts, type CosiObject, configDocuments, whetherTried } from './parse.ts'
import { asList, asMap, asText, itemsOf, notTooDeep, type Raw } from './raw.ts'

/** Parsers of what decides about firewall, admission and audit policy. Everything else of a machine configuration is dropped here. */

/** Plain JSON of a part, with every text made safe to draw. */
function safe(value: unknown, depth = 0): Json {
  notTooDeep(depth)
  if (typeof value === 'string') return plainLine(value, 1000)
  if (Array.isArray(value)) return value.slice(0, 5000).map((v) => safe(v, depth + 1))
  if (value && typeof value === 'object')
    return Object.fromEntries(
      Object.entries(value)
        .slice(0, 1000)
        .map(([k, v]) => [plainLine(k, 200), safe(v, depth + 1)]),
    )
  return typeof value === 'number' || typeof value === 'boolean' ? value : null
}

/** Ports stand there as numbers or as text. */
const asWord = (value: unknown): string => plainLine(String(value ?? ''), 200)

export const PROTOCOLS = ['tcp', 'udp', 'icmp', 'icmpv6'] as const

function ruleOf(doc: Raw): FirewallRule {
  const selector = asMap(doc.portSelector)
  return {
    name: asWord(doc.name),
    ports: asList(selector.ports).map(asWord),
    protocol: PROTOCOLS.find((p) => p === selector.protocol) ?? 'tcp',
    ingress: asList(doc.ingress).map((item) => {
      const { subnet, except } = asMap(item)
      return { subnet: asWord(subnet), ...(except ? { except: asWord(except) } : {}) }
    }),
  }
}

const KUBERNETES_DOCUMENT = /^Kube(APIServer|AdmissionControl|AuditPolicy|Authentication|Authorizer|EtcdEncryption)/

const hostOf = (url: unknown): string => {
  const parsed = typeof url === 'string' ? URL.parse(url) : null
  return parsed ? plainLine(parsed.hostname.replace(/^\[|\]$/g, ''), 253) : ''
}

/** Who else must reach the node, by either form. */
function networkConfigIn(documents: readonly Raw[]): NetworkConfig {
  const found: NetworkConfig = { endpoint: '', kubespan: false, talosApiFromPods: false }
  for (const value of documents) {
    if (value.kind === 'KubeClusterConfig') found.endpoint ||= hostOf(value.endpoint)
    if (value.kind === 'KubeSpanConfig') found.kubespan ||= value.enabled === true
    if (value.kind === 'KubeTalosAPIAccessConfig') found.talosApiFromPods = true
    if (value.kind) continue
    const [machine, cluster] = [asMap(value.machine), asMap(value.cluster)]
    found.endpoint ||= hostOf(asMap(cluster.controlPlane).endpoint)
    found.kubespan ||= asMap(asMap(machine.network).kubespan).enabled === true
    found.talosApiFromPods ||= asMap(asMap(machine.features).kubernetesTalosAPIAccess).enabled === true
  }
  return found
}

function hardeningIn(documents: readonly Raw[]): HardeningConfig {
  const found: HardeningConfig = { firewall: { rules: [] } }
  for (const value of documents) {
    const kind = typeof value.kind === 'string' ? value.kind : ''
    if (!kind) oldForm(asMap(asMap(value.cluster).apiServer), found)
    if (KUBERNETES_DOCUMENT.test(kind)) found.apiServerForm ??= 'documents'
    if (kind === 'KubeAdmissionControlConfig' && value.name === 'PodSecurity') found.podSecurity = safe(value.configuration)
    if (kind === 'KubeAuditPolicyConfig') found.auditPolicy = safe(value.configuration)
    if (kind === 'NetworkRuleConfig') found.firewall.rules.push(ruleOf(value))
    if (kind === 'NetworkDefaultActionConfig' && (value.ingress === 'block' || value.ingress === 'accept'))
      found.firewall.ingress = value.ingress
  }
  found.firewall.rules.sort((a, b) => (a.name < b.name ? -1 : 1))
  return found
}

/** `cluster.apiServer` wins over the documents: a configuration that has both is refused by Talos. */
function oldForm(apiServer: Raw, found: HardeningConfig): void {
  if (Object.keys(apiServer).length === 0) return
  found.apiServerForm = 'cluster.apiServer'
  const plugin = asList(apiServer.admissionControl)
    .map(asMap)
    .find((p) => p.name === 'PodSecurity')
  if (plugin) found.podSecurity = safe(plugin.configuration)
  if (apiServer.auditPolicy) found.auditPolicy = safe(apiServer.auditPolicy)
}

/** What the configurations of one node say of all this. */
export function parseBothConfigs(texts: ConfigTexts): BothConfigs {
  const documents = configDocuments(texts.active)
  const active = hardeningIn(documents)
  const kept = () => (texts.persistent === texts.active ? active : hardeningIn(configDocuments(texts.persistent ?? '')))
  return {
    active,
    ...(texts.persistent === undefined ? {} : { persistent: kept() }),
    ...whetherTried(texts),
    versions: texts.versions,
    network: networkConfigIn(documents),
  }
}

/** The configuration of PodSecurity that the API server is started with, once for every time that the plugin is named. */
export const parseAdmission = (objects: readonly CosiObject[]): Json[] =>
  objects
    .filter((o) => o.id === 'admission-control')
    .flatMap((o) => asList(asMap(o.spec).config).map(asMap))
    .filter((plugin) => plugin.name === 'PodSecurity')
    .map((plugin) => safe(plugin.configuration))

/** The audit policy that the API server is started with. */
export const parseAuditPolicy = (objects: readonly CosiObject[]): Json =>
  safe(asMap(objects.find((o) => o.id === 'audit-policy')?.spec).config ?? null)

const CONTROL_PLANE_PODS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']

const talosAnnotations = (annotations: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(asMap(annotations)).flatMap(([key, value]) => (key.startsWith('talos.dev/') ? [[asText(key), asText(value)]] : [])),
  )

/** What Talos wants of its three static pods, by their annotations. */
export const parseWantedPods = (objects: readonly CosiObject[]): PodVersions =>
  Object.fromEntries(
    objects
      .filter((o) => CONTROL_PLANE_PODS.includes(o.id))
      .map((o) => [o.id, talosAnnotations(asMap(asMap(o.spec).metadata).annotations)]),
  )

/** The mirror pods of one node, and whether all are ready; undefined for what is no list of pods. */
export function parseRunningPods(stdout: string, node: string): { running: PodVersions; ready: boolean } | undefined {
  const items = itemsOf(stdout)?.filter((pod) => asMap(pod.spec).nodeName === node)
  if (!items) return undefined
  const isReady = (pod: Raw) => asList(asMap(pod.status).conditions).some((c) => asMap(c).type === 'Ready' && asMap(c).status === 'True')
  const isServer = (pod: Raw) => asMap(pod.metadata).name === `kube-apiserver-${node}`
  return {
    running: Object.fromEntries(
      items.map(({ metadata }) => [asText(asMap(metadata).name).replace(`-${node}`, ''), talosAnnotations(asMap(metadata).annotations)]),
    ),
    // the others lost it, and may sit in a back-off for minutes: their Leases are waited for when the change is kept
    ready: items.some((pod) => isServer(pod) && isReady(pod)),
  }
}

/** When each Lease was last renewed. */
export const parseLeases = (stdout: string): { name: string; renewed: string }[] =>
  (itemsOf(stdout) ?? []).map(({ metadata, spec }) => ({ name: asText(asMap(metadata).name), renewed: asText(asMap(spec).renewTime) }))
