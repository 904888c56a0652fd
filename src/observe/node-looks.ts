import { createHash } from 'node:crypto'
import type { Evidence, Look, ObjectRef, Sighting } from '../contract.ts'
import type { Ran } from '../tools/caller.ts'
import { unreadable } from './raw.ts'

/**
 * How an observation is taken of many nodes: in batches, side by side with a bound; a node missing from an answer is asked alone
 * once.
 */

export interface NodeRef {
  name: string
  address: string
}

/** Most nodes in one call. */
const BATCH = 50
/** Calls side by side. */
export const AT_ONCE = 8

export const nodeObject = (node: NodeRef): ObjectRef => ({ kind: 'node', name: node.name })

export function evidenceOf(ran: Ran): Evidence {
  return {
    kind: 'command',
    what: ran.command,
    takenAt: ran.takenAt,
    sha256: createHash('sha256').update(ran.stdout).digest('hex'),
    ...(ran.exitCode !== undefined ? { exitCode: ran.exitCode } : {}),
  }
}

/** A failed call as a look that failed; `evidence` where there is more than the call. */
export function failedLook<T>(ran: Extract<Ran, { ok: false }>, evidence = [evidenceOf(ran)]): Look<T> {
  return { ok: false, reason: ran.reason, ...(ran.remedy ? { remedy: ran.remedy } : {}), evidence }
}

/** Runs `work` for each item, at most `bound` at a time. */
export async function sideBySide<A, B>(items: readonly A[], bound: number, work: (item: A) => Promise<B>): Promise<B[]> {
  const results: B[] = []
  let next = 0
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as A)
  }
  await Promise.all(Array.from({ length: Math.min(bound, items.length) }, worker))
  return results
}

const batches = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))

export interface NodeLook<T> {
  call: (addresses: string[]) => Promise<Ran>
  /** What the answer says of each address; addresses that are not in it are asked alone. */
  split: (stdout: string, addresses: string[]) => Map<string, T>
  /** A failed answer that is an answer all the same, for the one node that was asked. */
  accept?: (ran: Extract<Ran, { ok: false }>) => T | undefined
  /** What it means that a node answers well and has nothing; for calls that end with an error as soon as one of their nodes fails. */
  absent?: () => T
}

export async function lookAtNodes<T>(nodes: readonly NodeRef[], how: NodeLook<T>): Promise<Sighting<T>[]> {
  const found = new Map<string, Look<T>>()
  const reading = (ran: Ran, addresses: string[]): Map<string, T> | { unread: string } => {
    try {
      return how.split(ran.stdout.toString('utf8'), addresses)
    } catch (error) {
      return { unread: unreadable(error) }
    }
  }
  const ask = async (batch: readonly NodeRef[], alone: boolean): Promise<void> => {
    const addresses = batch.map((n) => n.address)
    const ran = await how.call(addresses)
    const values = reading(ran, addresses)
    if ('unread' in values) {
      // one of many may have spoiled it for the others
      if (alone) for (const node of batch) found.set(node.address, { ok: false, reason: values.unread, evidence: [evidenceOf(ran)] })
      return
    }
    for (const node of batch) {
      const value = values.get(node.address) ?? (ran.ok ? how.absent?.() : alone ? how.accept?.(ran) : undefined)
      if (value !== undefined) found.set(node.address, { ok: true, value, evidence: [evidenceOf(ran)] })
      else if (alone)
        found.set(
          node.address,
          ran.ok ? { ok: false, reason: `${node.name} is missing from the answer`, evidence: [evidenceOf(ran)] } : failedLook(ran),
        )
    }
  }
  await sideBySide(batches(nodes, BATCH), AT_ONCE, (batch) => ask(batch, batch.length === 1))
  await sideBySide(
    nodes.filter((n) => !found.has(n.address)),
    AT_ONCE,
    (node) => ask([node], true),
  )
  return nodes.map((node) => ({ object: nodeObject(node), look: found.get(node.address) as Look<T> }))
}
