/**
 * What a step is written against: its types, and the helpers that make them. Imports nothing.
 *
 * A step is data and two pure functions. `evaluate` turns observations into findings, `remediate` turns them
 * into the parts of a plan. A look that failed becomes an `unknown` finding by itself, so no step handles it.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** What a finding, a part of a plan or an observation is about, e.g. `{kind: 'node', name: 'cp1'}`. */
export interface ObjectRef {
  kind: string
  name: string
}

/** Worst first. `notApplicable` is last because it says nothing. */
export const VERDICTS = ['fail', 'unknown', 'pass', 'notApplicable'] as const
export type Verdict = (typeof VERDICTS)[number]

/** Lowest first. */
export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]

export interface Evidence {
  kind: 'command' | 'file' | 'handshake' | 'proof'
  /** The command line or the path, without secrets. */
  what: string
  /** ISO 8601, UTC. */
  takenAt: string
  /** SHA-256 of the raw bytes that were looked at, hex. */
  sha256: string
  exitCode?: number
}

/** What a step concludes about one object. */
export interface Finding {
  object: ObjectRef
  verdict: Verdict
  /** A sentence without a final period that holds the object's number or name. */
  reason: string
  /** What to do, or what would let us look. */
  remedy?: string
  evidence: Evidence[]
}

/** What a step shows beside findings; front ends draw blocks and nothing else. */
export type Block =
  | { type: 'text'; text: string }
  | { type: 'list'; items: string[] }
  | { type: 'table'; head: string[]; rows: string[][] }
  | { type: 'diff'; title: string; lines: { sign: '+' | '-' | ' '; text: string }[] }
  | { type: 'log'; lines: string[] }

/**
 * Text from nodes, files and tools as it may be drawn or written: control characters, escape sequences and characters that
 * reorder text are taken out, a tab becomes a space. Line breaks stay.
 */
export function plain(text: string): string {
  return text.replace(ESCAPES, '').replace(/\r\n?/g, '\n').replace(/\t/g, ' ').replace(UNSAFE, '')
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])|\u009b[0-?]*[ -/]*[@-~]/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g

/** One line of at most `most` characters, safe to draw. */
export function plainLine(text: string, most = 300): string {
  const line = plain(text).replace(/\s+/g, ' ').trim()
  return line.length > most ? `${line.slice(0, most - 1)}…` : line
}

/** An object that is no list, as JSON and YAML have it. */
export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON with sorted keys, so that equal values have equal text. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value && typeof value === 'object') {
    const entries = Object.entries(value).filter(([, v]) => v !== undefined)
    return `{${entries
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`)
      .join(',')}}`
  }
  return JSON.stringify(value)
}

/* ---- observations ---------------------------------------------------------------------------------------- */

/** One read-only look at one object: its value, stripped of secrets, or why there is none. */
export type Look<T> = { ok: true; value: T; evidence: Evidence[] } | { ok: false; reason: string; remedy?: string; evidence: Evidence[] }

export interface Sighting<T> {
  object: ObjectRef
  look: Look<T>
}

/** Tells whether a value is as it should be; a string says why not. */
export type Predicate<T> = (value: T, args: Json) => true | string

/** An observation as it is declared; how it is taken is bound elsewhere. */
export interface Observable<T> {
  name: string
  /** What it is taken of: every node, the cluster once, or this workstation once. */
  scope: 'node' | 'cluster' | 'workstation'
  /** What the screen says while it is taken. */
  title: string
  predicates: Record<string, Predicate<T>>
  /** Public values of it by name, for the actions behind the one that took it. */
  outputs?: (value: T) => Record<string, string | number>
}

export function observable<T>(declared: Omit<Observable<T>, 'predicates'> & { predicates?: Record<string, Predicate<T>> }): Observable<T> {
  return { predicates: {}, ...declared }
}

/** biome-ignore lint/suspicious/noExplicitAny: the value type is recovered per key by `Seen`. */
export type Observes = Record<string, Observable<any>>
type Seen<O extends Observes> = { [K in keyof O]: O[K] extends Observable<infer T> ? Sighting<T>[] : never }

type Values<S> = { [K in keyof S]: S[K] extends Sighting<infer T>[] ? T : never }

/* ---- findings -------------------------------------------------------------------------------------------- */

/** A finding before it knows its object and evidence. */
export interface Conclusion {
  verdict: Verdict
  reason: string
  remedy?: string
  object?: ObjectRef
}

export const pass = (reason: string): Conclusion => ({ verdict: 'pass', reason })
export const fail = (reason: string, remedy?: string): Conclusion => ({ verdict: 'fail', reason, ...(remedy ? { remedy } : {}) })
export const unknown = (reason: string, remedy?: string): Conclusion => ({ verdict: 'unknown', reason, ...(remedy ? { remedy } : {}) })
export const notApplicable = (reason: string): Conclusion => ({ verdict: 'notApplicable', reason })
/** Gives a conclusion an object of its own, where one look shows several. */
export const about = (object: ObjectRef, conclusion: Conclusion): Conclusion => ({ ...conclusion, object })

/** The looks at one object, or the first one that failed. */
export function together<S extends Record<string, Sighting<unknown>[]>>(
  seen: S,
  object: ObjectRef,
): { values: Values<S>; evidence: Evidence[] } | { failed: Extract<Look<unknown>, { ok: false }> } {
  const values: Record<string, unknown> = {}
  const evidence: Evidence[] = []
  for (const [key, sightings] of Object.entries(seen)) {
    const look = sightings.find((s) => s.object.name === object.name)?.look
    if (!look) return { failed: { ok: false, reason: `${object.name} was not looked at (${key})`, evidence } }
    evidence.push(...look.evidence)
    if (!look.ok) return { failed: look }
    values[key] = look.value
  }
  return { values: values as Values<S>, evidence }
}

/** The one look of an observation that is taken of the whole cluster or of this machine. */
export function one<T>(sightings: Sighting<T>[]): Look<T> {
  return sightings[0]?.look ?? { ok: false, reason: 'was not looked at', evidence: [] }
}

const objectsOf = (seen: Record<string, Sighting<unknown>[]>): ObjectRef[] => Object.values(seen)[0]?.map((s) => s.object) ?? []

/** Calls `conclude` for each object that could be looked at; the others become `unknown` with the reason of the look. */
export function eachFinding<S extends Record<string, Sighting<unknown>[]>>(
  seen: S,
  conclude: (values: Values<S>, object: ObjectRef) => Conclusion | Conclusion[],
): Finding[] {
  return objectsOf(seen).flatMap((object) => {
    const got = together(seen, object)
    if ('failed' in got) {
      const { reason, remedy, evidence } = got.failed
      return [{ object, verdict: 'unknown' as const, reason, ...(remedy ? { remedy } : {}), evidence }]
    }
    return [conclude(got.values, object)].flat().map((c) => ({ ...c, object: c.object ?? object, evidence: got.evidence }))
  })
}

/* ---- a human's word --------------------------------------------------------------------------------------- */

/**
 * An attestation (a human's word for what no program can see) or a waiver (a human's decision to live with a failure).
 * `until` is the last day it counts.
 */
export interface Word {
  step: string
  /** `kind/name`; absent: the whole step. */
  object?: string
  by: string
  why: string
  /** `2026-11-23`. */
  on: string
  until: string
}

/** Whether there is such a day: `2026-02-31` is none. */
export function isDay(text: string): boolean {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

/* ---- plans ----------------------------------------------------------------------------------------------- */

/** One thing that a tool can do, as plain data: the name of the verb and its arguments. Never holds a secret. */
export interface Call {
  verb: string
  args: Record<string, Json>
}

/** An observation and the predicate that its value must meet. `sentence` says it for people. */
export interface Condition {
  observation: string
  predicate: string
  args: Json
  sentence: string
}

/** What a change makes start again; selects the gates behind it. */
export type Restarts = 'nothing' | 'api-server' | 'node' | 'network'

interface ActionBase {
  /** Unique inside its part. */
  id: string
  title: string
}

/** A change that a tool makes. An argument that is `{name}`, and nothing else, is the output of that name of an action before it. */
export interface RunAction extends ActionBase {
  kind: 'run'
  danger: 'change' | 'destroy'
  call: Call
  /** The same change, tried without effect. */
  dryRun?: Call
  /** Tells whether it is done. Without it the action is never repeated by itself. */
  done?: Condition
  /** What taking it back needs to know, or why there is no way back. */
  undo: { sentence: string; record: Json } | { none: string }
  cancel: 'at once' | 'after this object' | 'not until done'
  restarts: Restarts
  /** It takes away what the actions before it left, so it is done where one of them failed as well. */
  always?: true
  /** The same change for people who keep their configuration in git. */
  file?: { path: string; content: string }
}

/** The secret output of a call, passed through others on its way: each takes what the one before it gave. */
export interface Source {
  call: Call
  through?: Call[]
  /** Most seconds in which no byte comes, where that says that none will. */
  silentSeconds?: number
}

/** A secret that stays in memory, for the actions of its part that name it. It is gone with the part, and with the program. */
export interface HoldAction extends ActionBase {
  kind: 'hold'
  danger: 'read'
  source: Source
  as: string
}

/** A secret, sealed into the workspace. In `path`, `{time}` and the outputs of earlier actions are filled in. */
export interface SealAction extends ActionBase {
  kind: 'seal'
  danger: 'read'
  source: Source | { held: string }
  path: string
  opens: Opens
  /** What is written beside it: everything about it that is public. */
  manifest?: { schema: string; about: { [key: string]: Json } }
}

/**
 * A dated look at what an earlier action of the part holds, has sealed or has brought about, kept as a proof. Where it is not
 * `required`, it may stay undone: then the proof is missing, and what needs it is unknown.
 */
export interface ProveAction extends ActionBase {
  kind: 'prove'
  danger: 'read'
  observation: string
  /**
   * `sealed` names the action that seals it, `file` one that was sealed before. `settles`: what is looked at is the cluster itself, as
   * soon as it is so, or when the time is over and it is not.
   */
  of: { held: string } | { sealed: string } | { file: string } | { settles: Omit<Condition, 'observation'>; seconds: number }
  /** What must hold for the actions behind it to go on. */
  expects?: { predicate: string; args: Json; sentence: string }
  required: boolean
  /** A tool asks the person on the terminal. */
  terminal?: boolean
}

/** A check between: waits until a condition holds. */
export interface ExpectAction extends ActionBase {
  kind: 'expect'
  danger: 'read'
  condition: Condition
  deadlineSeconds: number
  /** It must hold for so long without a break. */
  steadySeconds?: number
  /** Outputs of what it looked at are for the actions behind it. */
  outputs?: true
  /** Read when the deadline passes; its answer is the reason. */
  explain?: Call
}

/** A file written into the workspace. */
interface WriteAction extends ActionBase {
  kind: 'write'
  danger: 'read'
  path: string
  content: string
}

/** A check on the way from a tentative change to keeping it. */
export interface Probe {
  condition: Condition
  /** The arguments of its predicate are what the observation reads just before the try, and not those of the plan. */
  sinceBefore?: true
  /** It fails where it does not hold by then; the window ends it in any case. */
  deadlineSeconds: number
  explain?: Call
}

/**
 * A change that goes back by itself unless it is kept: for what could lock the operator out, or stop a service. From the try on, until
 * it is kept or until the window and its margin are over, nothing else is sent to the object.
 */
export interface TryAction extends ActionBase {
  kind: 'try'
  danger: 'change'
  /** Begins the window. */
  call: Call
  /** The same change, tried without effect. */
  dryRun?: Call
  windowSeconds: number
  /** All must hold before it is kept, each on connections of its own. */
  probes: Probe[]
  /** The same change again, to stay. */
  keep: Call
  /** What is kept holds it. */
  kept: Condition
  /** It is there now, kept or not. */
  tried: Condition
  /** Takes it back where it did not go back by itself. */
  back: Call
  /** An observation that reads the same just after the try and just before the keep, unless somebody else changed something. */
  unchanged: string
  undo: { sentence: string; record: Json } | { none: string }
  cancel: 'waits for the way back'
  restarts: Restarts
  file?: { path: string; content: string }
}

/** What changes something. */
export type ChangeAction = RunAction | TryAction
export const isChange = (action: Action): action is ChangeAction => action.kind === 'run' || action.kind === 'try'

export type Action = RunAction | TryAction | HoldAction | SealAction | ProveAction | ExpectAction | WriteAction

export type Opens = 'secrets' | 'backups'

/** What a proof is about, when it was taken and what was seen. */
export interface Proof<T> {
  /** Below the workspace. */
  path: string
  /** ISO 8601. */
  takenAt: string
  /** Of the bytes that were looked at, hex. */
  of: string
  value: T
  /** Why the action that took it did not go on: what was looked at is not what was expected. It is kept as evidence of that. */
  refused?: string
}

/** The observation of what was proved of an observation, newest first. */
export const proofsOf = (observation: string): string => `${observation}.proofs`
export const isOfProofs = (name: string): boolean => name.endsWith(proofsOf(''))

/** Everything a plan does to one object, in order. */
export interface Part {
  object: ObjectRef
  /** One line: what it comes to. */
  summary: string
  /** What is shown before it is agreed to, beside the actions. */
  blocks?: Block[]
  actions: Action[]
}

/** An object that the plan cannot touch, and why. */
export interface Blocked {
  object: ObjectRef
  reason: string
  remedy?: string
  /** The question of the step whose answer would let it. */
  question?: string
}

export interface Remediation {
  parts: Part[]
  blocked: Blocked[]
}

const isBlocked = (x: Part | Blocked): x is Blocked => 'reason' in x
export const blocked = (object: ObjectRef, reason: string, remedy?: string): Blocked => ({ object, reason, ...(remedy ? { remedy } : {}) })
/** Blocked until the question is answered; `example` shows how. */
export const unanswered = (object: ObjectRef, step: string, question: string, reason: string, example = '…'): Blocked => ({
  object,
  reason,
  remedy: `answer it in the wizard, in preflight.yaml, or with --answer ${step}.${question}=${example}`,
  question,
})

/** Calls `plan` for each object; one that could not be looked at is blocked with the reason of the look. */
export function eachPart<S extends Record<string, Sighting<unknown>[]>>(
  seen: S,
  plan: (values: Values<S>, object: ObjectRef) => Part | Blocked | undefined,
): Remediation {
  const parts: Part[] = []
  const stopped: Blocked[] = []
  for (const object of objectsOf(seen)) {
    const got = together(seen, object)
    const result = 'failed' in got ? blocked(object, got.failed.reason, got.failed.remedy) : plan(got.values, object)
    if (!result) continue
    if (isBlocked(result)) stopped.push(result)
    else parts.push(result)
  }
  return { parts, blocked: stopped }
}

/* ---- questions ------------------------------------------------------------------------------------------- */

/** A typed field. `parse` takes what a person typed, or what the profile holds, as text. */
export interface Question<T extends Json = Json> {
  label: string
  hint: string
  default: T
  /** The value, or a sentence that says what is wrong with it. */
  parse: (text: string) => { value: T } | { error: string }
  format: (value: T) => string
}

/** biome-ignore lint/suspicious/noExplicitAny: the value type is recovered per question by `Answers`. */
export type Questions = Record<string, Question<any>>
export type Answers<Q> = { [K in keyof Q]: Q[K] extends Question<infer T> ? T : never }

export function yesNo(label: string, options: { default: boolean }): Question<boolean> {
  return {
    label,
    hint: 'yes or no',
    default: options.default,
    parse: (text) => {
      const t = text.trim().toLowerCase()
      if (['y', 'yes', 'true'].includes(t)) return { value: true }
      if (['n', 'no', 'false'].includes(t)) return { value: false }
      return { error: `"${text}" is neither yes nor no` }
    },
    format: (value) => (value ? 'yes' : 'no'),
  }
}

export function wholeNumber(label: string, options: { default: number; min: number; max: number; unit: string }): Question<number> {
  return {
    label,
    hint: `a whole number of ${options.unit}, ${options.min} to ${options.max}`,
    default: options.default,
    parse: (text) => {
      const n = Number(text.trim())
      if (!/^\d+$/.test(text.trim()) || n < options.min || n > options.max)
        return { error: `"${text}" is not a whole number of ${options.unit} from ${options.min} to ${options.max}` }
      return { value: n }
    },
    format: (value) => String(value),
  }
}

/** One of a few words; `options` says what each means. */
export function choice<const T extends string>(label: string, options: { default: NoInfer<T>; options: Record<T, string> }): Question<T> {
  const words = Object.keys(options.options) as T[]
  return {
    label,
    hint: words.map((w) => `${w}: ${options.options[w]}`).join('; '),
    default: options.default,
    parse: (text) => {
      const value = words.find((w) => w === text.trim().toLowerCase())
      return value ? { value } : { error: `"${text}" is not one of ${words.join(', ')}` }
    },
    format: (value) => value,
  }
}

/** `key=value` pairs, separated by commas or white space. `check` says what is wrong with one. */
export function pairs(
  label: string,
  options: { hint: string; check: (key: string, value: string) => string | undefined },
): Question<Record<string, string>> {
  return {
    label,
    hint: options.hint,
    default: {},
    parse: (text) => {
      const value: Record<string, string> = {}
      for (const word of text.split(/[\s,]+/).filter(Boolean)) {
        const at = word.indexOf('=')
        if (at < 1) return { error: `"${word}" is not KEY=VALUE` }
        const [k, v] = [word.slice(0, at), word.slice(at + 1)]
        const wrong = options.check(k, v)
        if (wrong) return { error: wrong }
        if (k in value && value[k] !== v) return { error: `"${k}" is given twice` }
        value[k] = v
      }
      return { value }
    },
    format: (value) =>
      Object.entries(value)
        .map(([k, v]) => `${k}=${v}`)
        .join(' '),
  }
}

/* ---- steps ----------------------------------------------------------------------------------------------- */

interface Reference {
  title: string
  url: string
  /** A range of product versions, where the reference differs between them. */
  appliesTo?: string
}

/** What both pure functions may know besides observations and answers. */
export interface StepContext {
  now: Date
  /** The text of a template by its path below `templates/`. */
  template: (path: string) => string
  cluster: { name: string; environment: string }
  /** Who the workspace is bound to, once it was seen; empty before. */
  identity: Record<string, string>
  /** Who can open what is sealed. */
  recipients: readonly Recipient[]
  /** How changes reach the cluster: through its API, or as files. */
  delivery: 'live' | 'gitops'
  /** A proof is to be taken anew, although the last one still counts. */
  renew: boolean
  /** Steps that a waiver covers as a whole today. */
  waived: readonly string[]
}

export interface Recipient {
  name: string
  role: 'operator' | 'recovery'
  /** The public half. */
  recipient: string
  opens: Opens[]
}

/** A change of this step that the journal says was made and not yet taken back. */
export interface Applied {
  object: ObjectRef
  record: Json
}

export interface Step<O extends Observes = Observes, P extends Observes = Observes, Q extends Questions = Questions> {
  id: string
  category: string
  title: string
  severity: Severity
  /** One sentence an operator can repeat to an auditor. */
  why: string
  references: Reference[]
  questions: Q
  /** What `evaluate` needs. */
  observes: O
  /** What `remediate` and `undo` need on top. */
  plansWith: P
  evaluate: (seen: Seen<O>, answers: Answers<Q>, context: StepContext) => Finding[]
  /** Absent where a person has to mend it; then each failing finding says how. */
  remediate?: (seen: Seen<O & P>, answers: Answers<Q>, context: StepContext) => Remediation
  undo?: (seen: Seen<O & P>, applied: Applied[], context: StepContext, answers: Answers<Q>) => Remediation
}

/** biome-ignore lint/suspicious/noExplicitAny: the engine runs steps without knowing their types. */
export type AnyStep = Step<any, any, any>

export function step<O extends Observes, P extends Observes = Record<never, never>, Q extends Questions = Record<never, never>>(
  declared: Omit<Step<O, P, Q>, 'questions' | 'plansWith'> & { questions?: Q; plansWith?: P },
): Step<O, P, Q> {
  return { questions: {} as Q, plansWith: {} as P, ...declared }
}
