// The truth table of a big cluster, once, in a process of its own: prints what it cost and how big it is.
import { existsSync, readFileSync } from 'node:fs'
import { wantedFlows } from '../../../src/domain/firewall-flows.ts'
import { rulesByNode, withOurs } from '../../../src/domain/firewall-rules.ts'
import { truthTable } from '../../../src/domain/firewall-table.ts'
import { before, input } from './big-cluster.mjs'

/** Linux counts the memory of whoever started a process to its maxRSS; its own peak stands elsewhere. */
function peakKb() {
  const status = '/proc/self/status'
  const own = existsSync(status) ? /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(status, 'utf8'))?.[1] : undefined
  return own ? Number(own) : process.resourceUsage().maxRSS
}

const firewalls = input.members.map(before)
const [begun, used] = [performance.now(), process.cpuUsage()]
const { flows, problems } = wantedFlows(input)
const rules = rulesByNode(input.members, flows)
const nodes = input.members.map(({ name, type }, i) => {
  return { name, type, before: firewalls[i], after: withOurs(firewalls[i], rules.get(name)) }
})
const table = truthTable(nodes, flows)
const { user, system } = process.cpuUsage(used)
const told = {
  nodes: nodes.length,
  flows: flows.length,
  rows: table.rows.length,
  problems: [...problems, ...table.problems.map((p) => p.sentence)],
  ms: performance.now() - begun,
  cpuMs: (user + system) / 1000,
  peakMb: peakKb() / 1024,
}
process.stdout.write(JSON.stringify(told))
