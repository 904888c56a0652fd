import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, inject } from 'vitest'
import { usedBy } from './cluster.ts'
import { turn } from './on-demand.ts'

/** Files run side by side, and each has the cluster that it uses to itself; of those that use none, one runs at a time. */

/** Milliseconds. What all files of one cluster take together is less. */
const MOST_WAIT = 2_400_000

let giveBack = (): void => undefined
beforeAll(async () => {
  const used = usedBy(readFileSync(expect.getState().testPath as string, 'utf8'))
  giveBack = await turn(used ? `${used}-${inject('version')}` : 'tools')
}, MOST_WAIT)
afterAll(() => giveBack())
