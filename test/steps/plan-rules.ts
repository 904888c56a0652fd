import { expect } from 'vitest'
import { type Action, isChange, type Json, type RunAction, type TryAction } from '../../src/contract.ts'
import { OBSERVATIONS } from '../../src/domain/all-observations.ts'
import type { Plan } from '../../src/engine/plan.ts'

/** What a case says of a plan, and what holds of every plan. Reasons, remedies and words are parts of texts. */

export interface ExpectedPlan {
  refused?: { code: string; reason: string }
  parts?: {
    object: string
    summary: string
    actions: string[]
    patches?: Json[]
    record?: Json
    /** Of what is tried: that it stays. */
    done?: Json
    back?: Json[]
    window?: number
    probes?: string[]
    /** What is applied to Kubernetes. */
    manifests?: Json[]
    /** Words of what is shown beside it. */
    says?: string[]
    files?: Record<string, string>
    /** Every action in full. */
    whole?: Json[]
  }[]
  blocked?: { object: string; reason: string; remedy?: string; question?: string }[]
}
export const nameOf = ({ object }: { object: { kind: string; name: string } }): string => `${object.kind}/${object.name}`

export function checkPlan(plan: Plan, expected: ExpectedPlan): void {
  expect(plan.parts.map((p) => [nameOf(p), p.summary, p.actions.map((a) => a.id)])).toEqual(
    expected.parts?.map((p) => [p.object, p.summary, p.actions]),
  )
  for (const [index, wanted] of (expected.parts ?? []).entries()) {
    const actions = plan.parts[index]?.actions ?? []
    const change = actions.find(isChange)
    const tried = actions.find((a) => a.kind === 'try')
    if (wanted.patches) expect(change?.call.args.patches).toEqual(wanted.patches)
    if (wanted.record) expect(change?.undo).toMatchObject({ record: wanted.record })
    if (wanted.done) expect((tried?.kept ?? (change as RunAction).done)?.args).toEqual(wanted.done)
    if (wanted.back) expect(tried?.back.args.patches).toEqual(wanted.back)
    if (wanted.window) expect(tried?.windowSeconds).toBe(wanted.window)
    if (wanted.probes) expect(tried?.probes.map(probeOf)).toEqual(wanted.probes)
    if (wanted.manifests) expect(actions.flatMap(manifestsOf)).toEqual(wanted.manifests)
    for (const words of wanted.says ?? []) expect(JSON.stringify(plan.parts[index]?.blocks)).toContain(words)
    if (wanted.whole) expect(actions).toEqual(wanted.whole)
    if (wanted.files)
      expect(Object.fromEntries(actions.flatMap((a) => (a.kind === 'write' ? [[a.path, a.content]] : [])))).toEqual(wanted.files)
  }
  expect(plan.blocked.map((b) => [nameOf(b), b.reason])).toEqual(
    expected.blocked?.map((b) => [b.object, expect.stringContaining(b.reason)]),
  )
  for (const [index, { remedy, question }] of (expected.blocked ?? []).entries()) {
    if (remedy) expect(plan.blocked[index]?.remedy).toContain(remedy)
    expect(plan.blocked[index]?.question).toBe(question)
  }
}

const probeOf = ({ condition, deadlineSeconds }: TryAction['probes'][number]): string =>
  `${condition.observation}.${condition.predicate} ${deadlineSeconds}s`
const manifestsOf = (action: Action): Json[] =>
  action.kind === 'run' && action.call.verb === 'kubectl.apply' ? (action.call.args.manifests as Json[]) : []

/** What holds of every plan that changes something, whichever step made it. */
export function checkRules(plan: Plan): void {
  for (const { actions } of plan.parts) {
    const ids = actions.map((a) => a.id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const [index, action] of actions.entries()) {
      if (action.kind === 'run') checkRun(action, actions.slice(0, index), actions.slice(index + 1))
      if (action.kind === 'try') checkTry(action, actions.slice(0, index), actions.slice(index + 1))
      if (action.kind === 'prove') expect(OBSERVATIONS[action.observation]).toBeDefined()
      for (const { observation, predicate } of conditionsOf(action))
        expect([observation, OBSERVATIONS[observation]?.predicates[predicate]]).toEqual([observation, expect.any(Function)])
    }
  }
}

function conditionsOf(action: Action): { observation: string; predicate: string }[] {
  if (action.kind === 'expect') return [action.condition]
  if (action.kind === 'run') return action.done ? [action.done] : []
  if (action.kind === 'try') return [action.kept, action.tried, ...action.probes.map((p) => p.condition)]
  if (action.kind !== 'prove') return []
  const { observation, expects, of } = action
  return [...(expects ? [{ observation, ...expects }] : []), ...('settles' in of ? [{ observation, ...of.settles }] : [])]
}

const withoutEffect = ({ verb, args }: RunAction['call']): RunAction['call'] => ({ verb, args: { ...args, dryRun: true } })

/** The config of a node is sealed before, and looked at after; whatever is tried without effect is the same change. */
function checkRun(action: RunAction, before: Action[], after: Action[]): void {
  if (action.dryRun) expect(action.dryRun).toEqual(withoutEffect(action.call))
  const isLookedAt = after.some((a) => a.kind === 'expect' || a.kind === 'prove')
  // what is no node may be one call that ends when it is done, and an observation that tells
  if (!('node' in action.call.args)) {
    expect(isLookedAt || action.done !== undefined).toBe(true)
    return
  }
  expect(isLookedAt).toBe(true)
  expect(before.some((a) => a.kind === 'seal')).toBe(true)
  expect(action.done).toBeDefined()
  expect(action.dryRun).toBeDefined()
}

/** What is kept, and what is tried without effect, is what was tried, byte for byte; and there is a way back. */
function checkTry(action: TryAction, before: Action[], after: Action[]): void {
  const { node, patches } = action.call.args
  expect(before.some((a) => a.kind === 'seal')).toBe(true)
  expect(after.some((a) => a.kind === 'expect')).toBe(true)
  expect(action.call.args.seconds).toBe(action.windowSeconds)
  expect(action.keep.args).toEqual({ node, patches, dryRun: false })
  expect(action.dryRun).toEqual(withoutEffect(action.keep))
  expect(action.back.args.node).toBe(node)
  expect((action.back.args.patches as Json[]).length).toBeGreaterThan(0)
  expect(action.probes.length).toBeGreaterThan(0)
  expect(OBSERVATIONS[action.unchanged]).toBeDefined()
  if (action.restarts === 'api-server') expect(after.map((a) => a.id)).toContain('leases')
}
