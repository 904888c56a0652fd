import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { chooseKubernetes } from '../../../src/cli/access.ts'
import { realSystem } from '../../../src/cli/place.ts'
import type { Exit, ProcessSpec, System } from '../../../src/system/ports.ts'
import type { Access } from '../../../src/tools/access.ts'
import { createCaller } from '../../../src/tools/caller.ts'
import { REGISTRY } from '../../../src/tools/registry.ts'
import type { Recorded } from './calls.ts'
import { eventually } from './nodes.ts'
import type { Operator } from './operator.ts'
import { type Places, type Recording, recorded, redact } from './shape.ts'

/** Calls that are recorded, and compared with what was recorded before. */

export const FOLDER = fileURLToPath(new URL('../../recordings-real/', import.meta.url))
export const RECORD = process.env.RECORD === '1'

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

export const placesOf = (me: Operator): Places => ({
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

/** A verb with what has to be called before it. */
const callsOf = (calls: readonly Recorded[], verb: string) => calls.filter((c) => (c.keptWith ?? c.verb) === verb)

export async function recordAll(me: Operator, set: string, verb: string, calls: readonly Recorded[], places: Places): Promise<void> {
  const made: Recording[] = []
  for (const call of callsOf(calls, verb)) made.push(await run(me, call, places))
  expect(made).not.toEqual([])
  keep(set, verb, made)
}
