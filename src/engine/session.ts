import type { AnyStep, Block, StepContext, Word } from '../contract.ts'
import { Interrupted, Refusal } from './errors.ts'
import { evaluate, type Observed, observationsFor, type RawAnswers, type StepResult, type Summary, summarize } from './evaluate.ts'
import { appliedFor, type Entry, hashOf, headsOf, type JournalFile, lineOf, readJournal, type Unfinished, unfinished } from './journal.ts'
import { type Control, type PerformResult, type Progress, perform } from './perform.ts'
import {
  asFiles,
  canonical,
  digestOf,
  digestOfPlan,
  makePlan,
  type Plan,
  type PlannedPart,
  readPlan,
  type Stage,
  whatChanged,
  writePlan,
} from './plan.ts'
import type { EnginePorts, LookProgress } from './ports.ts'

/**
 * One session: the flow from looking over planning to performing and looking again, and its state. Every front end drives this and
 * draws what it says; none has a flow of its own.
 */

export interface SessionOptions {
  ports: EnginePorts
  steps: readonly AnyStep[]
  template: (path: string) => string
  cluster: { name: string; environment: string }
  delivery: 'live' | 'gitops'
  mode: string
  operator: string
  /** Name and version of the program, and the command as it was typed, without secrets. */
  tool: string
  command: string
  answers: RawAnswers
  attestations: readonly Word[]
  waivers: readonly Word[]
  /** The identity that the workspace is bound to, once it was seen. */
  pinned?: Record<string, string>
  /** Writes into the profile. Each returns when it is on disk. */
  save: {
    identity: (identity: Record<string, string>) => Promise<void>
    word: (kind: 'attestations' | 'waivers', word: Word) => Promise<void>
    answer: (step: string, question: string, text: string) => Promise<void>
  }
}

export interface Report {
  startedAt: string
  finishedAt: string
  results: StepResult[]
  summary: Summary
  observed: Observed
  /** Which cluster answered; absent where none did. */
  identity?: Record<string, string>
}

export interface PartReview {
  part: string
  /** What the object says to the same change, tried without effect; absent where there is nothing to try. */
  dryRun?: { ok: boolean; text: string }
  preview: Block[]
}

type Activity =
  | { kind: 'idle' }
  | ({ kind: 'looking'; since: string } & LookProgress)
  | { kind: 'reviewing'; since: string; done: number; total: number }
  | { kind: 'performing'; since: string; stopping: boolean }

export interface RunState {
  plan: Plan
  /** The last word of each action, by part and action. */
  progress: Record<string, Progress>
  log: { at: string; text: string }[]
  result?: PerformResult
}

export interface SessionState {
  activity: Activity
  report?: Report
  run?: RunState
  unfinished: Unfinished[]
  /** Hash of the last line of this run's journal. */
  journalHead: string | null
  answers: RawAnswers
}

export interface Session {
  state: () => SessionState
  subscribe: (listener: () => void) => () => void
  /** Reads the workspace's journals: what was under way when an earlier run ended. */
  open: () => Promise<readonly Unfinished[]>
  /** Finds out what became of an interrupted action, and finishes the checks behind it. */
  resume: (run: Unfinished) => Promise<{ result: 'done' | 'not done' | 'cannot tell'; reason: string }>
  look: (steps?: readonly string[]) => Promise<Report>
  plan: (stage: Stage) => Promise<Plan>
  review: (plan: Plan) => Promise<PartReview[]>
  /** Checks that a plan from a file still holds and returns what is left of it. */
  revive: (text: string, name: string) => Promise<Plan>
  apply: (plan: Plan, consent: { how: string }) => Promise<PerformResult>
  attest: (word: Word) => Promise<void>
  waive: (word: Word) => Promise<void>
  answer: (step: string, question: string, text: string) => Promise<void>
  /** Once: the object at hand is finished first. Twice: waiting ends at once. */
  stop: () => void
  close: (exitCode: number) => Promise<void>
}

const progressKey = (part: string, action: string): string => `${part} ${action}`

/** Dry runs and previews side by side. */
const REVIEWS_AT_ONCE = 6

export function createSession(options: SessionOptions): Session {
  const { ports, steps } = options
  const { workspace, clock } = ports
  const listeners = new Set<() => void>()
  let state: SessionState = { activity: { kind: 'idle' }, unfinished: [], journalHead: null, answers: options.answers }
  let words = { attestations: [...options.attestations], waivers: [...options.waivers] }
  let pinned = options.pinned
  let files: JournalFile[] = []
  let journalName: string | undefined
  let seq = 0
  let writing: Promise<void> = Promise.resolve()
  let stops = 0
  let abort = new AbortController()

  const set = (change: Partial<SessionState>): void => {
    state = { ...state, ...change }
    for (const listener of listeners) listener()
  }
  const iso = () => clock.now().toISOString()

  let working = 0
  /** Nothing else may be begun between the parts of a work, so only the end of the outermost one is idle. */
  const during =
    <A extends unknown[], T>(work: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      working++
      try {
        return await work(...args)
      } finally {
        working--
        if (working === 0) set({ activity: { kind: 'idle' } })
      }
    }

  /** One line after the other, each on disk before the next thing happens. Without a workspace there is no journal. */
  const journal = (entry: Entry): Promise<void> => {
    if (!workspace) return Promise.resolve()
    writing = writing.then(async () => {
      if (!journalName) {
        const self = ports.processes.self()
        const name = `${iso().replace(/[:.]/g, '-').slice(0, 19)}-${digestOf([self, iso()]).slice(0, 6)}.jsonl`
        files = await readFiles()
        await append(name, {
          kind: 'opened',
          tool: options.tool,
          mode: options.mode,
          operator: options.operator,
          command: options.command,
          process: self,
          heads: headsOf(files),
        })
        journalName = name
      }
      await append(journalName, entry)
    })
    return writing
  }
  const append = async (name: string, entry: Entry): Promise<void> => {
    const line = lineOf(entry, { seq: seq + 1, at: clock.now(), prev: state.journalHead })
    await workspace?.append(name, line)
    seq++
    set({ journalHead: hashOf(line) })
  }
  const readFiles = async (): Promise<JournalFile[]> =>
    workspace ? (await workspace.journals()).map((f) => readJournal(f.name, f.text)) : []

  const context = (): StepContext => ({
    now: clock.now(),
    template: options.template,
    cluster: options.cluster,
    delivery: options.delivery,
  })
  const wanted = (ids?: readonly string[]): AnyStep[] => (ids ? ids.map((id) => byId(id)) : [...steps])
  const byId = (id: string): AnyStep => {
    const step = steps.find((s) => s.id === id.toUpperCase())
    if (!step) throw new Refusal('unknown-step', `there is no step ${id}`, `steps: ${steps.map((s) => s.id).join(', ')}`)
    return step
  }

  /** The identity of what answers, checked against the one that the workspace is bound to. */
  const identify = async (): Promise<{ identity: Record<string, string> } | { reason: string; remedy?: string }> => {
    const seen = await ports.identify()
    if (!('identity' in seen)) return seen
    if (pinned && canonical(pinned) !== canonical(seen.identity)) {
      throw new Refusal(
        'other-cluster',
        'another cluster answers than the one this workspace belongs to',
        'use --context or --workspace for the right one; after a CA rotation of your own, see docs/errors.md',
      )
    }
    if (!pinned && workspace) {
      await options.save.identity(seen.identity)
      await journal({ kind: 'identified', identity: seen.identity, was: null })
      pinned = seen.identity
    }
    return seen
  }

  const observe = async (needed: readonly AnyStep[], purpose: 'evaluate' | 'remediate', fresh: boolean): Promise<Observed> => {
    if (abort.signal.aborted) abort = new AbortController()
    const names = observationsFor(needed, purpose).map((o) => o.name)
    set({ activity: { kind: 'looking', since: iso(), done: 0, total: names.length, now: '' } })
    const observed = await ports.observe(names, {
      fresh,
      signal: abort.signal,
      onProgress: (p) => {
        if (state.activity.kind === 'looking') set({ activity: { ...state.activity, ...p } })
      },
    })
    if (abort.signal.aborted) throw new Interrupted()
    return observed
  }

  const look = during(async (ids?: readonly string[]): Promise<Report> => {
    const needed = wanted(ids)
    const startedAt = iso()
    const observed = await observe(needed, 'evaluate', true)
    const identity = await identify()
    const results = evaluate(needed, observed, { answers: state.answers, ...words, context: context() })
    const report: Report = {
      startedAt,
      finishedAt: iso(),
      results: merged(state.report?.results, results, steps),
      summary: summarize(results),
      observed,
      ...('identity' in identity ? { identity: identity.identity } : {}),
    }
    if (workspace) {
      const folder = `evidence/runs/${startedAt.replace(/[:.]/g, '-').slice(0, 19)}`
      const sha256 = await workspace.write(
        `${folder}/observations.json`,
        `${JSON.stringify({ schema: 'talos-preflight/observations/v1', mode: options.mode, takenAt: startedAt, cluster: options.cluster, answers: state.answers, observed }, null, 1)}\n`,
      )
      const looks = Object.values(observed).flat()
      await journal({ kind: 'observed', evidence: folder, sha256, looks: looks.length, failed: looks.filter((s) => !s.look.ok).length })
      await workspace.write(
        `${folder}/findings.json`,
        `${JSON.stringify({ schema: 'talos-preflight/findings/v1', mode: options.mode, takenAt: startedAt, results }, null, 1)}\n`,
      )
      await journal({ kind: 'concluded', summary: report.summary, verdicts: Object.fromEntries(results.map((r) => [r.id, r.count])) })
    }
    set({ report: { ...report, summary: summarize(report.results), observed: { ...state.report?.observed, ...observed } } })
    return { ...report, results }
  })

  const plan = during(async (stage: Stage): Promise<Plan> => {
    const needed = stage.steps.map(byId)
    const observed = await observe(needed, 'remediate', true)
    const identity = await identify()
    files = await readFiles()
    const made = makePlan({ ...stage, steps: needed.map((s) => s.id) }, needed, observed, {
      answers: state.answers,
      context: context(),
      identity: 'identity' in identity ? identity.identity : {},
      applied: Object.fromEntries(needed.map((s) => [s.id, appliedFor(files, s.id)])),
    })
    return options.delivery === 'gitops' ? asFiles(made) : made
  })

  const review = during(async (given: Plan): Promise<PartReview[]> => {
    const reviews: PartReview[] = []
    const queue = [...given.parts]
    set({ activity: { kind: 'reviewing', since: iso(), done: 0, total: queue.length } })
    const worker = async (): Promise<void> => {
      for (let part = queue.shift(); part; part = queue.shift()) {
        const change = part.actions.find((a) => a.kind === 'run')
        const tried = change?.dryRun ? await ports.call(change.dryRun) : undefined
        reviews.push({
          part: part.digest,
          ...(tried ? { dryRun: { ok: tried.ok, text: tried.ok ? tried.summary : tried.reason } } : {}),
          preview: change ? await ports.preview(change.call) : [],
        })
        if (state.activity.kind === 'reviewing') set({ activity: { ...state.activity, done: reviews.length } })
      }
    }
    await Promise.all(Array.from({ length: REVIEWS_AT_ONCE }, worker))
    return given.parts.map((p) => reviews.find((r) => r.part === p.digest) as PartReview)
  })

  const doneByJournal = (part: PlannedPart): boolean =>
    files.some((f) => {
      const done = new Set(
        f.lines.flatMap((l) => (l.kind === 'outcome' && l.part === part.digest && l.result === 'done' ? [l.action] : [])),
      )
      return part.actions.every((a) => done.has(a.id))
    })

  const revive = async (text: string, name: string): Promise<Plan> => {
    const kept = readPlan(text, name)
    const fresh = await plan(kept.stage)
    const changed = whatChanged(kept, fresh, doneByJournal)
    if (changed.length > 0)
      throw new Refusal(
        'plan-stale',
        `${name} does not hold any more: ${changed.slice(0, 5).join('; ')}`,
        `make it again with: talos-preflight plan ${kept.stage.steps.join(' ')} --out ${name}`,
      )
    return { ...fresh, parts: fresh.parts.filter((p) => kept.parts.some((k) => k.digest === p.digest)) }
  }

  const checkSealing = (given: Plan): void => {
    for (const opens of new Set(given.parts.flatMap((p) => p.actions).flatMap((a) => (a.kind === 'seal' ? [a.opens] : [])))) {
      const why = ports.cannotSeal(opens)
      if (why) throw new Refusal('cannot-seal', why, 'talos-preflight keys create, then keys add NAME RECIPIENT --role recovery')
    }
  }

  const apply = during(async (given: Plan, consent: { how: string }): Promise<PerformResult> => {
    freshControl()
    if (given.parts.length === 0)
      throw new Refusal(
        'nothing-to-do',
        'the plan has nothing to do',
        given.blocked[0] ? `${given.blocked[0].object.name}: ${given.blocked[0].reason}` : undefined,
      )
    if (!workspace)
      throw new Refusal(
        'no-workspace',
        'changes need a workspace for the journal and the sealed configs, and there is none here',
        'talos-preflight init',
      )
    checkSealing(given)
    if (Object.keys(given.identity).length === 0 && given.parts.some((p) => p.actions.some((a) => a.kind === 'run'))) {
      throw new Refusal(
        'no-identity',
        'the cluster did not say who it is, so the plan is bound to nothing',
        'see talos-preflight check, and talos-preflight doctor',
      )
    }
    const fresh = await plan(given.stage)
    const changed = whatChanged(given, fresh, () => false)
    if (changed.length > 0)
      throw new Refusal(
        'plan-stale',
        `the plan does not hold any more: ${changed.slice(0, 5).join('; ')}`,
        'look at a fresh plan first; nothing was changed',
      )
    const digest = digestOfPlan(given)
    const path = `evidence/plans/${digest.slice(0, 16)}.json`
    await workspace.write(path, writePlan(given))
    await journal({
      kind: 'planned',
      stage: given.stage,
      digest,
      path,
      parts: given.parts.map((p) => ({ step: p.step, object: p.object, digest: p.digest, actions: p.actions.map((a) => a.id) })),
      blocked: given.blocked.length,
    })
    await journal({ kind: 'consented', digest, by: options.operator, how: consent.how })
    const result = await run(given)
    await look(given.stage.steps).catch((error) => {
      // the change is done and in the journal; a stop while looking again takes nothing of that back, and what failed first is what counts
      if (!(error instanceof Interrupted) && !result.failed) throw error
    })
    return result
  })

  /** A stop counts from here on: also between the last look and the first change. */
  const freshControl = (): void => {
    stops = 0
    abort = new AbortController()
  }

  const run = async (given: Plan, from?: { part: string; action: number }): Promise<PerformResult> => {
    set({ activity: { kind: 'performing', since: iso(), stopping: false }, run: { plan: given, progress: {}, log: [] } })
    const control: Control = { stopping: () => stops > 0, signal: abort.signal }
    const onProgress = (p: Progress): void => {
      if (!state.run) return
      const part = given.parts.find((x) => x.digest === p.part)
      const action = part?.actions.find((a) => a.id === p.action)
      const text = `${part?.object.name} ${action?.title}${p.status === 'running' ? (p.note ? `: ${p.note}` : '') : `: ${p.status}${p.note ? `, ${p.note}` : ''}`}`
      set({
        run: {
          ...state.run,
          progress: { ...state.run.progress, [progressKey(p.part, p.action)]: p },
          log: [...state.run.log, { at: p.at, text }],
        },
      })
    }
    const result = await perform(given, ports, journal, onProgress, control, from)
    if (state.run) set({ run: { ...state.run, result } })
    return result
  }

  const resume = during(async (left: Unfinished): Promise<{ result: 'done' | 'not done' | 'cannot tell'; reason: string }> => {
    freshControl()
    const { intent } = left
    if (!intent) {
      set({ unfinished: state.unfinished.filter((u) => u !== left) })
      return { result: 'not done', reason: `nothing was under way; ${left.left.join(', ')} had not begun` }
    }
    while (left.child && ports.processes.alive(left.child)) {
      set({
        activity: {
          kind: 'looking',
          since: iso(),
          done: 0,
          total: 1,
          now: `process ${left.child.pid} of the earlier run still works on ${intent.object.name}`,
        },
      })
      await clock.sleep(1000, abort.signal)
      if (abort.signal.aborted) throw new Interrupted()
    }
    const found = await whatBecame(intent)
    await journal({
      kind: 'resolved',
      run: left.run,
      part: intent.part,
      action: intent.action,
      step: intent.step,
      object: intent.object,
      stage: intent.stage,
      ...found,
      ...(found.result === 'done' && intent.record !== undefined ? { record: intent.record } : {}),
    })
    set({ unfinished: state.unfinished.filter((u) => u !== left) })
    if (found.result === 'done') await finishPart(left)
    return found
  })

  const whatBecame = async (
    intent: NonNullable<Unfinished['intent']>,
  ): Promise<{ result: 'done' | 'not done' | 'cannot tell'; reason: string }> => {
    if (!intent.done)
      return intent.repeatable
        ? { result: 'not done', reason: `${intent.title}: is simply done again` }
        : { result: 'cannot tell', reason: `${intent.title}: nothing tells whether it was done` }
    const { look: now } = await ports.observeOne(intent.done.observation, intent.object)
    if (!now.ok) return { result: 'cannot tell', reason: now.reason }
    const holds = ports.holds(intent.done.observation, intent.done.predicate, now.value, intent.done.args)
    return holds === true ? { result: 'done', reason: intent.done.sentence } : { result: 'not done', reason: holds }
  }

  /** The checks behind a change that turned out to be done. */
  const finishPart = async (left: Unfinished): Promise<void> => {
    const text = await workspace?.read(left.plan)
    if (!text || !left.intent) return
    const kept = readPlan(text, left.plan)
    const part = kept.parts.find((p) => p.digest === left.intent?.part)
    const next = part ? part.actions.findIndex((a) => a.id === left.intent?.action) + 1 : 0
    if (part && next < part.actions.length && part.actions.slice(next).every((a) => a.kind === 'expect'))
      await run({ ...kept, parts: [part], blocked: [] }, { part: part.digest, action: next })
  }

  const say = async (kind: 'attestations' | 'waivers', word: Word): Promise<void> => {
    await options.save.word(kind, word)
    await journal({
      kind: 'said',
      word: kind === 'waivers' ? 'waived' : 'attested',
      step: word.step,
      ...(word.object ? { object: word.object } : {}),
      by: word.by,
      why: word.why,
      until: word.until,
    })
    words = { ...words, [kind]: [...words[kind], word] }
    if (state.report) {
      const again = evaluate(wanted(state.report.results.map((r) => r.id)), state.report.observed, {
        answers: state.answers,
        ...words,
        context: context(),
      })
      set({ report: { ...state.report, results: again, summary: summarize(again) } })
    }
  }

  return {
    state: () => state,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    open: async () => {
      files = await readFiles()
      set({ unfinished: unfinished(files).filter((u) => !ports.processes.alive(u.process)) })
      return state.unfinished
    },
    resume,
    look,
    plan,
    review,
    revive,
    apply,
    attest: (word) => say('attestations', word),
    waive: (word) => say('waivers', word),
    answer: async (step, question, text) => {
      await options.save.answer(byId(step).id, question, text)
      set({ answers: { ...state.answers, [byId(step).id]: { ...state.answers[byId(step).id], [question]: text } } })
    },
    stop: () => {
      stops++
      if (state.activity.kind === 'performing') set({ activity: { ...state.activity, stopping: true } })
      if (stops > 1 || state.activity.kind === 'looking') abort.abort()
    },
    close: async (exitCode) => {
      if (journalName) await journal({ kind: 'closed', exitCode })
      await writing
    },
  }
}

/** New results in place of old ones, in the order of the checklist. */
function merged(old: readonly StepResult[] | undefined, fresh: readonly StepResult[], steps: readonly AnyStep[]): StepResult[] {
  return steps.flatMap((s) => fresh.find((r) => r.id === s.id) ?? old?.find((r) => r.id === s.id) ?? [])
}

export const progressOf = (run: RunState, part: string, action: string): Progress | undefined => run.progress[progressKey(part, action)]
