// Our handling of processes against the bare one: calls of 100 ms, side by side.
import { spawn } from 'node:child_process'
import { processes } from '../../src/system/processes.ts'
import { median } from './figures.mjs'

const CALLS = 32
const SIDE_BY_SIDE = 8

export default async function handling({ env, say, atMost }) {
  const port = processes(env)
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
  atMost('the same through our port / bare', median(oursMs) / median(plainMs), 1.15)
}
