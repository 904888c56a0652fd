import { afterAll, beforeAll, inject } from 'vitest'
import { turn } from './on-demand.ts'

/** Two files run side by side, and each has the nodes of its version to itself. */

/** Milliseconds. The longest file takes less. */
const MOST_WAIT = 1_800_000

let giveBack = (): void => undefined
beforeAll(async () => {
  giveBack = await turn(`nodes-${inject('version')}`)
}, MOST_WAIT)
afterAll(() => giveBack())
