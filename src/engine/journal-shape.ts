import { isMap } from '../contract.ts'
import type { Line } from './journal.ts'

/** Whether a line of a journal has what later starts read of it: somebody may have changed it by hand, or made it up. */

type Check = (value: unknown) => boolean
const text: Check = (value) => typeof value === 'string'
const flag: Check = (value) => typeof value === 'boolean'
const time: Check = (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value)
const list =
  (each: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(each)
const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const map =
  (fields: Record<string, Check>): Check =>
  (value) =>
    isMap(value) && Object.entries(fields).every(([name, check]) => check(value[name]))
const texts: Check = (value) => isMap(value) && Object.values(value).every(text)

const object = map({ kind: text, name: text })
const process = map({ pid: (value) => typeof value === 'number', started: text })
const condition = map({ observation: text, predicate: text, sentence: text })
const call = map({ verb: text, args: isMap })
const action = { part: text, action: text }
const ofObject = { ...action, step: text, object, stage: text }

const SHAPES: Partial<Record<string, Check>> = {
  opened: map({ command: text, process, heads: texts }),
  planned: map({
    stage: map({ kind: text, steps: list(text) }),
    digest: text,
    path: text,
    parts: list(map({ step: text, object, digest: text, actions: list(text), checks: maybe(list(text)) })),
  }),
  consented: map({ digest: text }),
  intent: map({
    ...ofObject,
    title: text,
    repeatable: flag,
    done: maybe(condition),
    path: maybe(text),
    until: maybe(time),
    tried: maybe(condition),
    back: maybe(call),
  }),
  child: map({ ...action, process }),
  outcome: map({ ...ofObject, result: text }),
  resolved: map({ ...ofObject, run: text, result: text, reason: text }),
}

export function isLine(value: unknown): value is Line {
  if (!isMap(value) || typeof value.kind !== 'string' || !time(value.at)) return false
  return Object.hasOwn(SHAPES, value.kind) ? SHAPES[value.kind]?.(value) === true : true
}
