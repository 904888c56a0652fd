// Start and end of the program, against a bare Node.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { median, resident, shown } from './figures.mjs'

const RUNS = 11

export default async function start(bench) {
  const { root, node, env, say, atMost } = bench
  const program = join(root, 'bin', 'talos-preflight.js')
  const timed = (args) =>
    new Promise((resolve) => {
      const begun = performance.now()
      spawn(node, args, { env, stdio: 'ignore' }).on('exit', () => resolve(performance.now() - begun))
    })
  const ended = (child) => new Promise((resolve) => child.onExit(resolve))
  const quit = async ({ ms, child }) => {
    const memory = resident(child.pid)
    const begun = performance.now()
    const end = ended(child)
    child.write('q')
    await end
    return { ms, memory, quit: performance.now() - begun }
  }
  const idle = ['-e', 'process.stdout.write("up"); setTimeout(() => {}, 5000)']
  const measure = ({ child }) => {
    const used = resident(child.pid)
    child.kill('SIGKILL')
    return used
  }

  // warm the compile cache and the disk
  await timed([program, '--version'])
  await shown(bench, [program], 'quit', quit)

  const seen = { bare: [], version: [], frame: [], memory: [], quit: [], bareMemory: [] }
  for (let i = 0; i < RUNS; i++) {
    seen.bare.push(await timed(['-e', '0']))
    seen.version.push(await timed([program, '--version']))
    const run = await shown(bench, [program], 'quit', quit)
    seen.frame.push(run.ms)
    seen.memory.push(run.memory)
    seen.quit.push(run.quit)
    seen.bareMemory.push(await shown(bench, idle, 'up', measure))
  }
  say('bare node -e 0, ms', median(seen.bare))
  say('--version, ms', median(seen.version))
  atMost('--version / bare', median(seen.version) / median(seen.bare), 1.5)
  say('first full frame, ms', median(seen.frame))
  atMost('first full frame / bare', median(seen.frame) / median(seen.bare), 6)
  say('resident memory at the first frame, MB', median(seen.memory))
  atMost('resident memory / bare', median(seen.memory) / median(seen.bareMemory), 2.6)
  say('quit to ended process, ms (aim 250)', median(seen.quit))
}
