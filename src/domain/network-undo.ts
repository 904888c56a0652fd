import { type Blocked, blocked, type Json, type Part } from '../contract.ts'
import { DENY, isOurs, said } from './network-manifests.ts'
import { deletion, type PolicyRecord, readyAsBefore } from './network-plan.ts'
import { type PolicySeen, readPolicy } from './network-policy.ts'
import { counted, listed } from './remarks.ts'

/** The way back of one namespace: what was applied and is still as it was left goes, and the rest stays. */

const denyFirst = (a: PolicySeen, b: PolicySeen): number => Number(b.name === DENY) - Number(a.name === DENY) || (a.name < b.name ? -1 : 1)

/** Of the policies that the journal says were applied: those that are as we left them, and those that somebody changed since. */
function sorted(
  namespace: string,
  records: readonly PolicyRecord[],
  live: readonly PolicySeen[],
): { ours: PolicySeen[]; changed: PolicySeen[] } {
  // the last record of a name tells how it was left; records of earlier versions do not
  const left = new Map(records.flatMap(({ names, specs }) => names.map((name) => [name, specs?.[name]] as const)))
  const isAsLeft = (policy: PolicySeen): boolean => {
    const spec = left.get(policy.name)
    return isOurs(policy) && (spec === undefined || said(readPolicy({ metadata: { name: policy.name, namespace }, spec })) === said(policy))
  }
  const there = live.filter((p) => p.namespace === namespace && left.has(p.name)).toSorted(denyFirst)
  return { ours: there.filter(isAsLeft), changed: there.filter((p) => !isAsLeft(p)) }
}

/** Whether both could select one pod. */
const mayMeet = (a: PolicySeen, b: PolicySeen): boolean =>
  Object.entries(a.podSelector.matchLabels).every(
    ([key, value]) => !Object.hasOwn(b.podSelector.matchLabels, key) || b.podSelector.matchLabels[key] === value,
  )

/** Whether a policy that stays would shut what one that goes lets through: what selects a pod shuts it, but for what any of them allows. */
const shuts = (stays: PolicySeen, goes: PolicySeen): boolean =>
  mayMeet(stays, goes) &&
  ((stays.types.includes('Ingress') && goes.types.includes('Ingress') && goes.ingress.length > 0) ||
    (stays.types.includes('Egress') && goes.types.includes('Egress') && goes.egress.length > 0))

/** The part that takes back what is still ours in one namespace; nothing where none of it is there any more. */
export function undoPart(
  namespace: string,
  records: readonly PolicyRecord[],
  live: readonly PolicySeen[],
  ready: Json,
): Part | Blocked | undefined {
  const object = { kind: 'namespace', name: namespace }
  const { ours, changed } = sorted(namespace, records, live)
  if (changed.length === 0 && ours.length === 0) return undefined
  const theirs = listed(changed.map((p) => p.name))
  const [was, it] = changed.length === 1 ? ['was', 'it'] : ['were', 'them']
  const byHand = `kubectl delete networkpolicies.networking.k8s.io ${changed.map((p) => p.name).join(' ')} --namespace ${namespace}`
  if (ours.length === 0)
    return blocked(object, `${theirs} ${was} changed since, and nothing else of ours is left`, `where ${it} may go: ${byHand}`)
  const cut = ours.filter((goes) => changed.some((stays) => shuts(stays, goes)))
  if (cut.length > 0)
    return blocked(
      object,
      `${theirs} ${was} changed since, and left alone would shut what ${listed(cut.map((p) => p.name))} ${cut.length === 1 ? 'lets' : 'let'} through`,
      `set ${it} back, or take ${it} away: ${byHand}; then undo again`,
    )
  const names = ours.map((p) => p.name)
  return {
    object,
    summary: `take ${counted(names.length, 'policy', 'policies')} of ours away`,
    ...(changed.length > 0
      ? {
          blocks: [
            {
              type: 'text' as const,
              text: `${theirs} ${was} changed since: left alone, and what ${it === 'it' ? 'it does' : 'they do'} goes on.`,
            },
          ],
        }
      : {}),
    actions: [
      deletion('delete', `take ${listed(names, names.length)} away, the one that denies first`, namespace, names, {
        sentence: 'mend K8S-04 again',
        record: { namespace, names },
      }),
      readyAsBefore(ready, 0),
    ],
  }
}
