// npm run bench [PART ...]: ratios within one run decide (--check makes a breach an exit code), absolute figures are printed.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setUp } from './setup.mjs'

const PARTS = ['start', 'processes', 'keys', 'sealing', 'snapshot', 'fleet', 'firewall']

const { root, node } = setUp()
if (process.execPath !== node) {
  // the figures are about the Node that runs the program
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  child.on('exit', (code) => process.exit(code ?? 1))
} else {
  await bench()
}

async function bench() {
  const named = process.argv.slice(2).filter((a) => !a.startsWith('--'))
  const home = mkdtempSync(join(tmpdir(), 'bench-'))
  const env = { PATH: process.env.PATH, HOME: home, XDG_STATE_HOME: home, LANG: 'C.UTF-8', TERM: 'xterm-256color' }
  const breached = []
  const tell = (name, value, limit, within) => {
    const verdict = within ? 'ok' : 'BREACHED'
    if (!within) breached.push(name)
    const unit = limit === undefined ? '' : `  ${limit}  ${verdict}`
    process.stdout.write(`${name.padEnd(60)} ${typeof value === 'number' ? value.toFixed(2) : value}${unit}\n`)
  }
  const bench = {
    root,
    node,
    home,
    env,
    /** An absolute figure, which depends on the machine. */
    say: (name, value) => tell(name, value, undefined, true),
    atMost: (name, value, limit) => tell(name, value, `at most ${limit}`, value <= limit),
    atLeast: (name, value, limit) => tell(name, value, `at least ${limit}`, value >= limit),
    /** What this machine lacks is said, and is no breach: a fresh one has not built its tools yet. */
    cannot: (name, why) => process.stdout.write(`${name.padEnd(60)} not measured: ${why}\n`),
  }
  process.stdout.write(`node ${process.version}, medians of interleaved runs\n`)
  for (const part of named.length > 0 ? named : PARTS) {
    process.stdout.write(`\n${part}\n`)
    const { default: measure } = await import(`./bench/${part}.mjs`)
    await measure(bench)
  }
  rmSync(home, { recursive: true, force: true })
  if (breached.length > 0) process.stdout.write(`\nover the limit: ${breached.join(', ')}\n`)
  process.exit(process.argv.includes('--check') && breached.length > 0 ? 1 : 0)
}
