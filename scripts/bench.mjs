// npm run bench: ratios within one run decide (--check makes a breach an exit code), absolute figures are printed.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setUp } from './setup.mjs'

const { root, node } = setUp()
if (process.execPath !== node) {
  // the figures are about the Node that runs the program
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  child.on('exit', (code) => process.exit(code ?? 1))
} else {
  await bench()
}

async function bench() {
  const { default: pty } = await import('@lydell/node-pty')
  const { processes } = await import('../src/system/processes.ts')
  const program = join(root, 'bin', 'talos-preflight.js')
  const home = mkdtempSync(join(tmpdir(), 'bench-'))
  const env = { PATH: process.env.PATH, HOME: home, XDG_STATE_HOME: home, LANG: 'C.UTF-8', TERM: 'xterm-256color' }
  const RUNS = 15
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
  const percentile = (values, p) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))]
  const limits = []
  const say = (name, value, limit) => {
    limits.push({ name, ok: limit === undefined || value <= limit })
    const unit = limit === undefined ? '' : `  limit ${limit}  ${value <= limit ? 'ok' : 'TOO MUCH'}`
    process.stdout.write(`${name.padEnd(52)} ${typeof value === 'number' ? value.toFixed(2) : value}${unit}\n`)
  }

  const timed = (args) =>
    new Promise((resolve) => {
      const begun = performance.now()
      spawn(node, args, { env, stdio: 'ignore' }).on('exit', () => resolve(performance.now() - begun))
    })
  const rss = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024

  /** A run in a pseudo-terminal until the text shows. */
  const shown = (args, text, then) =>
    new Promise((resolve) => {
      const begun = performance.now()
      const child = pty.spawn(node, args, { cols: 80, rows: 24, cwd: home, env })
      let seen = ''
      let done = false
      child.onData((data) => {
        seen += data
        if (done || !seen.includes(text)) return
        done = true
        resolve(then({ ms: performance.now() - begun, child }))
      })
    })
  const ended = (child) => new Promise((resolve) => child.onExit(resolve))
  const quit = async ({ ms, child }) => {
    const memory = rss(child.pid)
    const begun = performance.now()
    const end = ended(child)
    child.write('q')
    await end
    return { ms, memory, quit: performance.now() - begun }
  }

  // warm the compile cache and the disk
  await timed([program, '--version'])
  await shown([program], 'quit', quit)

  const bare = []
  const version = []
  const frame = []
  const memory = []
  const quits = []
  const bareMemory = []
  for (let i = 0; i < RUNS; i++) {
    bare.push(await timed(['-e', '0']))
    version.push(await timed([program, '--version']))
    const run = await shown([program], 'quit', quit)
    frame.push(run.ms)
    memory.push(run.memory)
    quits.push(run.quit)
    bareMemory.push(
      await shown(['-e', 'process.stdout.write("up"); setTimeout(() => {}, 5000)'], 'up', ({ child }) => {
        const used = rss(child.pid)
        child.kill('SIGKILL')
        return used
      }),
    )
  }
  process.stdout.write(`node ${process.version}, ${RUNS} interleaved runs, medians\n\n`)
  say('bare node -e 0, ms', median(bare))
  say('--version, ms', median(version))
  say('--version / bare', median(version) / median(bare), 1.5)
  say('first full frame, ms', median(frame))
  say('first full frame / bare', median(frame) / median(bare), 6)
  say('resident memory at the first frame, MB', median(memory))
  say('resident memory / bare', median(memory) / median(bareMemory), 2.6)
  say('quit to ended process, ms (aim 250)', median(quits))

  // our handling of processes against the bare one, calls of 100 ms side by side
  const port = processes(env)
  const CALLS = 32
  const SIDE_BY_SIDE = 8
  const sideBySide = async (one) => {
    const begun = performance.now()
    let left = CALLS
    await Promise.all(
      Array.from({ length: SIDE_BY_SIDE }, async () => {
        while (left-- > 0) await one()
      }),
    )
    return performance.now() - begun
  }
  const ours = () => port.run({ file: 'sleep', args: ['0.1'], env, timeoutMs: 10_000, maxBytes: 1 << 20 })
  const plain = () => new Promise((resolve) => spawn('sleep', ['0.1'], { env, stdio: ['ignore', 'pipe', 'pipe'] }).on('close', resolve))
  await sideBySide(ours)
  const oursMs = []
  const plainMs = []
  for (let i = 0; i < 11; i++) {
    plainMs.push(await sideBySide(plain))
    oursMs.push(await sideBySide(ours))
  }
  say(`${CALLS} calls of 100 ms, ${SIDE_BY_SIDE} side by side, bare, ms`, median(plainMs))
  say('the same through our port / bare', median(oursMs) / median(plainMs), 1.15)

  // a key on the screen while the program is busy looking
  const latencies = await shown([program, 'practice', '--reset'], 'quit', async ({ child }) => {
    const found = []
    for (let i = 0; i < 60; i++) {
      if (i % 5 === 0) child.write('r')
      const begun = performance.now()
      const answer = new Promise((resolve) => {
        const off = child.onData(() => {
          off.dispose()
          resolve(performance.now() - begun)
        })
      })
      child.write(i % 2 === 0 ? 'j' : 'k')
      found.push(await answer)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    child.kill('SIGKILL')
    return found
  })
  say('key to screen while looking, p50, ms', percentile(latencies, 0.5))
  say('key to screen while looking, p95, ms (aim 33)', percentile(latencies, 0.95))
  rmSync(home, { recursive: true, force: true })
  const breached = limits.filter((l) => !l.ok)
  if (breached.length > 0) process.stdout.write(`\nover the limit: ${breached.map((l) => l.name).join(', ')}\n`)
  process.exit(process.argv.includes('--check') && breached.length > 0 ? 1 : 0)
}
