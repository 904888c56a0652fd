import { createHash } from 'node:crypto'
import {
  type Action,
  type AnyStep,
  type Applied,
  type Blocked,
  canonical,
  type ExpectAction,
  isChange,
  isMap,
  type Json,
  type Part,
  type StepContext,
} from '../contract.ts'
import { Refusal } from './errors.ts'
import { answersFor, type Observed, type RawAnswers, seenForRemediate } from './evaluate.ts'

/**
 * Plans as plain data. A plan is bound to the identity of what it changes, and each part to its own digest: it holds while every
 * part is what fresh observations give, or is done by our journal.
 */

const PLAN_SCHEMA = 'talos-preflight/plan/v1'

/** What a stage does: mend steps, or take back what was done for them. */
export interface Stage {
  kind: 'mend' | 'undo'
  steps: string[]
  /** Takes proofs anew although the last ones still count. */
  renew?: true
  /** What was answered for this plan alone: a plan from a file is made again with it. */
  answers?: RawAnswers
}

export interface PlannedPart extends Part {
  step: string
  digest: string
}

export interface Plan {
  stage: Stage
  /** Names what the plan may touch; opaque here. */
  identity: Record<string, string>
  parts: PlannedPart[]
  blocked: (Blocked & { step: string })[]
}

export const digestOf = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex')

export function digestOfPlan(plan: Plan): string {
  return digestOf({ stage: plan.stage, identity: plan.identity, parts: plan.parts.map((p) => [p.step, p.object, p.digest]) })
}

/** Makes the plan of a stage from fresh observations. Pure. */
export function makePlan(
  stage: Stage,
  steps: readonly AnyStep[],
  observed: Observed,
  given: { answers: RawAnswers; context: StepContext; identity: Record<string, string>; applied: Record<string, Applied[]> },
): Plan {
  const plan: Plan = { stage, identity: given.identity, parts: [], blocked: [] }
  const known = new Set<string>()
  for (const step of steps) {
    const seen = seenForRemediate(step, observed)
    const answers = answersFor(step, given.answers)
    const remediation =
      stage.kind === 'undo'
        ? (step.undo?.(seen, given.applied[step.id] ?? [], given.context, answers) ?? { parts: [], blocked: [] })
        : step.remediate?.(seen, answers, given.context)
    if (!remediation)
      throw new Refusal(
        'no-plan',
        `${step.id} has no plan: a person has to mend it`,
        `talos-preflight check ${step.id} says how, object by object`,
      )
    for (const part of remediation.parts) {
      // steps that want the same of the same object share one part
      const change = digestOf([part.object, part.actions])
      if (known.has(change)) continue
      known.add(change)
      checkNames(part)
      plan.parts.push({ ...part, step: step.id, digest: digestOf({ step: step.id, object: part.object, actions: part.actions }) })
    }
    for (const block of remediation.blocked) plan.blocked.push({ ...block, step: step.id })
  }
  return plan
}

/**
 * What an action names must be left behind by one before it.
 *
 * @throws Error where a step makes a part that could not be performed.
 */
function checkNames(part: Part): void {
  const held = new Set<string>()
  const sealed = new Set<string>()
  let speaks = false
  for (const action of part.actions) {
    const wants = action.kind === 'seal' ? action.source : action.kind === 'prove' ? action.of : undefined
    if (wants && 'held' in wants && !held.has(wants.held)) throw new Error(`${action.id}: nothing holds "${wants.held}" before it`)
    if (wants && 'sealed' in wants && !sealed.has(wants.sealed))
      throw new Error(`${action.id}: nothing is sealed by "${wants.sealed}" before it`)
    const placeholder = action.kind === 'run' ? /"\{(\w+)\}"/.exec(JSON.stringify(action.call.args)) : null
    if (placeholder && !speaks) throw new Error(`${action.id}: nothing before it gives ${placeholder[0]}`)
    speaks ||= (action.kind === 'expect' && action.outputs === true) || action.kind === 'prove'
    if (action.kind === 'hold') held.add(action.as)
    if (action.kind === 'seal') sealed.add(action.id)
  }
}

/** The checks behind the last change of a part; none where it changes nothing, or something else stands behind the change as well. */
export function checksBehind(actions: readonly Action[]): ExpectAction[] {
  const last = actions.findLastIndex(isChange)
  const checks = actions.slice(last + 1).filter((a) => a.kind === 'expect')
  return last >= 0 && last + 1 + checks.length === actions.length ? checks : []
}

/** The same change as files: each change becomes the file that says it, everything else falls away. */
export function asFiles(plan: Plan): Plan {
  const written: Plan = { ...plan, parts: [], blocked: [...plan.blocked] }
  for (const part of plan.parts) {
    const changes = part.actions.filter(isChange)
    const unsaid = changes.filter((action) => !action.file).map((action) => action.title)
    // what changes nothing needs nobody else to do it
    if (changes.length === 0) written.parts.push(part)
    else if (unsaid.length === 0) written.parts.push(asFile(part))
    // left out it would pass for done
    else
      written.blocked.push({
        object: part.object,
        reason: `no file can say this: ${unsaid.join('; ')}`,
        remedy: 'do it by hand, or where your configuration is kept',
        step: part.step,
      })
  }
  return written
}

function asFile(part: PlannedPart): PlannedPart {
  const actions = part.actions.flatMap((action): Action[] =>
    isChange(action) && action.file
      ? [
          {
            kind: 'write',
            id: action.id,
            title: `write ${action.file.path}`,
            danger: 'read',
            path: action.file.path,
            content: action.file.content,
          },
        ]
      : action.kind === 'write'
        ? [action]
        : [],
  )
  return { ...part, actions, digest: digestOf({ step: part.step, object: part.object, actions }) }
}

/** The plan as a file: versioned, without secrets and times. `mode` is for whoever reads it; no digest is of it. */
export function writePlan(plan: Plan, mode: string): string {
  return `${JSON.stringify({ schema: PLAN_SCHEMA, mode, ...plan }, null, 2)}\n`
}

/**
 * Reads a plan file.
 *
 * @throws Refusal where it is no plan of this version, or was changed by hand.
 */
export function readPlan(text: string, name: string): Plan {
  let value: { schema?: Json; mode?: Json } & Plan
  try {
    value = JSON.parse(text)
  } catch {
    throw new Refusal('bad-plan', `${name} is not a plan: it is not JSON`, 'make one with: talos-preflight plan STEP --out FILE')
  }
  if (value?.schema !== PLAN_SCHEMA)
    throw new Refusal(
      'bad-plan',
      `${name} is not a plan of this version (${PLAN_SCHEMA})`,
      'make it again with: talos-preflight plan STEP --out FILE',
    )
  const { schema: _, mode: __, ...plan } = value
  if (!isWhole(plan))
    throw new Refusal('bad-plan', `${name} is not a whole plan`, 'make it again with: talos-preflight plan STEP --out FILE')
  for (const part of plan.parts) {
    if (digestOf({ step: part.step, object: part.object, actions: part.actions }) !== part.digest) {
      throw new Refusal(
        'plan-changed',
        `${name} was changed after it was made: the part of ${part.object.name} does not match its digest`,
        'make it again with: talos-preflight plan STEP --out FILE',
      )
    }
  }
  return plan
}

function isWhole(plan: Partial<Plan>): boolean {
  const parts: unknown = plan.parts
  return (
    Array.isArray(parts) &&
    parts.every((p: Partial<PlannedPart> | null) => typeof p?.object?.name === 'string' && areActions(p.actions)) &&
    Array.isArray(plan.blocked) &&
    Array.isArray(plan.stage?.steps) &&
    areAnswers(plan.stage.answers ?? {}) &&
    typeof plan.identity === 'object' &&
    plan.identity !== null
  )
}

const areActions = (value: unknown): boolean =>
  Array.isArray(value) && value.every((a) => isMap(a) && typeof a.kind === 'string' && typeof a.id === 'string')

const areAnswers = (value: unknown): boolean =>
  isMap(value) && Object.values(value).every((of) => isMap(of) && Object.values(of).every((text) => typeof text === 'string'))

/** Parts of a plan that are not what fresh observations give and are not done either, each with a sentence. */
export function whatChanged(plan: Plan, fresh: Plan, doneByJournal: (part: PlannedPart) => boolean): string[] {
  const changed: string[] = []
  if (canonical(plan.identity) !== canonical(fresh.identity)) return ['the plan is for another cluster']
  for (const part of plan.parts) {
    const now = fresh.parts.find((p) => p.step === part.step && p.object.kind === part.object.kind && p.object.name === part.object.name)
    if (now?.digest === part.digest || doneByJournal(part)) continue
    const blocks = fresh.blocked.filter((b) => b.step === part.step)
    // what stops the whole step stops each of its parts
    const block =
      blocks.find((b) => b.object.kind === part.object.kind && b.object.name === part.object.name) ??
      blocks.find((b) => b.object.kind !== part.object.kind)
    changed.push(
      `${part.step} ${part.object.name}: ${now ? 'needs another change now' : block ? block.reason : 'needs no change any more'}`,
    )
  }
  return changed
}
