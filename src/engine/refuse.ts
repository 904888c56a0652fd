import { isChange } from '../contract.ts'
import { Failure, Refusal } from './errors.ts'
import { type Unfinished, whereItWas } from './history.ts'
import type { Plan } from './plan.ts'
import type { EnginePorts, WorkspacePort } from './ports.ts'

/**
 * What is looked at before anything of a plan runs. Returns where the plan is kept.
 *
 * @throws Refusal where it could not be carried out to its end.
 */
export function refuseToApply(plan: Plan, ports: Pick<EnginePorts, 'workspace' | 'cannotSeal'>, terminal: boolean): WorkspacePort {
  const actions = plan.parts.flatMap((p) => p.actions)
  if (plan.parts.length === 0)
    throw new Refusal(
      'nothing-to-do',
      'the plan has nothing to do',
      plan.blocked[0] ? `${plan.blocked[0].object.name}: ${plan.blocked[0].reason}` : undefined,
    )
  if (!ports.workspace)
    throw new Refusal(
      'no-workspace',
      'this needs a workspace for the journal and the sealed files, and there is none here',
      'talos-preflight init',
    )
  for (const opens of new Set(actions.flatMap((a) => (a.kind === 'seal' ? [a.opens] : [])))) {
    const why = ports.cannotSeal(opens)
    if (why) throw new Refusal('cannot-seal', why.reason, why.remedy)
  }
  const asks = actions.find((a) => a.kind === 'prove' && a.terminal && a.required)
  if (asks && !terminal)
    throw new Refusal('no-terminal', `${asks.title}: a tool asks for something on the terminal, and there is none`, 'run it on a terminal')
  if (Object.keys(plan.identity).length === 0 && actions.some(isChange))
    throw new Refusal(
      'no-identity',
      'the cluster did not say who it is, so the plan is bound to nothing',
      'see talos-preflight check, and talos-preflight doctor',
    )
  return ports.workspace
}

/** What an earlier run was at, and nobody could tell what became of. */
export const cannotTell = (left: Unfinished, reason?: string): Failure =>
  new Failure(
    'cannot-tell',
    `${left.intent ? `it cannot be told whether "${left.intent.title}" on ${left.intent.object.name} was done` : `an earlier run ended in the middle: ${whereItWas(left)}`}${reason ? `: ${reason}` : ''}`,
    'nothing else is begun before that is known: look at the object by hand, or name a context that may see it, then start again; where it is gone for good: --leave-open WHY',
  )

/**
 * Nothing is begun while it is not known what became of an earlier run.
 *
 * @throws Failure while one is open.
 */
export function refuseWhileOpen([left]: readonly Unfinished[]): void {
  if (left) throw cannotTell(left)
}
