import { createSession, type SessionOptions } from '../../src/engine/session.ts'
import { lampStep, type World } from './world.ts'

/** A session in a world, and what it saved in the profile. */
export function sessionOf(w: World, more: Partial<SessionOptions> = {}) {
  const saved: unknown[] = []
  const session = createSession({
    ports: w.ports,
    steps: [lampStep],
    template: () => '',
    cluster: { name: 'lab', environment: 'lab' },
    delivery: 'live',
    mode: 'live',
    operator: 'ann@desk',
    tool: 'talos-preflight 0',
    command: 'talos-preflight apply LMP-01',
    answers: {},
    attestations: [],
    waivers: [],
    recipients: () => [],
    save: {
      identity: async (identity) => void saved.push(identity),
      word: async (kind, word) => void saved.push([kind, word]),
      answer: async (...answer) => void saved.push(answer),
      recipient: async (...change) => void saved.push(change),
    },
    ...more,
  })
  return { session, saved }
}
