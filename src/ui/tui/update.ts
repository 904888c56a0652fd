import { type Command, only, placeOf, push, top, type Ui, type Updated, type View } from './model.ts'
import { updateChecklist } from './updates/checklist.ts'
import { updateDoors } from './updates/doors.ts'
import { updateOverlay } from './updates/overlay.ts'
import { updateStep } from './updates/step.ts'

/** What a command does: it goes to the interruption on top, or else to the place where the wizard is; `updates/` has a file for each. */

export function update(view: View, command: Command): Updated {
  const { ui } = view
  const overlay = top(ui)
  if (command === 'interrupt') return interrupt(view)
  if (overlay) return updateOverlay(view, overlay, command)
  if (command === 'help') return only(push(ui, { kind: 'help' }))
  if (command === 'quit')
    return placeOf(ui, view.session) === 'running' ? only(push(ui, { kind: 'quit' })) : { ui, effects: [{ kind: 'quit' }] }
  switch (placeOf(ui, view.session)) {
    case 'doors':
      return updateDoors(view, command)
    case 'checklist':
      return updateChecklist(view, command)
    case 'step':
      return updateStep(view, command)
    case 'running':
      return updateRunning(ui, command)
  }
}

/** Ctrl-C: leaves at once where nothing runs; otherwise asks the run to stop, as often as it is pressed. */
function interrupt({ ui, session }: View): Updated {
  if (session?.activity.kind === 'performing' || session?.activity.kind === 'looking')
    return { ui, effects: session.activity.kind === 'looking' ? [{ kind: 'stop' }, { kind: 'quit' }] : [{ kind: 'stop' }] }
  return { ui, effects: [{ kind: 'quit' }] }
}

const updateRunning = (ui: Ui, command: Command): Updated => ({ ui, effects: command === 'stop' ? [{ kind: 'stop' }] : [] })
