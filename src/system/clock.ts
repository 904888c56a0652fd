import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from './ports.ts'

export const clock: Clock = {
  now: () => new Date(),
  // a stop ends the wait early, it is no error
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}).catch(() => undefined),
}
