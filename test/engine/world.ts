import {
  type Action,
  type AnyStep,
  type Call,
  type Condition,
  eachFinding,
  eachPart,
  fail,
  type Json,
  type Look,
  notApplicable,
  type ObjectRef,
  observable,
  pass,
  type Sighting,
  step,
  yesNo,
} from '../../src/contract.ts'
import type { Entry } from '../../src/engine/journal.ts'
import { digestOf, type Plan, type PlannedPart } from '../../src/engine/plan.ts'
import type { CallHooks, CallResult, EnginePorts, Held, WorkspacePort } from '../../src/engine/ports.ts'

/** A small world for the engine: lamps that are on or off, and one verb that switches them. */

export interface Lamp {
  on: boolean
}

export const lamps = observable<Lamp>({
  name: 'lamps',
  scope: 'node',
  title: 'lamps',
  predicates: {
    isOn: (lamp) => lamp.on || 'the lamp is off',
    isOff: (lamp) => !lamp.on || 'the lamp is on',
  },
})

export const lampRef = (name: string): ObjectRef => ({ kind: 'lamp', name })
const isOn: Condition = { observation: 'lamps', predicate: 'isOn', args: null, sentence: 'the lamp is on' }
const isOff: Condition = { observation: 'lamps', predicate: 'isOff', args: null, sentence: 'the lamp is off' }

const switchTo = (on: boolean, name: string): Action[] => [
  {
    kind: 'seal',
    id: 'seal',
    title: 'seal',
    danger: 'read',
    source: { call: { verb: 'secret', args: { name } } },
    path: `secrets/${name}-{time}.age`,
    opens: 'secrets',
  },
  {
    kind: 'run',
    id: 'switch',
    title: `switch ${on ? 'on' : 'off'}`,
    danger: 'change',
    call: { verb: 'switch', args: { name, on } },
    done: on ? isOn : isOff,
    undo: on ? { sentence: 'switches it off', record: { was: false } } : { none: 'it was off before' },
    cancel: 'after this object',
    restarts: 'nothing',
    file: { path: `generated/LMP-01/${name}.txt`, content: `${on ? 'on' : 'off'}\n` },
  },
  {
    kind: 'expect',
    id: 'lit',
    title: on ? 'is lit' : 'is dark',
    danger: 'read',
    condition: on ? isOn : isOff,
    deadlineSeconds: 60,
    explain: { verb: 'why', args: { name } },
  },
]

/** Every lamp is on, unless the question says that they may be off. */
const lit = step({
  id: 'LMP-01',
  category: 'lamps',
  title: 'Lamps are lit',
  severity: 'high',
  why: 'One sees better.',
  references: [{ title: 'Lamps', url: 'https://example.com/lamps' }],
  questions: { needed: yesNo('Is light needed?', { default: true }) },
  observes: { seen: lamps },
  evaluate: ({ seen }, { needed }) =>
    eachFinding({ seen }, ({ seen: lamp }, { name }) =>
      needed ? (lamp.on ? pass(`${name} is lit`) : fail(`${name} is dark`, 'switch it on')) : notApplicable('no light is needed'),
    ),
  remediate: ({ seen }) =>
    eachPart({ seen }, ({ seen: lamp }, object) =>
      lamp.on ? undefined : { object, summary: 'switch on', actions: switchTo(true, object.name) },
    ),
  undo: ({ seen }, applied) =>
    eachPart({ seen }, ({ seen: lamp }, object) =>
      lamp.on && applied.some((a) => a.object.name === object.name)
        ? { object, summary: 'switch off', actions: switchTo(false, object.name) }
        : undefined,
    ),
})
export const lampStep: AnyStep = lit

export interface World {
  lamps: Record<string, Lamp>
  /** Names of lamps that cannot be seen. */
  unseen: Set<string>
  identity: Record<string, string>
  ports: EnginePorts
  calls: Call[]
  sealed: { path: string; plaintext: string; manifest?: unknown }[]
  /** How many secrets were let go. */
  released: number
  proved: { observation: string; of: string; terminal: boolean }[]
  /** What the look of a proof gives. */
  proofs: Record<string, { look: Look<unknown>; of: string }>
  /** Files of the workspace. */
  files: Map<string, string>
  now: () => string
  /** What the next calls of a verb come to, before they have their effect. */
  answers: Record<string, (call: Call, hooks: CallHooks | undefined) => Promise<CallResult | undefined> | CallResult | undefined>
  /** Called whenever the clock sleeps. */
  onSleep: (ms: number) => void
}

export const ok = (summary = ''): CallResult => ({ ok: true, summary, output: Buffer.from('the secret') })
export const failed = (reason: string): CallResult => ({ ok: false, reason, output: Buffer.alloc(0) })

/** Time passes only when somebody sleeps. */
export function world(on: Record<string, boolean>, start = '2026-11-23T12:00:00.000Z'): World {
  let time = new Date(start).getTime()
  const files = new Map<string, string>()
  const w: World = {
    lamps: Object.fromEntries(Object.entries(on).map(([name, lit]) => [name, { on: lit }])),
    unseen: new Set(),
    identity: { ca: 'ca', id: 'home' },
    calls: [],
    sealed: [],
    released: 0,
    proved: [],
    proofs: {},
    files,
    now: () => new Date(time).toISOString(),
    answers: {},
    onSleep: () => undefined,
    ports: undefined as never,
  }
  const seenAs = (name: string): Sighting<Lamp> => ({
    object: lampRef(name),
    look: w.unseen.has(name)
      ? { ok: false, reason: `${name} cannot be seen`, evidence: [] }
      : { ok: true, value: { ...(w.lamps[name] as Lamp) }, evidence: [] },
  })
  const workspace: WorkspacePort = {
    path: '/w',
    append: async (journal, line) => void files.set(`journal/${journal}`, `${files.get(`journal/${journal}`) ?? ''}${line}\n`),
    journals: async () =>
      [...files]
        .filter(([path]) => path.startsWith('journal/'))
        .map(([path, text]) => ({ name: path.slice('journal/'.length), text }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    write: async (path, content) => {
      files.set(path, content)
      return digestOf(content)
    },
    read: async (path) => files.get(path),
    has: async (path) => files.has(path),
  }
  const held = new Map<Held, Buffer>()
  w.ports = {
    clock: {
      now: () => new Date(time),
      sleep: async (ms) => {
        time += ms
        w.onSleep(ms)
      },
    },
    observe: async (names) => Object.fromEntries(names.map((name) => [name, Object.keys(w.lamps).map(seenAs)])),
    observeOne: async (_, object) => seenAs(object.name),
    holds: (_, predicate, value) => (lamps.predicates[predicate] as (v: Lamp, a: Json) => true | string)(value as Lamp, null),
    call: async (call, hooks) => {
      w.calls.push(call)
      await hooks?.onChild?.({ pid: 42, started: '7' })
      const given = await w.answers[call.verb]?.(call, hooks)
      if (given) return given
      if (call.verb === 'switch') (w.lamps[String(call.args.name)] as Lamp).on = call.args.on === true
      return ok(call.verb === 'why' ? 'the bulb is loose' : '')
    },
    commandLine: (call) => call.verb,
    preview: async () => [],
    hold: async (source, hooks) => {
      const given = await w.ports.call(source.call, hooks)
      if (!given.ok) return { ok: false, reason: given.reason }
      const secret: Held = {
        bytes: given.output.length,
        place: '',
        release: async () => {
          w.released++
          given.output.fill(0)
        },
      }
      held.set(secret, given.output)
      return { ok: true, held: secret }
    },
    seal: async (secret, to) => {
      w.sealed.push({ path: to.path, plaintext: held.get(secret)?.toString() ?? '', ...(to.manifest ? { manifest: to.manifest } : {}) })
      return { path: to.path, sha256: 's', bytes: secret.bytes, recipients: ['you', 'safe'] }
    },
    prove: async (observation, of, { terminal }) => {
      w.proved.push({ observation, of: 'path' in of ? of.path : 'held', terminal })
      return w.proofs[observation] ?? { look: { ok: false, reason: 'nothing to see', evidence: [] }, of: '' }
    },
    outputs: (_, value) => (value as { public?: Record<string, number> }).public ?? {},
    cannotSeal: () => undefined,
    identify: async () => ({ identity: w.identity }),
    processes: { self: () => ({ pid: 1, started: '1' }), alive: () => false },
    workspace,
  }
  return w
}

/** The parts that would light these lamps, as a plan. */
export function planToLight(...names: string[]): Plan {
  const parts = names.map((name): PlannedPart => {
    const object = lampRef(name)
    const actions = switchTo(true, name)
    return { step: 'LMP-01', object, summary: 'switch on', actions, digest: digestOf({ step: 'LMP-01', object, actions }) }
  })
  return { stage: { kind: 'mend', steps: ['LMP-01'] }, identity: { ca: 'ca', id: 'home' }, parts, blocked: [] }
}

/** Journal lines in short: kind, object, action and result. */
export const inShort = (entries: readonly Entry[]): string[] =>
  entries.map((e) =>
    e.kind === 'intent' || e.kind === 'outcome'
      ? `${e.kind} ${e.object.name} ${e.action}${e.kind === 'outcome' ? ` ${e.result}` : ''}`
      : e.kind === 'child'
        ? `child ${e.process.pid}`
        : e.kind,
  )
