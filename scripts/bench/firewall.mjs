// The truth table of a firewall for 500 nodes, and the plan of as many on the screen.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median, percentile } from './figures.mjs'
import { scrolling } from './plan-screen.mjs'

const RUNS = 11
const TABLE = fileURLToPath(new URL('children/truth-table.mjs', import.meta.url))

function table({ node, env }) {
  const { status, stdout, stderr } = spawnSync(node, [TABLE], { env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`the truth table ended with ${status}: ${stderr}`)
  const told = JSON.parse(stdout)
  if (told.problems.length > 0 || told.flows < 60) throw new Error(`not the table that was meant: ${stdout}`)
  return told
}

export default async function firewall(bench) {
  const seen = Array.from({ length: RUNS }, () => table(bench))
  const { nodes, flows } = seen[0]
  bench.say(`truth table of ${nodes} nodes x ${flows} flows, ms`, median(seen.map((s) => s.ms)))
  // a first run in a new process; a machine that is busy with something else has no say in it
  bench.atMost('the same in time of the processor, ms', median(seen.map((s) => s.cpuMs)), 1000)
  bench.atMost('most memory of that process, MB', median(seen.map((s) => s.peakMb)), 150)
  const { lines, keys, burst } = await scrolling(bench)
  bench.say(`key to screen on a plan of ${nodes} nodes, ${lines} lines, p50, ms`, percentile(keys, 0.5))
  bench.say('the same, p95, ms (aim 33)', percentile(keys, 0.95))
  bench.say('20 keys at once until all are on the screen, ms', burst)
}
