import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, inject, it } from 'vitest'
import { REGISTRY } from '../../src/tools/registry.ts'
import { otherCalls, talosctlCalls } from './support/calls.ts'
import { wantsKubernetes } from './support/calls-kubernetes.ts'
import { clusterOf, pristine } from './support/nodes.ts'
import { goHome, Operator } from './support/operator.ts'
import { FOLDER, placesOf, RECORD, recordAll } from './support/recordings.ts'

/**
 * What the real tools answer, against the recordings that practice is held against: exit code, stream and shape.
 * `RECORD=1 npm run test:real -- recordings` writes them anew.
 */

const VERBS = Object.keys(REGISTRY)

/** A client of one version against nodes of another prints warnings of its own. */
const SETS = [
  { set: '1.13', client: '1.13', nodes: '1.13' },
  { set: '1.14', client: '1.14', nodes: '1.14' },
  { set: '1.14-on-1.13', client: '1.14', nodes: '1.13' },
] as const
const version = inject('version')

const unrecordable: Partial<Record<string, string>> = {
  'age.protect': 'its answer is a dialogue on the terminal, which verbs.test.ts has; a pipe gets nothing of it',
}

afterEach(goHome)

// the nodes of the other version may be in the hands of another file
const own = SETS.filter((s) => s.nodes === version)
describe.each(own)('talosctl $client with nodes of $nodes answers as recorded in $set', ({ set, client, nodes }) => {
  beforeEach(() => pristine(clusterOf(nodes)))

  it.each(VERBS.filter((verb) => verb.startsWith('talosctl.') && !wantsKubernetes(verb)))('%s', async (verb) => {
    const me = new Operator(clusterOf(nodes))
    me.tool('talosctl', clusterOf(client).talosctl)
    await recordAll(me, set, verb, talosctlCalls(me), placesOf(me))
  })
})

if (version === '1.14')
  describe('the other tools answer as recorded', () => {
    const verbs = VERBS.filter((verb) => !verb.startsWith('talosctl.') && !wantsKubernetes(verb) && !(verb in unrecordable))
    it.each(verbs)('%s', async (verb) => {
      const me = new Operator(clusterOf(version))
      const { calls, places } = otherCalls(me)
      await recordAll(me, 'tools', verb, calls, { ...placesOf(me), ...places })
    })
  })

// two processes write at the same time, each its own sets
afterAll(() => {
  if (!RECORD) return
  const sets: string[] = [...SETS.map((s) => s.set), 'tools']
  for (const set of existsSync(FOLDER) ? readdirSync(FOLDER) : [])
    if (!sets.includes(set)) rmSync(join(FOLDER, set), { recursive: true, force: true })
    else
      for (const file of readdirSync(join(FOLDER, set))) if (!VERBS.includes(file.replace(/\.json$/, ''))) rmSync(join(FOLDER, set, file))
})
