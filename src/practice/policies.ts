import type { Json } from '../contract.ts'
import { PROBE_NAMESPACE } from '../domain/enforcement-probe.ts'
import type { Answer } from './answer.ts'
import type { PracticeState } from './state.ts'

/** Network policies of the simulated Kubernetes, and the pods that try whether they are enforced. Flannel enforces them here. */

interface Made {
  kind: string
  metadata: { name: string; namespace?: string }
}
const madeOf = (value: Json): Made => value as unknown as Made
const isIn = (value: Json, namespace: string): boolean => madeOf(value).metadata.namespace === namespace

export const policies = ({ policies: all }: PracticeState): unknown[] => all

const KINDS: Record<string, string> = {
  NetworkPolicy: 'networkpolicy.networking.k8s.io',
  Namespace: 'namespace',
  Job: 'job.batch',
}

/** `apply --server-side --field-manager talos-preflight [--dry-run=server] --filename -` of a list. */
export function applied(state: PracticeState, words: readonly string[], input: string): Answer | undefined {
  const isDry = words.includes('--dry-run=server')
  const plain = words.filter((w) => w !== '--dry-run=server').join(' ')
  if (plain !== '--server-side --field-manager talos-preflight --filename -') return undefined
  const items = (JSON.parse(input) as { items: Json[] }).items
  if (items.some((i) => !(madeOf(i).kind in KINDS))) return undefined
  const said = items.map(
    (i) => `${KINDS[madeOf(i).kind]}/${madeOf(i).metadata.name} serverside-applied${isDry ? ' (server dry run)' : ''}\n`,
  )
  const answer = { exitCode: 0, stdout: said.join('') }
  return isDry ? answer : { ...answer, state: items.reduce(apply, state) }
}

function apply(state: PracticeState, item: Json): PracticeState {
  const { kind, metadata } = madeOf(item)
  if (kind === 'Namespace') return { ...state, probe: state.probe ?? { server: false, client: false } }
  if (kind === 'Job') return state.probe ? { ...state, probe: { ...state.probe, [metadata.name]: true } } : state
  const others = state.policies.filter((p) => !(isIn(p, metadata.namespace ?? '') && madeOf(p).metadata.name === metadata.name))
  return { ...state, policies: [...others, item] }
}

/** `NAME... --namespace NAMESPACE --ignore-not-found [--dry-run=server]`. */
export function deletePolicies(state: PracticeState, words: readonly string[]): Answer | undefined {
  const at = words.indexOf('--namespace')
  const [namespace = '', ignore, dryRun] = words.slice(at + 1)
  if (at < 1 || ignore !== '--ignore-not-found' || (dryRun !== undefined && dryRun !== '--dry-run=server')) return undefined
  const isGone = (p: Json) => isIn(p, namespace) && words.slice(0, at).includes(madeOf(p).metadata.name)
  const gone = state.policies.filter(isGone).map((p) => madeOf(p).metadata.name)
  const said = gone.map(
    (name) => `networkpolicy.networking.k8s.io "${name}" deleted from ${namespace} namespace${dryRun ? ' (server dry run)' : ''}\n`,
  )
  return {
    exitCode: 0,
    stdout: said.join(''),
    ...(dryRun ? {} : { state: { ...state, policies: state.policies.filter((p) => !isGone(p)) } }),
  }
}

export function deleteNamespace(state: PracticeState, words: readonly string[]): Answer | undefined {
  if (words.join(' ') !== `${PROBE_NAMESPACE} --ignore-not-found --wait --timeout 90s`) return undefined
  if (!state.probe) return { exitCode: 0, stdout: '' }
  return {
    exitCode: 0,
    stdout: `namespace "${PROBE_NAMESPACE}" deleted\n`,
    state: { ...state, probe: null, policies: state.policies.filter((p) => !isIn(p, PROBE_NAMESPACE)) },
  }
}

/** The one that connects is ready as long as no policy shuts it in. */
export function probePods({ probe, policies: all, now }: PracticeState): unknown[] {
  if (!probe) return []
  const pod = (component: 'server' | 'client', podIP: string, ready: boolean) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { creationTimestamp: now, labels: { 'app.kubernetes.io/component': component }, name: component, namespace: PROBE_NAMESPACE },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }], phase: 'Running', podIP },
  })
  const isShut = all.some((p) => isIn(p, PROBE_NAMESPACE))
  return [
    ...(probe.server ? [pod('server', '10.244.3.90', true)] : []),
    ...(probe.client ? [pod('client', '10.244.4.91', probe.server && !isShut)] : []),
  ]
}
