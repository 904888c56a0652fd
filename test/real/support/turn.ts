import { readFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { afterAll, beforeAll, expect, inject } from 'vitest'
import { placeOf, SHARED, usedBy, wantedOf } from './cluster.ts'
import { running, turn } from './on-demand.ts'

/** Files run side by side, and each has the cluster that it uses to itself; of those that use none, one runs at a time. */

/** Milliseconds. What all files of one cluster take together is less. */
const MOST_WAIT = 2_400_000

/** As nice values go. What those on the lone control planes wait for is not to wait for the processor too. */
const BEHIND = 5

let giveBack = (): void => undefined
beforeAll(async () => {
  const path = expect.getState().testPath as string
  const text = readFileSync(path, 'utf8')
  const used = usedBy(text)
  if (used !== 'aloneOf') setPriority(BEHIND)
  // they do not all begin at once, and who came first is not to go first
  if (used) await running(wantedOf(SHARED[used], inject('version')))
  giveBack = await turn(used ? `${used}-${inject('version')}` : 'tools', placeOf(path, text))
}, MOST_WAIT)
afterAll(() => giveBack())
