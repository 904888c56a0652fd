import { Failure, Interrupted, Refusal } from '../../engine/errors.ts'
import type { WizardWorld } from '../host.ts'
import { initForm } from './forms.ts'
import { type Effect, only, push, type Ui, type Updated } from './model.ts'

/** An error as a screen; two of them have a better answer than a text. `rest` is what the error kept from being done. */
export function explainError(before: Ui, world: WizardWorld | undefined, error: unknown, rest: readonly Effect[]): Updated {
  const ui = { ...before, opening: false }
  const code = error instanceof Refusal || error instanceof Failure ? error.code : error instanceof Interrupted ? 'interrupted' : 'bug'
  if (code === 'interrupted') return only(ui)
  if (code === 'cannot-seal') return { ui: push(ui, { kind: 'keys', said: [] }), effects: [{ kind: 'keys' }] }
  // whoever agreed to a change did so for a screen that is gone by then: it is agreed to again
  if (code === 'no-workspace' && world)
    return only(
      initForm(
        ui,
        world.header.cluster,
        world.folder,
        rest.filter((e) => e.kind !== 'apply'),
      ),
    )
  const message = error instanceof Error ? error.message : String(error)
  const hint =
    error instanceof Refusal || error instanceof Failure
      ? (error.hint ?? '')
      : 'This is a fault of the program. Nothing is repeated by itself at the next start.'
  return only(push(ui, { kind: 'error', code, message, hint }))
}
