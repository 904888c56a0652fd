import { configOf, type NodeConfig, type PracticeNode, type PracticeState } from './state.ts'

/** What time does in the simulated world: a change that is tried goes back, and an API server starts anew. */

const at = (iso: string): number => new Date(iso).getTime()

/** Both of what is tried and of what goes back: another API server is wanted where its settings differ. */
export function changed(node: PracticeNode, to: NodeConfig, now: string): PracticeNode {
  const differs = (key: keyof NodeConfig) => JSON.stringify(node[key]) !== JSON.stringify(to[key])
  const restarts = differs('podSecurity') || differs('auditPolicy')
  return {
    ...node,
    ...configOf(to),
    changes: node.changes + 1,
    ...(restarts ? { apiServer: { starts: node.apiServer.starts + 1, since: now } } : {}),
  }
}

function gone(node: PracticeNode, { before, until }: NonNullable<PracticeNode['tried']>): PracticeNode {
  const kept = JSON.stringify(node.kept) === JSON.stringify(before) ? null : node.kept
  return { ...changed(node, before, until), tried: null, kept, log: [...node.log, 'back'] }
}

/** The world with everything that has gone back by now. */
export function settled(state: PracticeState): PracticeState {
  const due = (n: PracticeNode) => n.tried !== null && at(n.tried.until) <= at(state.now)
  if (!state.nodes.some(due)) return state
  return {
    ...state,
    nodes: state.nodes.map((n) => (due(n) && n.tried ? gone(n, n.tried) : n)),
  }
}

/** Seconds, as they were seen on real nodes: an API server goes, answers again, and its mirror pod is the new one. */
const GOES = 9
const ANSWERS = 52
const SETTLED = 148

/**
 * What a call takes on the simulated clock, in milliseconds. Whoever finds an API server away waits for it a little: else looking again
 * and again would never see it come back.
 */
export const CALL_TAKES = 120
export const REFUSED_TAKES = 2000

export function apiServerAt(node: PracticeNode, now: string): 'as before' | 'away' | 'answers' | 'settled' {
  const seconds = (at(now) - at(node.apiServer.since)) / 1000
  return seconds < GOES ? 'as before' : seconds < ANSWERS ? 'away' : seconds < SETTLED ? 'answers' : 'settled'
}
