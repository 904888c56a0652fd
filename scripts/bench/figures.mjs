// What the parts of the benchmark share.
import { readFileSync } from 'node:fs'

const at = (values, share) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]
export const median = (values) => at(values, 0.5)
export const percentile = at

/** Resident memory of a process, MB. */
export const resident = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024

/** A run in a pseudo-terminal; `then` is called once the text shows. */
export async function shown({ node, home, env }, args, text, then, size = { cols: 80, rows: 24 }) {
  const { default: pty } = await import('@lydell/node-pty')
  return new Promise((resolve) => {
    const begun = performance.now()
    const child = pty.spawn(node, args, { ...size, cwd: home, env })
    let seen = ''
    let done = false
    child.onData((data) => {
      seen += data
      if (done || !seen.includes(text)) return
      done = true
      resolve(then({ ms: performance.now() - begun, child }))
    })
  })
}
