import { isMap, parseAllDocuments } from 'yaml'
import {
  type Action,
  type Blocked,
  blocked,
  type ExpectAction,
  type Json,
  type ObjectRef,
  observable,
  type Part,
  type Proof,
  type Question,
} from '../contract.ts'
import { allowed, isOlderThan, since } from './backup.ts'
import { networkPolicies } from './kubernetes.ts'
import type { Manifest } from './network-manifests.ts'
import type { Enforcement, NamespaceSeen } from './network-policy.ts'
import { listed } from './remarks.ts'
import { call } from './verbs.ts'

/**
 * Whether network policies do anything: a pod that reaches another one is shut in by a policy, and looked at again. What a plugin is
 * called does not tell, because each can be told not to enforce.
 */

export const PROBE_NAMESPACE = 'talos-preflight-probe'
export const PROBE_LABEL = 'app.kubernetes.io/name=talos-preflight-probe'
const MANAGED = 'app.kubernetes.io/managed-by'

interface ProbePod {
  runs: boolean
  /** Why it does not run yet; empty where it does. */
  why: string
}

export interface Probing {
  server: ProbePod & { address: string }
  /** `reaches`: the server, now. */
  client: ProbePod & { reaches: boolean }
}

const notYet = ({ why }: ProbePod, what: string): string => `the ${what} does not run yet${why ? `: ${why}` : ''}`

/** Why the pods tell nothing: only a pod that runs and cannot reach one that runs is cut off. */
function tellsNothing({ server, client }: Probing): string | undefined {
  const gone = [...(server.runs ? [] : ['the pod that listens']), ...(client.runs ? [] : ['the pod that connects'])]
  return gone.length > 0 ? `${listed(gone)} did not run to the end` : undefined
}

export const enforcementProbe = observable<Probing>({
  name: 'enforcementProbe',
  scope: 'cluster',
  title: 'pods that try whether policies are enforced',
  predicates: {
    listens: ({ server }) => (server.runs && server.address !== '') || notYet(server, 'pod that listens'),
    reaches: ({ client }) =>
      client.reaches || (client.runs ? 'the pod runs, and does not reach the other one' : notYet(client, 'pod that connects')),
    cut: (seen) => tellsNothing(seen) ?? (!seen.client.reaches || 'the pod still reaches the other one'),
    tells: (seen) => tellsNothing(seen) ?? true,
    gone: ({ server, client }) => (!server.runs && !client.runs) || 'its pods still run',
  },
  outputs: ({ server }) => (server.address ? { server: server.address } : {}),
})

export const enforcementProofs = observable<Proof<Probing>[]>({
  name: `${enforcementProbe.name}.proofs`,
  scope: 'cluster',
  title: 'proofs of enforcement',
})

/** The newest proof that tells something and counts, and what is said of the newest one where none does. */
export function toldBy(
  proofs: readonly Proof<Probing>[],
  days: number,
  now: Date,
): { proof: Proof<Probing>; ago: string } | { proof?: undefined; lacks: string } {
  const proof = proofs.find(({ value }) => !tellsNothing(value))
  const [newest] = proofs
  if (proof && !isOlderThan(proof.takenAt, days * 24, now)) return { proof, ago: since(proof.takenAt, now) }
  const vain = newest && tellsNothing(newest.value)
  if (vain) return { lacks: `; the last probe, ${since(newest.takenAt, now)}, told nothing: ${vain}` }
  return { lacks: proof ? `; the last proof was taken ${since(proof.takenAt, now)}, and ${allowed(days, 'day')}` : '' }
}

/** Where no pod may be run for it. */
const NO_PROBE = 'none'

/** An image that has `sleep` and a `nc` with `-e` and `-ll`, as busybox does. */
export const imageQuestion: Question<string> = {
  label: 'Which image has busybox, for the pods that try whether policies are enforced?',
  hint: 'as in registry.example.com/busybox:1.36; a cluster without a way out needs a mirror; the word none where no pod may be run',
  default: 'registry.k8s.io/e2e-test-images/busybox:1.36.1-1',
  parse: (text) => (/^[a-z0-9][\w./:@-]*$/.test(text.trim()) ? { value: text.trim() } : { error: `"${text}" is no name of an image` }),
  format: (value) => value,
}

export const mayProbe = (image: string): boolean => image !== NO_PROBE

/**
 * The template with the image: what makes the pod that listens, and then the one that connects.
 *
 * @throws where the template has no containers.
 */
export function probeManifests(template: string, image: string): { server: Manifest[]; client: Manifest } {
  const made = parseAllDocuments(template).map((doc) => {
    if (!('contents' in doc)) throw new Error('the template is empty')
    const container = ['spec', 'template', 'spec', 'containers', 0]
    if (doc.get('kind') !== 'Job') return doc.toJS() as Manifest
    if (!isMap(doc.getIn(container))) throw new Error('the template has no container')
    doc.setIn([...container, 'image'], image)
    return doc.toJS() as Manifest
  })
  const client = made.pop()
  if (!client) throw new Error('the template is empty')
  return { server: made, client }
}

type RunAction = Extract<Action, { kind: 'run' }>
type Predicate = 'listens' | 'reaches' | 'cut' | 'gone'

const condition = (predicate: Predicate, sentence: string) => ({ observation: enforcementProbe.name, predicate, args: null, sentence })

function run(id: string, title: string, made: RunAction['call'], done?: RunAction['done']): RunAction {
  return {
    kind: 'run',
    id,
    title,
    danger: 'change',
    call: made,
    ...(done ? { done } : {}),
    undo: { none: 'the namespace of the probe is taken away at the end' },
    cancel: 'after this object',
    restarts: 'nothing',
  }
}

const apply = (manifests: readonly Manifest[]) => call('kubectl.apply', { manifests: manifests.map((m): Json => m), dryRun: false })
const clear = (id: string): RunAction =>
  run(
    id,
    `take ${PROBE_NAMESPACE} away`,
    call('kubectl.deleteNamespace', { name: PROBE_NAMESPACE }),
    condition('gone', 'its pods are gone'),
  )

const expect = (id: string, predicate: Predicate, sentence: string): ExpectAction => ({
  kind: 'expect',
  id,
  title: sentence,
  danger: 'read',
  condition: condition(predicate, sentence),
  deadlineSeconds: 120,
})

/** The part that proves it, and leaves nothing behind. */
export function probePart(
  cluster: ObjectRef,
  namespaces: readonly NamespaceSeen[],
  { server, client, deny }: ReturnType<typeof probeManifests> & { deny: Manifest },
): Part | Blocked {
  const there = namespaces.find((n) => n.name === PROBE_NAMESPACE)
  if (there && there.labels[MANAGED] !== 'talos-preflight')
    return blocked(
      cluster,
      `there is a namespace ${PROBE_NAMESPACE} of somebody else`,
      'rename it, because the probe takes that namespace away in the end',
    )
  const actions: Action[] = [
    ...(there ? [clear('left')] : []),
    run('server', `run a pod that listens, in ${PROBE_NAMESPACE}`, apply(server), condition('listens', 'the pod listens')),
    { ...expect('listens', 'listens', 'the pod listens'), outputs: true },
    run('client', 'run a pod that connects to it', apply([client]), condition('reaches', 'it reaches the other one')),
    expect('reaches', 'reaches', 'it reaches the other one'),
    run('shut', 'shut both in with a policy', apply([deny]), {
      observation: networkPolicies.name,
      predicate: 'hold',
      args: [deny],
      sentence: 'the policy is there',
    }),
    {
      kind: 'prove',
      id: 'told',
      title: 'see whether it still reaches it',
      danger: 'read',
      observation: enforcementProbe.name,
      of: { settles: { predicate: 'cut', args: null, sentence: 'it is cut off' }, seconds: 30 },
      expects: { predicate: 'tells', args: null, sentence: 'both pods ran to the end' },
      required: true,
    },
    { ...clear('clear'), always: true },
  ]
  return { object: cluster, summary: 'prove whether network policies are enforced', actions }
}

/** What a probe left that ended before it had taken its namespace away; undefined where nothing is left. */
export const probeLeftOver = (namespaces: readonly NamespaceSeen[]): NamespaceSeen | undefined =>
  namespaces.find((n) => n.name === PROBE_NAMESPACE && n.labels[MANAGED] === 'talos-preflight')

/** The part that takes that away. */
export const clearPart = (cluster: ObjectRef): Part => ({
  object: cluster,
  summary: `take away what an earlier probe left, ${PROBE_NAMESPACE}`,
  actions: [clear('left')],
})

/** What the proof and the plugin say together, as a sentence. */
export const enforcementSentence = ({ plugin, sentence, enforces }: Enforcement, told: ReturnType<typeof toldBy>): string => {
  if (!told.proof) return sentence
  if (!told.proof.value.client.reaches) return `a pod was cut off by a policy ${told.ago}`
  const found = `a pod that a policy shuts in reached another one all the same ${told.ago}: nothing enforces network policies here`
  if (enforces) return `${found}, although ${plugin} is there`
  return enforces === undefined ? found : `${found}; ${sentence}`
}
