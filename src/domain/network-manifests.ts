import { parseDocument } from 'yaml'
import { canonical, type Json } from '../contract.ts'
import { type Labels, type PolicySeen, readPolicy } from './network-policy.ts'
import { type AllowRule, formatRule, type RulePeer } from './network-rules.ts'
import { listed } from './remarks.ts'

/**
 * Manifests for a server-side apply with our field manager. What allows comes first and what denies last, so that nothing is cut on
 * the way. https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */

const MANAGED = 'app.kubernetes.io/managed-by'
const US = 'talos-preflight'
export const isOurs = (policy: Pick<PolicySeen, 'labels'>): boolean => policy.labels[MANAGED] === US

export type Manifest = { [key: string]: Json }

const manifest = (namespace: string, name: string, spec: Json): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace, labels: { [MANAGED]: US } },
  spec,
})

export const DENY = 'default-deny'
const DNS = 'allow-dns'

const selector = (labels: Labels): Json => (Object.keys(labels).length > 0 ? { matchLabels: labels } : {})
const inNamespace = (name: string): Json => (name === '*' ? {} : { matchLabels: { 'kubernetes.io/metadata.name': name } })

/** CoreDNS of Talos carries `k8s-app: kube-dns` (1.13.9, k8stemplates). Both selectors in one peer: both have to fit. */
const dnsManifest = (namespace: string): Manifest =>
  manifest(namespace, DNS, {
    podSelector: {},
    policyTypes: ['Egress'],
    egress: [
      {
        to: [{ namespaceSelector: inNamespace('kube-system'), podSelector: selector({ 'k8s-app': 'kube-dns' }) }],
        ports: [
          { protocol: 'UDP', port: 53 },
          { protocol: 'TCP', port: 53 },
        ],
      },
    ],
  })

function peerManifest(peer: Exclude<RulePeer, { kind: 'any' }>): Json {
  if (peer.kind === 'ip') return { ipBlock: { cidr: peer.cidr, ...(peer.except.length > 0 ? { except: peer.except } : {}) } }
  if (peer.namespace === '') return { podSelector: selector(peer.labels) }
  return {
    namespaceSelector: inNamespace(peer.namespace),
    ...(Object.keys(peer.labels).length > 0 ? { podSelector: selector(peer.labels) } : {}),
  }
}

function ruleManifest({ direction, ports, peers }: AllowRule): Json {
  const named = peers.flatMap((p) => (p.kind === 'any' ? [] : [peerManifest(p)]))
  return {
    ...(named.length > 0 ? { [direction === 'in' ? 'from' : 'to']: named } : {}),
    ...(ports.length > 0
      ? {
          ports: ports.map(({ port, endPort, protocol }) => ({
            protocol: protocol.toUpperCase(),
            port,
            ...(endPort > 0 ? { endPort } : {}),
          })),
        }
      : {}),
  }
}

const slugOf = (pods: Labels): string =>
  Object.values(pods)
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '') || 'all'

/** What another application is called may be what counting on would give. */
function firstFree(base: string, taken: ReadonlySet<string>): string {
  let name = base
  for (let count = 2; taken.has(name); count++) name = `${base}-${count}`
  return name
}

/** One policy for each direction and application, with a name that says so. */
function allowManifests(namespace: string, rules: readonly AllowRule[]): Manifest[] {
  const groups = new Map<string, AllowRule[]>()
  for (const rule of rules) {
    const key = canonical([rule.direction, rule.pods])
    groups.set(key, [...(groups.get(key) ?? []), rule])
  }
  const taken = new Set<string>()
  return [...groups.entries()]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, own]) => {
      const { direction, pods } = own[0] as AllowRule
      const base = `allow-${direction}-${slugOf(pods)}`
      const name = firstFree(base, taken)
      taken.add(name)
      const sorted = own.toSorted((a, b) => (formatRule(a) < formatRule(b) ? -1 : 1)).map(ruleManifest)
      return manifest(namespace, name, {
        podSelector: selector(pods),
        policyTypes: [direction === 'in' ? 'Ingress' : 'Egress'],
        [direction === 'in' ? 'ingress' : 'egress']: sorted,
      })
    })
}

export function manifestsFor(namespace: string, rules: readonly AllowRule[]): Manifest[] {
  return [dnsManifest(namespace), ...allowManifests(namespace, rules), denyManifest(namespace)]
}

/** Only the one that denies, for the probe. */
export const denyManifest = (namespace: string): Manifest =>
  manifest(namespace, DENY, { podSelector: {}, policyTypes: ['Ingress', 'Egress'] })

/** The manifests as a file, with the comments of the templates. */
export function manifestsYaml(template: (path: string) => string, manifests: readonly Manifest[]): string {
  return manifests
    .map((made) => {
      const { name, namespace } = made.metadata as { name: string; namespace: string }
      const doc = parseDocument(template(`K8S-04/${name === DENY || name === DNS ? name : 'allow'}.yaml`))
      doc.setIn(['metadata', 'name'], name)
      doc.setIn(['metadata', 'namespace'], namespace)
      doc.set('spec', doc.createNode(made.spec))
      return doc.toString({ lineWidth: 0 })
    })
    .join('---\n')
}

/** `default-deny`, ... */
export const namesOf = (manifests: readonly Manifest[]): string[] => manifests.map((m) => String((m.metadata as { name: string }).name))

/* ---- beside what is there ----------------------------------------------------------------------------------- */

/** Policies of ours that are not wanted any more. */
export function staleNames(namespace: string, manifests: readonly Manifest[], live: readonly PolicySeen[]): string[] {
  const wanted = namesOf(manifests)
  return live.filter((p) => p.namespace === namespace && isOurs(p) && !wanted.includes(p.name)).map((p) => p.name)
}

/** Policies of the same name that are not ours: they are left alone, and nothing is applied over them. */
export function foreignSentence(namespace: string, manifests: readonly Manifest[], live: readonly PolicySeen[]): string | undefined {
  const wanted = namesOf(manifests)
  const foreign = live.filter((p) => p.namespace === namespace && !isOurs(p) && wanted.includes(p.name)).map((p) => p.name)
  return foreign.length === 0 ? undefined : `${namespace} has ${listed(foreign)} of somebody else: rename it, or take it out first`
}

/** What a policy does, and nothing of who made it. */
export const said = ({ labels: _, ...rest }: PolicySeen): string => canonical(rest)

/** Whether the cluster holds the manifests as they are. */
export function holdsManifests(live: readonly PolicySeen[], manifests: readonly Manifest[]): true | string {
  const missing = manifests.map(readPolicy).filter((wanted) => !live.some((p) => said(p) === said(wanted) && isOurs(p)))
  return missing.length === 0 || `${missing[0]?.namespace} does not hold ${listed(missing.map((m) => m.name))}`
}

/** The policies as they would be: ours replaced, those of others as they are. */
export function policiesAfter(namespace: string, manifests: readonly Manifest[], live: readonly PolicySeen[]): PolicySeen[] {
  return [...live.filter((p) => p.namespace !== namespace || !isOurs(p)), ...manifests.map(readPolicy)]
}
