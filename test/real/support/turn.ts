import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, inject } from 'vitest'
import { usedBy } from './cluster.ts'
import { turn } from './on-demand.ts'

/** Files run side by side, and each has the clusters that it uses to itself; of those that use none, one runs at a time. */

/** Milliseconds. What all files of one cluster take together is less. */
const MOST_WAIT = 2_400_000

const giveBack: (() => void)[] = []
beforeAll(async () => {
  const used = usedBy(readFileSync(expect.getState().testPath as string, 'utf8'))
  for (const name of used.length > 0 ? used.map((u) => `${u}-${inject('version')}`) : ['tools']) giveBack.push(await turn(name))
}, MOST_WAIT)
afterAll(() => {
  for (const give of giveBack.splice(0)) give()
})
