import {
  type Action,
  type Block,
  type Blocked,
  blocked,
  type Json,
  type Look,
  type ObjectRef,
  type Part,
  type Sighting,
} from '../contract.ts'
import { networkPolicies, type Pod, type Service, workloads } from './kubernetes.ts'
import { biteBlocks, biteSentence } from './network-flows.ts'
import {
  foreignSentence,
  holdsManifests,
  isOurs,
  type Manifest,
  manifestsFor,
  manifestsYaml,
  namesOf,
  policiesAfter,
  staleNames,
} from './network-manifests.ts'
import { type Bite, opensSentence, wouldBite } from './network-match.ts'
import {
  deniesSentence,
  type NamespaceSeen,
  type PolicySeen,
  READY_IS_NOT_TRAFFIC,
  readinessOf,
  refuseNamespace,
  type WorkloadSeen,
} from './network-policy.ts'
import { proposalBlocks, proposeRules } from './network-proposal.ts'
import type { AllowRule } from './network-rules.ts'
import type { Member } from './observations.ts'
import { listed } from './remarks.ts'
import { ASK_ALL, notAsked, type Socket } from './sockets.ts'
import { call } from './verbs.ts'

/** The change of one namespace: what it allows, then that it denies the rest; and the way back. */

export interface AroundNamespace {
  namespaces: readonly NamespaceSeen[]
  policies: readonly PolicySeen[]
  workloads: readonly WorkloadSeen[]
  pods: Look<Pod[]>
  services: Look<Service[]>
  members: Look<Member[]>
  sockets: readonly Sighting<Socket[]>[]
  /** What is said of enforcement, and whether policies may have an effect at once. */
  enforcement: { sentence: string; mayBite: boolean }
  delivery: 'live' | 'gitops'
  template: (path: string) => string
}

/** What an undo has to know. Earlier versions kept no specs. */
export type PolicyRecord = { namespace: string; names: string[]; specs?: { [name: string]: Json } }

/** A policy shows in readiness only when the next health checks have failed. Seconds. */
const WATCHED = 45

export const NARROW = 'take it away, or let it name who, and on which ports'

/** Tools that keep what is in a namespace in git, by the labels that they leave. */
const OWNERS: Record<string, string> = {
  'argocd.argoproj.io/instance': 'Argo CD',
  'kustomize.toolkit.fluxcd.io/name': 'Flux',
  'helm.toolkit.fluxcd.io/name': 'Flux',
}

function stopsNamespace(namespace: string, { namespaces, policies, delivery }: AroundNamespace): Blocked | undefined {
  const object = { kind: 'namespace', name: namespace }
  const refused = refuseNamespace(namespace, namespaces)
  if (refused) return blocked(object, refused)
  const labels = namespaces.find((n) => n.name === namespace)?.labels ?? {}
  const owner = Object.keys(OWNERS).find((key) => key in labels)
  if (owner && delivery === 'live')
    return blocked(
      object,
      `it belongs to ${OWNERS[owner]}, which would take our change back`,
      'set "delivery: gitops" in preflight.yaml: the plan then writes files',
    )
  const theirs = opensSentence(
    namespace,
    policies.filter((p) => !isOurs(p)),
  )
  return theirs === undefined ? undefined : blocked(object, theirs, NARROW)
}

/** Nodes of which it is not known who talks to whom, and why. */
function unseenNodes(members: readonly Member[], sockets: AroundNamespace['sockets']): { name: string; reason: string; remedy?: string }[] {
  const failed = sockets.flatMap(({ object, look }) => (look.ok ? [] : [{ ...look, name: object.name }]))
  return [
    ...failed,
    ...notAsked(members, sockets).map(({ name }) => ({
      name,
      reason: 'it was not looked at, and the rules follow from who is connected on any node',
      remedy: ASK_ALL,
    })),
  ]
}

/** Who talks to whom, or why that is not known. Rules that are written need no flows to be proposed from. */
function seenFor(object: ObjectRef, rules: readonly AllowRule[], around: AroundNamespace) {
  const { pods, services, members, sockets } = around
  const blind = [pods, services, members].find((look) => !look.ok)
  if (blind && !blind.ok) return blocked(object, `it is not known who talks to whom: ${blind.reason}`, blind.remedy)
  if (!pods.ok || !services.ok || !members.ok) return blocked(object, 'was not looked at')
  const unseen = unseenNodes(members.value, sockets)
  const [first] = unseen
  if (first && rules.length === 0)
    return blocked(
      object,
      `it is not known who talks to whom on ${first.name}: ${first.reason}`,
      [first.remedy, 'or write the rules: --answer K8S-04.rules=…'].filter(Boolean).join('; '),
    )
  const open = sockets.flatMap((s) => (s.look.ok ? s.look.value : []))
  return { pods: pods.value, services: services.value, members: members.value, sockets: open, unseen: unseen.map((n) => n.name) }
}

/** The part of one namespace; nothing where it is as it should be. */
export function namespacePart(namespace: string, rules: readonly AllowRule[], around: AroundNamespace): Part | Blocked | undefined {
  const object = { kind: 'namespace', name: namespace }
  const { policies, workloads: running, enforcement } = around
  const stop = stopsNamespace(namespace, around)
  if (stop) return stop
  const seen = seenFor(object, rules, around)
  if ('reason' in seen) return seen
  const proposal = proposeRules(namespace, seen)
  const manifests = manifestsFor(namespace, rules.length > 0 ? rules : proposal.rules.map((r) => r.rule))
  const foreign = foreignSentence(namespace, manifests, policies)
  if (foreign) return blocked(object, foreign)
  const stale = staleNames(namespace, manifests, policies)
  const holds = holdsManifests(policies, manifests) === true
  // or it is shut already, by policies that nobody told us to change
  if ((holds && stale.length === 0) || (rules.length === 0 && deniesSentence(namespace, policies) === undefined)) {
    const open = opensSentence(namespace, policies)
    return open === undefined ? undefined : blocked(object, open, 'write rules that name who, and on which ports: --answer K8S-04.rules=…')
  }
  const shut = apply(namespace, manifests, manifestsYaml(around.template, manifests))
  const steady = enforcement.mayBite ? WATCHED : 0
  const ready = readyAsBefore(readinessOf(running, namespace), steady)
  // no file takes anything away; where that is all there is to do, it is left to be said that it cannot be written
  const written = around.delivery === 'gitops' && !holds
  const nodeOf = (address: string) => seen.members.find((m) => m.addresses.includes(address))?.name
  const after = policiesAfter(namespace, manifests, policies)
  const bites = wouldBite(after, proposal.flows, { namespaces: around.namespaces, pods: seen.pods }, nodeOf)
  const texts = [
    ...(rules.length > 0 ? ['The rules are those of the answers; above is what was seen.', ...unseenText(seen.unseen)] : []),
    ...openText(namespace, after),
    ...(written ? staleText(namespace, stale) : []),
    `${enforcement.sentence}.`,
  ]
  return {
    object,
    summary: `shut ${namespace}, and allow what ${manifests.length - 1} ${manifests.length === 2 ? 'policy names' : 'policies name'}`,
    blocks: [
      ...proposalBlocks(proposal),
      ...texts.map((text): Block => ({ type: 'text', text })),
      ...bitten(bites.filter((b) => b.policies.some((p) => p.startsWith(`${namespace}/`)))),
      { type: 'text', text: READY_IS_NOT_TRAFFIC },
    ],
    actions: written ? [shut, ready] : [shut, ...sweep(namespace, stale), ready],
  }
}

const bitten = (bites: readonly Bite[]): Block[] =>
  bites.length > 0 ? [{ type: 'text', text: `${biteSentence(bites)}.` }, ...biteBlocks(bites)] : []

const unseenText = (nodes: readonly string[]): string[] =>
  nodes.length > 0 ? [`Who talks to whom on ${listed(nodes)} was not seen: what would be cut there is not known.`] : []

function openText(namespace: string, after: readonly PolicySeen[]): string[] {
  const open = opensSentence(namespace, after)
  return open === undefined ? [] : [`${open}: with such rules the step goes on to fail.`]
}

const staleText = (namespace: string, stale: readonly string[]): string[] =>
  stale.length > 0
    ? [
        `Nobody wants ${listed(stale)} any more, and no file takes ${stale.length === 1 ? 'it' : 'them'} away. When the others are there: kubectl delete networkpolicies.networking.k8s.io ${stale.join(' ')} --namespace ${namespace}`,
      ]
    : []

/** What allows comes first in it and what denies last, so that nothing is cut on the way. */
function apply(namespace: string, manifests: readonly Manifest[], yaml: string): Action {
  const args = manifests.map((m): Json => m)
  const names = namesOf(manifests)
  const record = { namespace, names, specs: Object.fromEntries(manifests.map((m, i) => [names[i] ?? '', m.spec ?? null])) }
  return {
    kind: 'run',
    id: 'apply',
    title: `apply ${manifests.length} policies`,
    danger: 'change',
    call: call('kubectl.apply', { manifests: args, dryRun: false }),
    dryRun: call('kubectl.apply', { manifests: args, dryRun: true }),
    done: { observation: networkPolicies.name, predicate: 'hold', args, sentence: `${namespace} has the policies` },
    undo: { sentence: 'takes its policies away again, the one that denies first', record },
    cancel: 'after this object',
    restarts: 'nothing',
    file: { path: `generated/K8S-04/${namespace}.yaml`, content: yaml },
  }
}

const sweep = (namespace: string, stale: string[]): Action[] =>
  stale.length === 0
    ? []
    : [
        deletion('stale', `take ${stale.join(', ')} away, which we made and nobody wants any more`, namespace, stale, {
          none: 'mend K8S-04 with the rules that it was for',
        }),
      ]

/** Takes policies away; everything else stays. */
export function deletion(
  id: string,
  title: string,
  namespace: string,
  names: string[],
  undo: { sentence: string; record: Json } | { none: string },
): Action {
  const args = { namespace, names }
  return {
    kind: 'run',
    id,
    title,
    danger: 'change',
    call: call('kubectl.deletePolicies', { ...args, dryRun: false }),
    dryRun: call('kubectl.deletePolicies', { ...args, dryRun: true }),
    done: { observation: networkPolicies.name, predicate: 'gone', args, sentence: `${namespace} does not have them any more` },
    undo,
    cancel: 'after this object',
    restarts: 'nothing',
  }
}

export function readyAsBefore(before: Json, steadySeconds: number): Action {
  const sentence = 'its workloads are as ready as before'
  return {
    kind: 'expect',
    id: 'ready',
    title: sentence,
    danger: 'read',
    condition: { observation: workloads.name, predicate: 'asReady', args: before, sentence },
    deadlineSeconds: steadySeconds + 60,
    steadySeconds,
  }
}
