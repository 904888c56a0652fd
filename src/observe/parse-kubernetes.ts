import { plainLine } from '../contract.ts'
import type { Probing } from '../domain/enforcement-probe.ts'
import type { AnonymousBinding, ApiServerPod, Pod, Service, StorageWrites } from '../domain/kubernetes.ts'
import { type NamespaceSeen, type PolicySeen, type Protocol, readPolicy, type WorkloadSeen } from '../domain/network-policy.ts'
import type { KubeletAccess } from '../domain/wire.ts'
import type { CosiObject } from './parse.ts'
import { asList, asMap, asText, itemsOf, notTooDeep, type Raw } from './raw.ts'

/** Parsers of what kubectl prints, and of the Kubernetes objects that Talos shows. What is kept is bounded, and no secret is in it. */

/** The API server among the static pods of one node; a worker has none. */
export function parseApiServerPod(objects: readonly CosiObject[]): ApiServerPod | { absent: true } {
  const found = objects.find((o) => o.id === 'kube-apiserver')
  const container = asMap(asList(asMap(asMap(found?.spec).spec).containers)[0])
  if (!found) return { absent: true }
  return {
    version: /:(v\d+\.\d+\.\d+[^@]*)/.exec(asText(container.image))?.[1] ?? '',
    arguments: asList(container.command)
      .slice(1, 200)
      .map((a) => asText(a, 500)),
  }
}

export function parseKubeNodes(stdout: string): { name: string; addresses: string[] }[] {
  return (itemsOf(stdout) ?? []).map((item) => ({
    name: asText(asMap(item.metadata).name),
    addresses: asList(asMap(item.status).addresses).map((a) => asText(asMap(a).address)),
  }))
}

const textMap = (value: unknown): Record<string, string> =>
  Object.fromEntries(Object.entries(asMap(value)).map(([k, v]) => [plainLine(k, 320), asText(v, 80)]))

/** Without those that are being deleted; undefined for what is no list. */
export function parseNamespaces(stdout: string): NamespaceSeen[] | undefined {
  return itemsOf(stdout)
    ?.filter((item) => asMap(item.status).phase !== 'Terminating')
    .map(({ metadata }) => ({ name: asText(asMap(metadata).name), labels: textMap(asMap(metadata).labels) }))
}

const EVERYBODY = ['system:anonymous', 'system:unauthenticated'] as const

/** Bindings whose subject is everybody who did not sign in; undefined for what is no list of bindings. */
export function parseBindings(stdout: string): AnonymousBinding[] | undefined {
  return itemsOf(stdout)?.flatMap((item) => {
    const { name, namespace } = asMap(item.metadata)
    const subjects = asList(item.subjects).map((s) => asText(asMap(s).name))
    return EVERYBODY.filter((s) => subjects.includes(s)).map((subject) => ({
      kind: asText(item.kind),
      name: [asText(namespace), asText(name)].filter(Boolean).join('/'),
      role: asText(asMap(item.roleRef).name),
      subject,
    }))
  })
}

/**
 * Successful writes of Secrets by transformer prefix; the key has a series of its own beside the provider. Of the metric `apiserver_storage_transformation_operations_total`.
 * https://kubernetes.io/docs/reference/instrumentation/metrics/
 */
export function parseStorageWrites(text: string): StorageWrites {
  const writes: StorageWrites = {}
  for (const [, labels = '', value] of text.matchAll(/^apiserver_storage_transformation_operations_total\{([^}]*)\} (\S+)$/gm)) {
    const label = (name: string) => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? ''
    if (label('resource') !== 'secrets' || label('transformation_type') !== 'to_storage' || label('status') !== 'OK') continue
    const prefix = plainLine(label('transformer_prefix') || 'identity', 80)
    writes[prefix] = (writes[prefix] ?? 0) + Number(value)
  }
  return writes
}

/** A cell of a line that kubectl filled by a path: JSON of a map or a list, or nothing. */
function jsonCell(text: string | undefined): unknown {
  try {
    return text ? JSON.parse(text) : undefined
  } catch {
    return undefined
  }
}

/** Lists of several containers stand side by side. */
const listsCell = (text: string | undefined): unknown[] => asList(jsonCell(`[${(text ?? '').replaceAll('] [', '],[')}]`)).flatMap(asList)

/** The lines of a table of so many columns; undefined where one is no line of it. No line at all is an empty list. */
function cellsOf(stdout: string, columns: number): string[][] | undefined {
  const rows = stdout
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.split('\t'))
  return rows.every((cells) => cells.length === columns) ? rows : undefined
}

const words = (text: string | undefined): string[] =>
  (text ?? '')
    .split(' ')
    .filter(Boolean)
    .map((w) => plainLine(w, 100))
const protocolOf = (value: unknown): Protocol => (value === 'UDP' ? 'udp' : value === 'SCTP' ? 'sctp' : 'tcp')

function containerPort(value: unknown): Pod['ports'][number] {
  const { name, containerPort: port, protocol, hostPort } = asMap(value)
  return {
    ...(name ? { name: asText(name, 60) } : {}),
    port: Number(port) || 0,
    protocol: protocolOf(protocol),
    ...(hostPort ? { hostPort: Number(hostPort) || 0 } : {}),
  }
}

/** Lines of `kubectl get pods`; those that have ended are left out. Undefined where it is something else. */
export function parsePods(stdout: string): Pod[] | undefined {
  return cellsOf(stdout, 10)?.flatMap(([namespace, name, labels, , node, hostNetwork, addresses, , phase, ports]) =>
    !namespace || !name || phase === 'Succeeded' || phase === 'Failed'
      ? []
      : [
          {
            namespace: plainLine(namespace, 100),
            name: plainLine(name, 260),
            labels: textMap(jsonCell(labels)),
            node: plainLine(node ?? '', 260),
            hostNetwork: hostNetwork === 'true',
            ips: words(addresses),
            ports: listsCell(ports).map(containerPort),
          },
        ],
  )
}

/** Lines of `kubectl get deployments,statefulsets,daemonsets`. Undefined where it is something else. */
export function parseWorkloads(stdout: string): WorkloadSeen[] | undefined {
  return cellsOf(stdout, 8)?.flatMap(([kind, namespace, name, replicas, readyReplicas, scheduled, numberReady, containers]) =>
    !kind || !namespace || !name
      ? []
      : [
          {
            kind: plainLine(kind, 40),
            namespace: plainLine(namespace, 100),
            name: plainLine(name, 260),
            desired: Number(replicas || scheduled) || 0,
            ready: Number(readyReplicas || numberReady) || 0,
            containers: words(containers),
          },
        ],
  )
}

const TYPES = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] as const

/** Services of a list; undefined for what is no list. */
export function parseServices(stdout: string): Service[] | undefined {
  return itemsOf(stdout)?.map(({ metadata, spec: raw, status }) => {
    const [{ name, namespace }, spec] = [asMap(metadata), asMap(raw)]
    const health = Number(spec.healthCheckNodePort) || 0
    const given = asList(asMap(asMap(status).loadBalancer).ingress).map((i) => asMap(i).ip)
    const external = [...asList(spec.externalIPs), ...given].map((a) => asText(a, 60)).filter(Boolean)
    return {
      namespace: asText(namespace),
      name: asText(name),
      type: TYPES.find((t) => t === spec.type) ?? 'ClusterIP',
      selector: textMap(spec.selector),
      clusterIPs: asList(spec.clusterIPs).map((a) => asText(a, 60)),
      ports: asList(spec.ports)
        .map(asMap)
        .map((p) => ({
          port: Number(p.port) || 0,
          ...(p.name ? { name: asText(p.name, 60) } : {}),
          targetPort: typeof p.targetPort === 'string' ? asText(p.targetPort, 60) : Number(p.targetPort ?? p.port) || 0,
          protocol: protocolOf(p.protocol),
          ...(p.nodePort ? { nodePort: Number(p.nodePort) || 0 } : {}),
        })),
      ...(health > 0 ? { healthCheckNodePort: health } : {}),
      ...(external.length > 0 ? { externalAddresses: [...new Set(external)] } : {}),
    }
  })
}

/** Network policies of a list; undefined for what is no list. */
export const parsePolicies = (stdout: string): PolicySeen[] | undefined => itemsOf(stdout)?.map((item) => readPolicy(tidy(item)))

/** The same with every text on one line and safe to draw. */
function tidy(value: unknown, depth = 0): unknown {
  notTooDeep(depth)
  if (typeof value === 'string') return plainLine(value, 320)
  if (Array.isArray(value)) return value.map((v) => tidy(v, depth + 1))
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [plainLine(k, 320), tidy(v, depth + 1)]))
  return value
}

/** What `configz` of a kubelet says of access; undefined for another answer. https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/ */
export function parseKubeletAccess(stdout: string): KubeletAccess | undefined {
  const config = asMap(asMap(jsonCell(stdout)).kubeletconfig)
  if (config.kind !== 'KubeletConfiguration') return undefined
  return {
    anonymous: asMap(asMap(config.authentication).anonymous).enabled !== false,
    authorization: asText(asMap(config.authorization).mode, 40),
    readOnlyPort: Number(config.readOnlyPort) || 0,
  }
}

/** The newest of the pods that try whether policies are enforced, by what each is for; undefined for what is no list. */
export function parseProbing(stdout: string): Probing | undefined {
  const items = itemsOf(stdout)?.toSorted((a, b) => createdAt(b).localeCompare(createdAt(a)))
  const newest = (component: string) =>
    items?.find((item) => textMap(asMap(item.metadata).labels)['app.kubernetes.io/component'] === component)
  const [server, client] = [newest('server'), newest('client')]
  return (
    items && {
      server: { ...stateOf(server), address: asText(asMap(server?.status).podIP, 60) },
      client: { ...stateOf(client), reaches: stateOf(client).runs && isReady(client) },
    }
  )
}

const createdAt = ({ metadata }: Raw): string => asText(asMap(metadata).creationTimestamp)
const isReady = (pod: Raw | undefined): boolean =>
  asList(asMap(pod?.status).conditions).some((c) => asMap(c).type === 'Ready' && asMap(c).status === 'True')

function stateOf(pod: Raw | undefined): { runs: boolean; why: string } {
  const status = asMap(pod?.status)
  const runs = status.phase === 'Running'
  const waiting = asList(status.containerStatuses).map((c) => asMap(asMap(asMap(c).state).waiting))[0]
  const why = [asText(waiting?.reason), asText(waiting?.message)].filter(Boolean).join(', ') || asText(status.phase)
  return { runs, why: runs ? '' : pod ? why : 'it was not made yet' }
}
