import { setImmediate as immediate } from 'node:timers/promises'

interface Terminal {
  pause: () => unknown
  resume: () => unknown
  ref?: () => unknown
}

/**
 * Gives the terminal to a child while `job` runs.
 *
 * Ink takes its listener away when it suspends, but Node goes on reading the terminal, so that parent and child race for every
 * key. Pausing helps only after a turn of the event loop, and one more lets a read that is under way end. The timer keeps the
 * process alive meanwhile. Seen on Ink 8.0.0; guarded by test/terminal/hand-over.test.ts.
 */
export async function handOver<T>(
  suspend: (run: () => Promise<void>) => Promise<void>,
  stdin: Terminal,
  job: () => Promise<T>,
): Promise<T> {
  let result: { value: T } | { error: unknown } | undefined
  await suspend(async () => {
    await immediate()
    stdin.pause()
    await immediate()
    const alive = setInterval(() => undefined, 60_000)
    stdin.ref?.()
    try {
      result = { value: await job() }
    } catch (error) {
      result = { error }
    } finally {
      clearInterval(alive)
      stdin.resume()
    }
  })
  if (!result) throw new Error('the terminal was not handed over')
  if ('error' in result) throw result.error
  return result.value
}
