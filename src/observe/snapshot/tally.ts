import { plainLine } from '../../contract.ts'
import type { SecretsInSnapshot } from '../../domain/snapshot.ts'
import { type KeyTable, keyTable } from './key-table.ts'
import { ENCRYPTED, encryptionPrefix, isKubeSystem, isSecret, resourceOf, secretName, uidOf } from './registry.ts'
import type { Revision } from './revision.ts'

/**
 * Counts the objects of a snapshot while its revisions go by, oldest first. What it holds of a key is a few bits, so that millions of
 * them fit; of values it keeps nothing but the prefix of an encrypted one.
 */

export interface Tally {
  table: KeyTable
  /** The newest revision. */
  revision: number
  keys: number
  types: Map<string, number>
  kubeSystemUid: string | undefined
  plainCount: number
  olderPlainCount: number
  /** Prefixes by their number in a state, from 1 on, each with how many Secrets have it now. */
  prefixes: { prefix: string; count: number }[]
}

/** A key that was seen; its newest revision is not a deletion; that is a Secret in plain text; an earlier one is; it has been named. */
const SEEN = 1
const LIVE = 2
const PLAIN = 4
const WAS_PLAIN = 8
const NAMED = 16
const PREFIX_SHIFT = 5

/** How many Secrets are named of each kind. */
const MOST_NAMED = 20
/** A cluster has as many resources as its API; what comes after this many is counted together. */
const MOST_TYPES = 1000
const OTHER = 'other'
/** Providers come and go with a change of keys; the rest counts with those of an unknown form, which have number 1. */
const MOST_PREFIXES = 60
const UNKNOWN_PREFIX = 1

/** A tally of nothing. @param secret 8 random bytes */
export function newTally(secret: Buffer): Tally {
  return {
    table: keyTable(secret),
    revision: 0,
    keys: 0,
    types: new Map(),
    kubeSystemUid: undefined,
    plainCount: 0,
    olderPlainCount: 0,
    prefixes: [{ prefix: ENCRYPTED, count: 0 }],
  }
}

const isPlain = (state: number): boolean => (state & PLAIN) !== 0
const isOlderPlain = (state: number): boolean => (state & WAS_PLAIN) !== 0 && !isPlain(state)

/** Counts the next revision of a key. @throws Refused where there are too many keys */
export function countRevision(tally: Tally, revision: Revision): void {
  const { bytes, key, keyEnd } = revision
  tally.revision = revision.main
  if (isKubeSystem(bytes, key, keyEnd))
    tally.kubeSystemUid = revision.isDeleted || !revision.isWhole ? undefined : uidOf(bytes, revision.value, revision.valueEnd)
  const before = tally.table.find(bytes, key, keyEnd)
  const now = stateAfter(tally, before, revision)
  tally.table.set(now)
  settle(tally, before, -1)
  settle(tally, now, 1)
  const born = ((now & LIVE) - (before & LIVE)) / LIVE
  tally.keys += born
  if (born !== 0) countType(tally.types, bytes, key, keyEnd, born)
}

function stateAfter(tally: Tally, before: number, revision: Revision): number {
  const was = before & PLAIN ? WAS_PLAIN : before & WAS_PLAIN
  if (revision.isDeleted) return SEEN | was
  const { bytes, key, keyEnd, value, valueEnd } = revision
  if (!isSecret(bytes, key, keyEnd)) return SEEN | LIVE
  const prefix = encryptionPrefix(bytes, value, valueEnd)
  return SEEN | LIVE | was | (prefix === undefined ? PLAIN : numberOf(tally, prefix) << PREFIX_SHIFT)
}

function numberOf(tally: Tally, prefix: string): number {
  const at = tally.prefixes.findIndex((p) => p.prefix === prefix)
  if (at >= 0) return at + 1
  return tally.prefixes.length < MOST_PREFIXES ? tally.prefixes.push({ prefix, count: 0 }) : UNKNOWN_PREFIX
}

/** Takes a state of a key into the counts, or out of them. */
function settle(tally: Tally, state: number, by: 1 | -1): void {
  if (isPlain(state)) tally.plainCount += by
  if (isOlderPlain(state)) tally.olderPlainCount += by
  const prefix = tally.prefixes[(state >>> PREFIX_SHIFT) - 1]
  if (prefix) prefix.count += by
}

function countType(types: Map<string, number>, bytes: Buffer, key: number, keyEnd: number, by: number): void {
  const resource = resourceOf(bytes, key, keyEnd)
  if (resource === undefined) return
  const name = types.has(resource) || types.size < MOST_TYPES ? resource : OTHER
  types.set(name, (types.get(name) ?? 0) + by)
}

/* ---- names ----------------------------------------------------------------------------------------------- */

/** Names of Secrets, taken on a second look at the revisions, when it is known how each of them ended. */
export interface Names {
  plain: string[]
  olderPlain: string[]
}

/** Names the Secret of a revision where it belongs to the first that are named; false once all are. */
export function nameSecret(tally: Tally, names: Names, { bytes, key, keyEnd }: Revision): boolean {
  if (!isSecret(bytes, key, keyEnd)) return true
  const state = tally.table.find(bytes, key, keyEnd)
  const list = isPlain(state) ? names.plain : isOlderPlain(state) ? names.olderPlain : undefined
  if (!list || list.length === MOST_NAMED || (state & NAMED) !== 0) return true
  list.push(plainLine(secretName(bytes, key, keyEnd)))
  tally.table.set(state | NAMED)
  return !hasAllNames(tally, names)
}

/** Whether as many are named as will be; true at once where no Secret lies in plain text. */
export const hasAllNames = (tally: Tally, names: Names): boolean =>
  names.plain.length === Math.min(MOST_NAMED, tally.plainCount) && names.olderPlain.length === Math.min(MOST_NAMED, tally.olderPlainCount)

/** What the counts and names come to. */
export function secretsOf(tally: Tally, names: Names): SecretsInSnapshot {
  return {
    encrypted: sorted(tally.prefixes.map(({ prefix, count }) => [prefix, count])),
    plain: names.plain.toSorted(),
    plainCount: tally.plainCount,
    olderPlain: names.olderPlain.toSorted(),
    olderPlainCount: tally.olderPlainCount,
  }
}

/** Objects by resource, by name; at most `MOST_TYPES` and what is counted together. */
export const typesOf = (tally: Tally): Record<string, number> => sorted([...tally.types])

function sorted(counts: [string, number][]): Record<string, number> {
  const shown = new Map<string, number>()
  for (const [name, count] of counts) if (count > 0) shown.set(plainLine(name, 200), (shown.get(plainLine(name, 200)) ?? 0) + count)
  return Object.fromEntries([...shown].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
