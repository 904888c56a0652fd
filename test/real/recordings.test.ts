import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { chooseKubernetes } from '../../src/cli/access.ts'
import { realSystem } from '../../src/cli/place.ts'
import type { Exit, ProcessSpec, System } from '../../src/system/ports.ts'
import type { Access } from '../../src/tools/access.ts'
import { createCaller } from '../../src/tools/caller.ts'
import { REGISTRY } from '../../src/tools/registry.ts'
import { otherCalls, type Recorded, talosctlCalls } from './support/calls.ts'
import { KUBERNETES_VERBS, kubernetesCalls } from './support/calls-kubernetes.ts'
import { type KubernetesCluster, kubernetesOf } from './support/kubernetes.ts'
import { clear, furnish, LAB_PLACES } from './support/lab.ts'
import { clusterOf, eventually, pristine } from './support/nodes.ts'
import { goHome, Operator } from './support/operator.ts'
import { type Places, type Recording, recorded, redact } from './support/shape.ts'

/**
 * What the real tools answer, against the recordings that practice is held against: exit code, stream and shape.
 * `RECORD=1 npm run test:real -- recordings` writes them anew.
 */

const FOLDER = fileURLToPath(new URL('../recordings-real/', import.meta.url))
const RECORD = process.env.RECORD === '1'
const VERBS = Object.keys(REGISTRY)

/** A client of one version against nodes of another prints warnings of its own. */
const SETS = [
  { set: '1.13', client: '1.13', nodes: '1.13' },
  { set: '1.14', client: '1.14', nodes: '1.14' },
  { set: '1.14-on-1.13', client: '1.14', nodes: '1.13' },
] as const
const version = inject('version')
const isKubectl = (verb: string): boolean => KUBERNETES_VERBS.some((v) => v === verb)

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
  const kubernetes = (await chooseKubernetes(system, {}))?.access
  const caller = createCaller(watching, [access], kubernetes)
  await call.before?.()
  const { spec, exit } = await eventually(`${call.verb} (${call.case}) shows it`, async () => {
    await caller.run(call.verb, call.args, call.input === undefined ? {} : { input: call.input })
    const { exit } = watched as unknown as Watched
    return !call.until || (exit.started && call.until(exit.stdout.toString('utf8'))) ? (watched as unknown as Watched) : undefined
  })
  if (!exit.started || exit.exitCode === undefined) throw new Error(`${call.verb} (${call.case}) did not end by itself`)
  return {
    case: call.case,
    tool: spec.file,
    argv: spec.args.map((word) => redact(word, places)),
    exitCode: exit.exitCode,
    ...(REGISTRY[call.verb].input ? { input: redact(String(spec.input), places) } : {}),
    stdout: recorded(exit.stdout.toString('utf8'), places, call.form, call.fields),
    stderr: recorded(exit.stderr.toString('utf8'), places),
    ...(call.beyondPractice ? { beyondPractice: call.beyondPractice } : {}),
  }
}

const placesOf = (me: Operator): Places => ({
  ...Object.fromEntries(me.cluster.nodes.map((n) => [n.address, `<${n.name}>`])),
  [`${me.cluster.net}.77`]: '<nobody>',
  [`${me.cluster.net}.0/24`]: '<net>',
  [me.cluster.gateway]: '<gateway>',
  [join(me.home, '.talos', 'config')]: '<talosconfig>',
  [`admin@${me.cluster.name}`]: '<admin>',
  [`reader@${me.cluster.name}`]: '<reader>',
  [`nobody@${me.cluster.name}`]: '<unknown context>',
  [me.cluster.name]: '<cluster>',
  [join(me.folder, 'config.yaml')]: '<config>',
  [join(me.folder, 'plane.yaml')]: '<control plane config>',
  [join(me.folder, 'db.snapshot')]: '<snapshot>',
  [join(me.home, '.kube', 'config')]: '<kubeconfig>',
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

/** A verb with what has to be called before it. */
const callsOf = (calls: readonly Recorded[], verb: string) => calls.filter((c) => (c.keptWith ?? c.verb) === verb)

async function recordAll(me: Operator, set: string, verb: string, calls: readonly Recorded[], places: Places): Promise<void> {
  const made: Recording[] = []
  for (const call of callsOf(calls, verb)) made.push(await run(me, call, places))
  expect(made).not.toEqual([])
  keep(set, verb, made)
}

// the nodes of the other version may be in the hands of another file
const own = SETS.filter((s) => s.nodes === version)
describe.each(own)('talosctl $client with nodes of $nodes answers as recorded in $set', ({ set, client, nodes }) => {
  beforeEach(() => pristine(clusterOf(nodes)))

  it.each(VERBS.filter((verb) => verb.startsWith('talosctl.') && !isKubectl(verb)))('%s', async (verb) => {
    const me = new Operator(clusterOf(nodes))
    me.tool('talosctl', clusterOf(client).talosctl)
    await recordAll(me, set, verb, talosctlCalls(me), placesOf(me))
  })
})

describe('Kubernetes answers as recorded', () => {
  let cluster: KubernetesCluster
  beforeAll(async () => {
    cluster = await kubernetesOf(version)
    furnish(cluster)
  })
  afterAll(() => clear(cluster))

  it.each(KUBERNETES_VERBS)('%s', async (verb) => {
    const me = new Operator(cluster)
    await recordAll(me, version, verb, kubernetesCalls(cluster), { ...placesOf(me), ...LAB_PLACES })
  })
})

if (version === '1.14')
  describe('the other tools answer as recorded', () => {
    const verbs = VERBS.filter((verb) => !verb.startsWith('talosctl.') && !isKubectl(verb) && !(verb in unrecordable))
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
