import { type AnyStep, isChange, plainLine, proofsOf, type Recipient, type StepContext, type Word } from '../contract.ts'
import { Failure, Interrupted, Refusal } from './errors.ts'
import { counts, evaluate, type Observed, observationsFor, type RawAnswers, type StepResult, summarize } from './evaluate.ts'
import { keepLook } from './evidence.ts'
import { appliedFor, failedFor, isDoneIn, type Unfinished, unfinished } from './history.ts'
import type { Entry, JournalFile, RecipientChange } from './journal.ts'
import { type Control, type PerformResult, type Progress, perform } from './perform.ts'
import { asFiles, checksBehind, digestOfPlan, makePlan, type Plan, readPlan, type Stage, whatChanged, writePlan } from './plan.ts'
import type { EnginePorts, Identified } from './ports.ts'
import { createRecorder } from './recorder.ts'
import { refuseToApply, refuseWhileOpen } from './refuse.ts'
import { type Became, checkFailed, checksOf, isCheck, waitForOrphan, waitForWindow, whatBecame, whyUnseen } from './resume.ts'
import { type PartReview, progressKey, type Report, type SessionState } from './state.ts'
import { met } from './waiting.ts'

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
  /** Who can open what is sealed, as of now. */
  recipients: () => readonly Recipient[]
  /** The identity that the workspace is bound to, once it was seen. */
  pinned?: Record<string, string>
  /** Writes into the profile. Each returns when it is on disk. */
  save: {
    identity: (identity: Record<string, string>) => Promise<void>
    word: (kind: 'attestations' | 'waivers', word: Word) => Promise<void>
    answer: (step: string, question: string, text: string) => Promise<void>
    recipient: (change: RecipientChange, recipient: Recipient) => Promise<void>
  }
}

export interface Session {
  state: () => SessionState
  subscribe: (listener: () => void) => () => void
  /** Reads the workspace's journals: what was under way when an earlier run ended. */
  open: () => Promise<readonly Unfinished[]>
  /** Finds out what became of an interrupted action, and finishes the checks behind it. */
  resume: (run: Unfinished, options?: { takeBack: boolean }) => Promise<Became>
  /** Closes what nothing can tell about, on a person's word: a node that is gone for good would stand in the way for ever. */
  leave: (run: Unfinished, why: string) => Promise<void>
  look: (steps?: readonly string[]) => Promise<Report>
  plan: (stage: Stage) => Promise<Plan>
  review: (plan: Plan) => Promise<PartReview[]>
  /** Checks that a plan from a file still holds and returns what is left of it. */
  revive: (text: string, name: string) => Promise<Plan>
  apply: (plan: Plan, consent: { how: string }) => Promise<PerformResult>
  attest: (word: Word) => Promise<void>
  waive: (word: Word) => Promise<void>
  answer: (step: string, question: string, text: string) => Promise<void>
  /** Changes who can open what is sealed from now on. */
  changeRecipient: (change: RecipientChange, recipient: Recipient) => Promise<void>
  /** Once: the object at hand is finished first. Twice: waiting ends at once. */
  stop: () => void
  /** A person sits at a terminal: `lend` hands it over while a tool asks for something. */
  lendTerminal: (lend: (run: () => Promise<void>) => Promise<void>) => void
  close: (exitCode: number) => Promise<void>
}

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
  let lend: ((run: () => Promise<void>) => Promise<void>) | undefined
  let stops = 0
  let abort = new AbortController()

  const set = (change: Partial<SessionState>): void => {
    state = { ...state, ...change }
    for (const listener of listeners) listener()
  }
  const iso = () => clock.now().toISOString()

  let working = 0
  /** A change was begun, so that nothing is refused any more with the word that nothing was changed. */
  let changing = false
  /**
   * Nothing else may be begun between the parts of a work, so only the end of the outermost one is idle. A stop counts from its first
   * part to its last, and not for the work behind it.
   */
  const during =
    <A extends unknown[], T>(work: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      if (working === 0) {
        stops = 0
        changing = false
        abort = new AbortController()
      }
      working++
      try {
        return await work(...args)
      } catch (error) {
        throw changing && error instanceof Refusal ? behindChange(error) : error
      } finally {
        working--
        if (working === 0) set({ activity: { kind: 'idle' } })
      }
    }

  const { tool, mode, operator, command } = options
  const recorder = createRecorder(ports, { tool, mode, operator, command }, (journalHead) => set({ journalHead }))
  const { journal } = recorder

  const context = (renew = false): StepContext => ({
    now: clock.now(),
    template: options.template,
    cluster: options.cluster,
    identity: pinned ?? {},
    recipients: options.recipients(),
    delivery: options.delivery,
    renew,
    waived: words.waivers.filter((w) => !w.object && counts(w, clock.now())).map((w) => w.step),
  })
  const wanted = (ids?: readonly string[]): AnyStep[] => (ids ? ids.map((id) => byId(id)) : [...steps])
  const byId = (id: string): AnyStep => {
    const step = steps.find((s) => s.id === id.toUpperCase())
    if (!step) throw new Refusal('unknown-step', `there is no step ${id}`, `steps: ${steps.map((s) => s.id).join(', ')}`)
    return step
  }

  /** The identity of what answers, checked against the one that the workspace is bound to. */
  const identify = async (): Promise<Identified> => {
    const seen = await ports.identify()
    const known = 'identity' in seen ? seen.identity : (seen.partial ?? {})
    if (pinned && Object.entries(known).some(([key, value]) => pinned?.[key] !== value)) {
      throw new Refusal(
        'other-cluster',
        'another cluster answers than the one this workspace belongs to',
        'use --context or --workspace for the right one; after a CA rotation of your own, see docs/errors.md',
      )
    }
    if (!('identity' in seen)) return seen
    if (!pinned && workspace) {
      await options.save.identity(seen.identity)
      await journal({ kind: 'identified', identity: seen.identity, was: null })
      pinned = seen.identity
    }
    return seen
  }

  const observe = async (needed: readonly AnyStep[], purpose: 'evaluate' | 'remediate', fresh: boolean): Promise<Observed> => {
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

  const judged = (of: readonly AnyStep[], observed: Observed): StepResult[] =>
    evaluate(of, observed, {
      answers: state.answers,
      ...words,
      context: context(),
      failed: Object.fromEntries(of.map((s) => [s.id, failedFor(files, s.id)])),
      applied: Object.fromEntries(of.map((s) => [s.id, appliedFor(files, s.id)])),
    })

  const look = during(async (ids?: readonly string[]): Promise<Report> => {
    const needed = wanted(ids)
    const startedAt = iso()
    const observed = await observe(needed, 'evaluate', true)
    const identity = await identify()
    files = await recorder.read()
    const results = judged(needed, observed)
    const report: Report = {
      startedAt,
      finishedAt: iso(),
      results: merged(state.report?.results, results, steps),
      summary: summarize(results),
      observed,
      ...('identity' in identity ? { identity: identity.identity } : {}),
    }
    if (workspace) await keepLook(workspace, journal, { mode, cluster: options.cluster, answers: state.answers }, report, results)
    set({ report: { ...report, summary: summarize(report.results), observed: { ...state.report?.observed, ...observed } } })
    return { ...report, results }
  })

  const plan = during(async (stage: Stage): Promise<Plan> => {
    const needed = stage.steps.map(byId)
    const observed = await observe(needed, 'remediate', true)
    const identity = await identify()
    files = await recorder.read()
    const made = makePlan({ ...stage, steps: needed.map((s) => s.id) }, needed, observed, {
      answers: state.answers,
      context: context(stage.renew),
      identity: 'identity' in identity ? identity.identity : {},
      applied: Object.fromEntries(needed.map((s) => [s.id, appliedFor(files, s.id)])),
    })
    return options.delivery === 'gitops' ? asFiles(made) : made
  })

  const review = during(async (given: Plan): Promise<PartReview[]> => {
    const reviews: PartReview[] = []
    const queue = [...given.parts]
    set({ activity: { kind: 'reviewing', since: iso(), done: 0, total: queue.length } })
    const { signal } = abort
    const worker = async (): Promise<void> => {
      for (let part = queue.shift(); part && !signal.aborted; part = queue.shift()) {
        const change = part.actions.find(isChange)
        const tried = change?.dryRun ? await ports.call(change.dryRun, { signal }) : undefined
        reviews.push({
          part: part.digest,
          ...(tried
            ? { dryRun: { ok: tried.ok, text: tried.ok ? tried.summary : [tried.reason, tried.remedy].filter(Boolean).join('; ') } }
            : {}),
          preview: change ? await ports.preview(change.call) : [],
        })
        if (state.activity.kind === 'reviewing') set({ activity: { ...state.activity, done: reviews.length } })
      }
    }
    await Promise.all(Array.from({ length: REVIEWS_AT_ONCE }, worker))
    if (signal.aborted) throw new Interrupted()
    return given.parts.map((p) => reviews.find((r) => r.part === p.digest) as PartReview)
  })

  const revive = async (text: string, name: string): Promise<Plan> => {
    const kept = readPlan(text, name)
    const given = Object.entries(kept.stage.answers ?? {}).map(([id, texts]) => [id, { ...state.answers[id], ...texts }])
    set({ answers: { ...state.answers, ...Object.fromEntries(given) } })
    const fresh = await plan(kept.stage)
    const changed = whatChanged(kept, fresh, (part) => isDoneIn(files, part))
    if (changed.length > 0)
      throw new Refusal(
        'plan-stale',
        `${name} does not hold any more: ${changed.slice(0, 5).join('; ')}`,
        `make it again with: talos-preflight plan ${kept.stage.steps.join(' ')} --out ${name}`,
      )
    return { ...fresh, parts: fresh.parts.filter((p) => kept.parts.some((k) => k.digest === p.digest)) }
  }

  /** Steps that were looked at before, and to which what a plan proves tells something as well. */
  const alsoTold = ({ parts }: Plan): string[] => {
    const proofs = parts.flatMap((p) => p.actions.flatMap((a) => (a.kind === 'prove' ? [proofsOf(a.observation)] : [])))
    const seen = steps.filter((s) => state.report?.results.some((r) => r.id === s.id))
    return seen.filter((s) => observationsFor([s], 'evaluate').some((o) => proofs.includes(o.name))).map((s) => s.id)
  }

  const apply = during(async (given: Plan, consent: { how: string }): Promise<PerformResult> => {
    refuseWhileOpen(state.unfinished)
    const into = refuseToApply(given, ports, lend !== undefined)
    const fresh = await plan(given.stage)
    if (stops > 0) throw new Interrupted()
    const changed = whatChanged(given, fresh, () => false)
    if (changed.length > 0)
      throw new Refusal(
        'plan-stale',
        `the plan does not hold any more: ${changed.slice(0, 5).join('; ')}`,
        'look at a fresh plan first; nothing was changed',
      )
    const digest = digestOfPlan(given)
    const path = `evidence/plans/${digest.slice(0, 16)}.json`
    const sha256 = await into.write(path, writePlan(given, mode))
    await journal({
      kind: 'planned',
      stage: given.stage,
      digest,
      path,
      sha256,
      parts: given.parts.map(({ step, object, digest: of, actions }) => {
        const checks = checksBehind(actions).map((a) => a.id)
        return { step, object, digest: of, actions: actions.map((a) => a.id), ...(checks.length > 0 ? { checks } : {}) }
      }),
      blocked: given.blocked.length,
    })
    await journal({ kind: 'consented', digest, by: options.operator, how: consent.how })
    const result = await run(given)
    // a second stop ended the waiting before it, and not this look as well
    abort = new AbortController()
    try {
      await look([...new Set([...given.stage.steps, ...alsoTold(given)])])
    } catch (error) {
      // the change is done and in the journal; a stop while looking again takes nothing of that back, and what failed first is what counts
      if (error instanceof Interrupted) return { ...result, stopped: true }
      if (!result.failed) throw error
    }
    return result
  })

  /** Ports that hand the terminal over where a tool is going to ask for something. */
  const lending = (): EnginePorts => ({
    ...ports,
    prove: async (observation, of, hooks) => {
      if (!hooks.terminal || !lend) return ports.prove(observation, of, hooks)
      let proved: Awaited<ReturnType<EnginePorts['prove']>> | undefined
      await lend(async () => {
        proved = await ports.prove(observation, of, hooks)
      })
      return proved ?? { look: { ok: false, reason: 'the terminal could not be handed over', evidence: [] }, of: '' }
    },
  })

  const run = async (given: Plan, from?: { part: string; action: number }): Promise<PerformResult> => {
    set({ activity: { kind: 'performing', since: iso(), stopping: false }, run: { plan: given, progress: {}, log: [] } })
    const control: Control = { mode, stopping: () => stops > 0, signal: abort.signal, terminal: lend !== undefined }
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
    const changes = new Set(given.parts.flatMap((p) => p.actions.filter(isChange).map((a) => progressKey(p.digest, a.id))))
    const noted = async (entry: Entry): Promise<void> => {
      await journal(entry)
      if (entry.kind === 'intent' && changes.has(progressKey(entry.part, entry.action))) changing = true
    }
    const result = await perform(given, lending(), noted, onProgress, control, from)
    if (state.run) set({ run: { ...state.run, result } })
    return result
  }

  const resume = during(async (left: Unfinished, options?: { takeBack: boolean }): Promise<Became> => {
    const { intent } = left
    const others = () => state.unfinished.filter((u) => u !== left)
    // it stays open, and the others are told of first
    const staysOpen = (became: Became): Became => {
      set({ unfinished: [...others(), left] })
      return became
    }
    if (pinned) await identify()
    const found = intent && !isCheck(left, intent) ? await resolve(left, intent, options?.takeBack === true) : undefined
    if (found?.result === 'cannot tell') return staysOpen(found)
    const checked = await checkBehind(left).catch((error) => {
      if (error instanceof Failure) set({ unfinished: others() })
      throw error
    })
    if (checked?.unseen) return staysOpen({ result: 'cannot tell', reason: `the checks behind it cannot be made: ${checked.unseen}` })
    set({ unfinished: others() })
    if (found) return found
    return checked
      ? { result: 'done', reason: `the checks behind the change of ${checked.name} were made, and hold` }
      : { result: 'not done', reason: `nothing was under way; ${left.left.join(', ')} had not begun` }
  })

  const leave = async (left: Unfinished, reason: string): Promise<void> => {
    const { run, intent, unchecked, stage } = left
    const owed = unchecked && {
      part: unchecked.digest,
      action: unchecked.checks?.[0] ?? '',
      step: unchecked.step,
      object: unchecked.object,
    }
    for (const open of [intent, owed].filter((x) => x !== undefined)) {
      const { part, action, step, object } = open
      await journal({ kind: 'resolved', run, part, action, step, object, stage, result: 'cannot tell', reason, by: options.operator })
    }
    set({ unfinished: state.unfinished.filter((u) => u !== left) })
  }

  /** Finds out what became of an action, and writes that down. */
  const resolve = async (left: Unfinished, intent: NonNullable<Unfinished['intent']>, takeBack: boolean): Promise<Became> => {
    const since = iso()
    const tell = (now: string) => set({ activity: { kind: 'looking', since, done: 0, total: 1, now } })
    await waitForOrphan(left, ports, abort.signal, tell)
    await waitForWindow(intent, ports, abort.signal, tell)
    const found = await settled(intent, await whatBecame(left, intent, ports), takeBack)
    const { part, action, step, object, stage } = intent
    await journal({
      kind: 'resolved',
      run: left.run,
      part,
      action,
      step,
      object,
      stage,
      result: found.result,
      reason: found.reason,
      ...(found.result === 'done' && intent.record !== undefined ? { record: intent.record } : {}),
    })
    return found
  }

  /** Takes back what was tried and is still there, where somebody agreed to that. */
  const settled = async (intent: NonNullable<Unfinished['intent']>, found: Became, takeBack: boolean): Promise<Became> => {
    if (!found.back || !takeBack || !intent.tried) return found
    changing = true
    const called = await ports.call(found.back)
    const there = await met(intent.tried, intent.object, ports)
    return there === true
      ? { ...found, reason: `it could not be taken back: ${called.ok ? 'it is still there' : called.reason}` }
      : { result: 'not done', reason: 'it was still there and was taken back' }
  }

  /**
   * Makes the checks behind a change of that run which is done, by an outcome or by what was found out now, whatever it was at.
   *
   * @returns whose they were, and why they could not be made
   * @throws Failure where they do not hold: nothing else is to be begun then.
   */
  const checkBehind = async ({ run: name }: Unfinished): Promise<{ name: string; unseen?: string } | undefined> => {
    files = await recorder.read()
    const owed = unfinished(files).find((u) => u.run === name && u.unchecked)
    if (!owed?.unchecked) return undefined
    const { step, object, digest: part, checks: [first = ''] = [] } = owed.unchecked
    const failure = async (action: string, title: string, why: { reason: string; remedy?: string }): Promise<Failure> => {
      const { reason } = why
      await journal({ kind: 'resolved', run: name, part, action, step, object, stage: owed.stage, result: 'not done', reason })
      return checkFailed(object, title, why, owed)
    }
    const checks = await checksOf(owed, ports)
    if (!checks)
      throw await failure(first, first, {
        reason: `${plainLine(owed.plan)}, which says what to check, is not there or is not what was agreed to`,
      })
    const { stopped, failed } = await run(checks.plan, checks.from)
    if (stopped) throw new Interrupted()
    if (!failed) return { name: object.name }
    const unseen = await whyUnseen(failed.action, object, ports)
    if (unseen) return { name: object.name, unseen }
    throw await failure(failed.action.id, failed.action.title, failed)
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
      const again = judged(wanted(state.report.results.map((r) => r.id)), state.report.observed)
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
      files = await recorder.read()
      set({ unfinished: unfinished(files).filter((u) => !ports.processes.alive(u.process)) })
      return state.unfinished
    },
    resume,
    leave,
    look,
    plan,
    review,
    revive,
    apply,
    attest: (word) => say('attestations', word),
    waive: (word) => say('waivers', word),
    answer: async (step, question, text) => {
      await options.save.answer(byId(step).id, question, text)
      await journal({ kind: 'answered', step: byId(step).id, question, text, by: options.operator })
      set({ answers: { ...state.answers, [byId(step).id]: { ...state.answers[byId(step).id], [question]: text } } })
    },
    changeRecipient: async (change, recipient) => {
      await options.save.recipient(change, recipient)
      const { name, role, opens } = recipient
      await journal({ kind: 'recipient', change, by: options.operator, name, role, recipient: recipient.recipient, opens })
    },
    stop: () => {
      stops++
      if (state.activity.kind === 'performing') set({ activity: { ...state.activity, stopping: true } })
      if (stops > 1 || state.activity.kind === 'looking' || state.activity.kind === 'reviewing') abort.abort()
    },
    lendTerminal: (given) => {
      lend = given
    },
    close: async (exitCode) => {
      if (recorder.begun()) await journal({ kind: 'closed', exitCode })
      await recorder.settled()
    },
  }
}

const behindChange = ({ code, message, hint }: Refusal): Failure =>
  new Failure(
    code,
    message,
    ['a change was begun before this: run the same command again, it finds out what became of it', hint].filter(Boolean).join('\n'),
  )

/** New results in place of old ones, in the order of the checklist. */
function merged(old: readonly StepResult[] | undefined, fresh: readonly StepResult[], steps: readonly AnyStep[]): StepResult[] {
  return steps.flatMap((s) => fresh.find((r) => r.id === s.id) ?? old?.find((r) => r.id === s.id) ?? [])
}
