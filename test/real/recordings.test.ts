import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { realSystem } from '../../src/cli/place.ts'
import type { Exit, ProcessSpec, System } from '../../src/system/ports.ts'
import { type Access, createCaller } from '../../src/tools/caller.ts'
import { REGISTRY } from '../../src/tools/registry.ts'
import { otherCalls, type Recorded, talosctlCalls } from './support/calls.ts'
import { clusterOf, pristine } from './support/nodes.ts'
import { goHome, Operator } from './support/operator.ts'
import { type Places, type Recording, recorded, redact } from './support/shape.ts'

/**
 * What the real tools answer, against the recordings that practice is held against: exit code, stream and shape.
 * `RECORD=1 npm run test:real -- recordings` writes them anew.
 */

const FOLDER = fileURLToPath(new URL('../recordings-real/', import.meta.url))
const RECORD = process.env.RECORD === '1'

/** A client of one version against nodes of another prints warnings of its own. */
const SETS = [
  { set: '1.13', client: '1.13', nodes: '1.13' },
  { set: '1.14', client: '1.14', nodes: '1.14' },
  { set: '1.14-on-1.13', client: '1.14', nodes: '1.13' },
] as const

const unrecordable: Partial<Record<string, string>> = {
  'age.protect': 'its answer is a dialogue on the terminal, which verbs.test.ts has; a pipe gets nothing of it',
}

interface Watched {
  spec: ProcessSpec
  exit: Exit
}

/** Runs a call as the program does, and keeps what was run and what came of it. */
async function run(me: Operator, call: Recorded, places: Places): Promise<Recording> {
  const system = realSystem({ env: me.env, cwd: me.workspace })
  let watched: Watched | undefined
  const watching: System = {
    ...system,
    processes: {
      ...system.processes,
      run: async (spec) => {
        const exit = await system.processes.run(spec)
        watched = { spec, exit }
        return exit
      },
    },
  }
  const context = `${call.as ?? 'admin'}@${me.cluster.name}`
  const access: Access = {
    purpose: 'change',
    talosconfig: join(me.home, '.talos', 'config'),
    context,
    // the real API is to say no, not we
    roles: ['os:admin'],
    endpoints: me.cluster.nodes.filter((n) => n.type === 'controlplane').map((n) => n.address),
    nodes: [],
    notAfter: '9999-12-31T00:00:00Z',
    certificate: '',
  }
  await createCaller(watching, [access]).run(call.verb, call.args, call.input === undefined ? {} : { input: call.input })
  const { spec, exit } = watched as unknown as Watched
  if (!exit.started || exit.exitCode === undefined) throw new Error(`${call.verb} (${call.case}) did not end by itself`)
  return {
    case: call.case,
    tool: spec.file,
    argv: spec.args.map((word) => redact(word, places)),
    exitCode: exit.exitCode,
    stdout: recorded(exit.stdout.toString('utf8'), places, call.form),
    stderr: recorded(exit.stderr.toString('utf8'), places),
  }
}

const placesOf = (me: Operator): Places => ({
  ...Object.fromEntries(me.cluster.nodes.map((n) => [n.address, `<${n.name}>`])),
  [`${me.cluster.net}.77`]: '<nobody>',
  [me.cluster.gateway]: '<gateway>',
  [join(me.home, '.talos', 'config')]: '<talosconfig>',
  [`admin@${me.cluster.name}`]: '<admin>',
  [`reader@${me.cluster.name}`]: '<reader>',
  [`nobody@${me.cluster.name}`]: '<unknown context>',
  [me.cluster.name]: '<cluster>',
  [join(me.folder, 'config.yaml')]: '<config>',
  [join(me.folder, 'nothing.yaml')]: '<no file>',
  [join(me.folder, 'nothing.txt')]: '<no file>',
  [join(me.folder, 'recovery.txt')]: '<identity file>',
  [join(me.folder, 'other.txt')]: '<other identity file>',
})

/** Compares with the committed recordings, or writes them. */
function keep(set: string, verb: string, made: readonly Recording[]): void {
  const file = join(FOLDER, set, `${verb}.json`)
  if (RECORD) {
    mkdirSync(join(FOLDER, set), { recursive: true })
    writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`)
    return
  }
  const known: Recording[] = JSON.parse(readFileSync(file, 'utf8'))
  const compared = (r: Recording) => ({
    case: r.case,
    argv: [r.tool, ...r.argv],
    exitCode: r.exitCode,
    stdout: r.stdout.shape,
    stderr: r.stderr.shape,
  })
  expect(made.map(compared)).toEqual(known.map(compared))
}

afterEach(goHome)

describe.each(SETS)('talosctl $client with nodes of $nodes answers as recorded in $set', ({ set, client, nodes }) => {
  beforeEach(() => pristine(clusterOf(nodes)))

  it.each(Object.keys(REGISTRY).filter((verb) => verb.startsWith('talosctl.')))('%s', async (verb) => {
    const me = new Operator(clusterOf(nodes))
    me.tool('talosctl', clusterOf(client).talosctl)
    const made: Recording[] = []
    const calls = talosctlCalls(me).filter((c) => c.verb === verb)
    expect(calls).not.toEqual([])
    for (const call of calls) made.push(await run(me, call, placesOf(me)))
    keep(set, verb, made)
  })
})

describe('the other tools answer as recorded', () => {
  const verbs = Object.keys(REGISTRY).filter((verb) => !verb.startsWith('talosctl.') && !(verb in unrecordable))
  it.each(verbs)('%s', async (verb) => {
    const me = new Operator(clusterOf('1.14'))
    const { calls, places } = otherCalls(me)
    const made: Recording[] = []
    for (const call of calls.filter((c) => c.verb === verb)) made.push(await run(me, call, { ...placesOf(me), ...places }))
    expect(made).not.toEqual([])
    keep('tools', verb, made)
  })
})

afterAll(() => {
  if (!RECORD) return
  const sets = [...SETS.map((s) => s.set), 'tools']
  for (const set of existsSync(FOLDER) ? readdirSync(FOLDER) : [])
    if (!(sets as string[]).includes(set)) rmSync(join(FOLDER, set), { recursive: true })
})
