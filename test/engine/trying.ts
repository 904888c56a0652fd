import { type Condition, eachFinding, eachPart, fail, type Json, type Look, pass, step, type TryAction } from '../../src/contract.ts'
import type { CallResult } from '../../src/engine/ports.ts'
import { failed, lampRef, lamps, ok, type World, world } from './world.ts'

/** Lamps that are tried: what is tried goes out by itself when its window is over, unless it was kept. */

export interface Trying extends World {
  /** Names of lamps that stay lit. */
  kept: Set<string>
  /** Who touched a lamp, and how often: only grows when somebody does. */
  hands: Record<string, number>
  /** What another observation of a lamp is, and which cannot be seen. */
  seen: Record<string, () => Json>
  blind: Set<string>
  /** Something took the way back away. */
  noWayBack: boolean
  /** Everything in order: calls, and lines of the journal. */
  order: string[]
}

const WINDOW = 60
const of = (predicate: string, sentence: string): Condition => ({ observation: 'lamps', predicate, args: null, sentence })

export const tryToLight = (name: string, more: Partial<TryAction> = {}): TryAction => ({
  kind: 'try',
  id: 'try',
  title: 'switch on',
  danger: 'change',
  call: { verb: 'try', args: { name } },
  windowSeconds: WINDOW,
  probes: [{ condition: of('isOn', 'it is lit'), deadlineSeconds: 10, explain: { verb: 'why', args: { name } } }],
  keep: { verb: 'keep', args: { name } },
  kept: of('isKept', 'it stays lit'),
  tried: of('isOn', 'it is lit'),
  back: { verb: 'switch', args: { name, on: false } },
  unchanged: 'hands',
  undo: { sentence: 'switches it off', record: { was: false } },
  cancel: 'waits for the way back',
  restarts: 'nothing',
  ...more,
})

/** The step whose mend is tried. */
export const triedStep = (more: Partial<TryAction> = {}) =>
  step({
    id: 'LMP-02',
    category: 'lamps',
    title: 'Lamps stay lit',
    severity: 'high',
    why: 'One sees better.',
    references: [],
    observes: { seen: lamps },
    evaluate: ({ seen }) => eachFinding({ seen }, ({ seen: lamp }) => (lamp.on ? pass('it is lit') : fail('it is dark'))),
    remediate: ({ seen }) =>
      eachPart({ seen }, ({ seen: lamp }, object) =>
        lamp.on
          ? undefined
          : {
              object,
              summary: 'switch on',
              actions: [
                tryToLight(object.name, more),
                { kind: 'expect', id: 'lit', title: 'is lit', danger: 'read', condition: of('isOn', 'it is lit'), deadlineSeconds: 60 },
              ],
            },
      ),
  })

export function tryingWorld(on: Record<string, boolean>): Trying {
  const w: Trying = Object.assign(world(on), {
    kept: new Set<string>(),
    hands: {},
    seen: {},
    blind: new Set<string>(),
    noWayBack: false,
    order: [],
  })
  const ends = new Map<string, number>()
  const time = () => w.ports.clock.now().getTime()
  w.seen.hands = () => ({ ...w.hands })
  w.onSleep = () => {
    for (const [name, end] of ends) {
      if (time() < end || w.noWayBack) continue
      ends.delete(name)
      if (!w.kept.has(name)) w.lamps[name] = { on: false }
    }
  }
  const effects: Record<string, (name: string) => CallResult | undefined> = {
    try: (name) => {
      w.lamps[name] = { on: true }
      w.hands[name] = (w.hands[name] ?? 0) + 1
      ends.set(name, time() + WINDOW * 1000)
      return ok()
    },
    keep: (name) => {
      w.kept.add(name)
      return ok()
    },
  }
  const { call, observeOne } = w.ports
  w.ports.call = async (given, hooks) => {
    w.order.push(`call ${given.verb}`)
    const answered = await call(given, hooks)
    const own = w.answers[given.verb] ? undefined : effects[given.verb]?.(String(given.args.name))
    return own ?? answered
  }
  w.ports.observeOne = async (name, object) => {
    const other = w.seen[name]
    if (w.blind.has(name)) return { object, look: { ok: false, reason: `${name} cannot be seen`, evidence: [] } }
    if (!other) return observeOne(name, object)
    return { object, look: { ok: true, value: other(), evidence: [] } satisfies Look<Json> }
  }
  w.ports.holds = (name, predicate, value, args) => {
    if (predicate === 'isKept') return [...w.kept].length > 0 || 'nothing stays lit'
    if (predicate === 'differs') return JSON.stringify(value) !== JSON.stringify(args) || `${name} is as before`
    return (lamps.predicates[predicate] as (v: unknown, a: Json) => true | string)(value, args)
  }
  return w
}

export const refused = failed
export { lampRef }
