// A key on the screen while the program is busy looking. Printed, not decided: the machine has a say in it.
import { join } from 'node:path'
import { percentile, shown } from './figures.mjs'

const KEYS = 60
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export default async function keys(bench) {
  const program = join(bench.root, 'bin', 'talos-preflight.js')
  const latencies = await shown(bench, [program, 'practice', '--reset'], 'quit', async ({ child }) => {
    const found = []
    for (let i = 0; i < KEYS; i++) {
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
      await pause(20)
    }
    child.kill('SIGKILL')
    return found
  })
  bench.say('key to screen while looking, p50, ms', percentile(latencies, 0.5))
  bench.say('key to screen while looking, p95, ms (aim 33)', percentile(latencies, 0.95))
}
