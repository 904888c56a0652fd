// Looking at 50 simulated nodes, one of them slow: as long as the slowest call, because everything is asked side by side.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { parse } from '../../src/cli/args.ts'
import { openPlace } from '../../src/cli/place.ts'
import { openWorld } from '../../src/cli/world.ts'
import { STEPS } from '../../steps/index.ts'
import { median } from './figures.mjs'

const NODES = 50
const RUNS = 11
/** What a call takes, and what it takes with the slow node in it. Milliseconds. */
const CALL = 40
const SLOW_CALL = 1000
const SLOW_NODE = '10.20.0.22'
const NAMES = [...new Set(STEPS.flatMap((s) => Object.values(s.observes).map((o) => o.name)))]

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** The simulated cluster with as many nodes: practice keeps it as a file, which is written before it is opened. */
async function fleet(env, home) {
  const streams = { stdin: Readable.from([]), stdout: new Writable(), stderr: new Writable() }
  const io = { ...streams, env: { ...env, HOME: home, XDG_STATE_HOME: home }, cwd: home, onSignal: () => () => undefined }
  const parsed = parse(['check', '--practice'])
  const open = () => openPlace(parsed, io, (system) => system)
  const { folder } = await open()
  const file = join(folder, '..', 'practice.json')
  const state = JSON.parse(readFileSync(file, 'utf8'))
  const worker = state.nodes.find((n) => n.name === 'w1')
  for (let i = state.nodes.length; i < NODES; i++) state.nodes.push({ ...worker, name: `w${i}`, address: `10.20.1.${i}` })
  writeFileSync(file, JSON.stringify(state))
  return { parsed, place: await open() }
}

export default async function observing({ root, env, say, atMost }) {
  const home = mkdtempSync(join(tmpdir(), 'bench-'))
  try {
    const { parsed, place } = await fleet(env, home)
    const calls = []
    const { system } = place
    const run = async (spec) => {
      const begun = performance.now()
      const nodes = spec.args[spec.args.indexOf('--nodes') + 1]?.split(',') ?? []
      const [exit] = await Promise.all([system.processes.run(spec), pause(nodes.includes(SLOW_NODE) ? SLOW_CALL : CALL)])
      calls.push(performance.now() - begun)
      return exit
    }
    const slowed = { ...place, system: { ...system, processes: { ...system.processes, run } } }
    const { observer } = await openWorld({ name: 'bench', version: '0', root }, slowed, parsed, 'bench')
    const ratios = []
    const took = []
    for (let i = 0; i < RUNS; i++) {
      calls.length = 0
      const begun = performance.now()
      const seen = await observer.observe(NAMES, { fresh: true })
      took.push(performance.now() - begun)
      ratios.push(took[i] / Math.max(...calls))
      if (seen.firewallChain.filter((s) => s.look.ok).length !== NODES) throw new Error('not every node was looked at')
    }
    say(`calls for ${NAMES.length} observations of ${NODES} simulated nodes`, calls.length)
    say(`looking at them with one slow node (${SLOW_CALL} ms), ms`, median(took))
    atMost('the same / the slowest call', median(ratios), 1.2)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}
