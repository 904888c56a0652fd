import type { Part } from '../contract.ts'
import type { Member } from './observations.ts'

/**
 * The order of a change over many nodes: workers first, then control planes, each by name. One at a time, so that etcd
 * keeps its quorum and the first failure leaves the rest untouched.
 */
function inRolloutOrder<T extends { name: string }>(nodes: readonly T[], members: readonly Pick<Member, 'name' | 'type'>[]): T[] {
  const isControlPlane = (name: string) => members.find((m) => m.name === name)?.type !== 'worker'
  return nodes.toSorted(
    (a, b) => Number(isControlPlane(a.name)) - Number(isControlPlane(b.name)) || a.name.localeCompare(b.name, 'en', { numeric: true }),
  )
}

export function partsInOrder(parts: readonly Part[], members: readonly Pick<Member, 'name' | 'type'>[]): Part[] {
  const order = inRolloutOrder(
    parts.map((p) => p.object),
    members,
  )
  return order.map((object) => parts.find((p) => p.object.name === object.name)).filter((p) => p !== undefined)
}
