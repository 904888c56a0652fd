import { recipientForm } from '../forms.ts'
import { type Command, isBusy, type Overlay, only, pop, push, replaceTop, type Updated, type View } from '../model.ts'
import { updateForm } from './form.ts'

/** Interruptions: what a command does to the one on top, and what it begins. Forms have a file of their own. */

export function updateOverlay(view: View, overlay: Overlay, command: Command): Updated {
  const { ui } = view
  const closes = command === 'back' || (command === 'quit' && overlay.kind !== 'form')
  if (overlay.kind === 'unfinished') {
    // it is asked again at the next start, so nothing is lost by leaving
    if (command === 'quit') return { ui, effects: [{ kind: 'quit' }] }
    if (command === 'help') return only(push(ui, { kind: 'help' }))
    if (isBusy(view)) return only(ui)
  }
  switch (overlay.kind) {
    case 'help':
    case 'error':
    case 'note':
      return closes || command === 'enter' || command === 'help' ? only(pop(ui)) : only(ui)
    case 'contexts': {
      const usable = ui.doors?.contexts.filter((c) => c.usable) ?? []
      if (command === 'up' || command === 'down')
        return only(
          replaceTop(ui, {
            ...overlay,
            selected: Math.min(usable.length - 1, Math.max(0, overlay.selected + (command === 'up' ? -1 : 1))),
          }),
        )
      const chosen = usable[overlay.selected]
      if (command === 'enter' && chosen)
        return { ui: { ...pop(ui), opening: true }, effects: [{ kind: 'open', choice: { kind: 'check', context: chosen.name } }] }
      return closes ? only(pop(ui)) : only(ui)
    }
    case 'review':
      if (command === 'enter') return { ui: { ...pop(ui), tab: 'run', scroll: 0 }, effects: [{ kind: 'apply' }] }
      return closes ? only(pop(ui)) : only(ui)
    case 'commands':
      if (command in SCROLLS) return only(replaceTop(ui, { ...overlay, scroll: scrolled(view, overlay.scroll, command) }))
      if (command === 'commands') return { ui: replaceTop(ui, { ...overlay, copied: true }), effects: [{ kind: 'copy' }] }
      return closes ? only(pop(ui)) : only(ui)
    case 'keys':
      if (command === 'create') return overlay.info?.missing === false ? only(ui) : { ui, effects: [{ kind: 'keys.create' }] }
      if (command === 'protect') return overlay.info?.missing === false ? only(ui) : { ui, effects: [{ kind: 'keys.protect' }] }
      if (command === 'recipient') return only(recipientForm(view))
      return closes || (command === 'enter' && overlay.info?.missing === false) ? only(pop(ui)) : only(ui)
    case 'unfinished':
      return updateUnfinished(view, overlay, command, closes)
    case 'quit':
      if (command === 'stop') return { ui: pop(ui), effects: [{ kind: 'stop' }] }
      return closes || command === 'enter' ? only(pop(ui)) : only(ui)
    case 'form':
      return updateForm(view, overlay, command)
  }
}

const SCROLLS: Partial<Record<Command, number>> = { up: -1, 'page.up': -10, down: 1, 'page.down': 10 }
const scrolled = (view: View, from: number, command: Command): number =>
  Math.max(0, Math.min(view.scrollMost, from + (SCROLLS[command] ?? 0)))

/** What an earlier run left open: looked at one after the other. What nobody can tell may be left open. */
function updateUnfinished(view: View, overlay: Extract<Overlay, { kind: 'unfinished' }>, command: Command, closes: boolean): Updated {
  const { ui } = view
  const left = view.session?.unfinished[0]
  if (command in SCROLLS) return only(replaceTop(ui, { ...overlay, scroll: scrolled(view, overlay.scroll ?? 0, command) }))
  if (overlay.open && overlay.back && command === 'takeBack')
    return { ui, effects: [{ kind: 'resume', run: overlay.open, takeBack: true }] }
  if (command === 'enter' && left && !overlay.back) return { ui, effects: [{ kind: 'resume', run: left }] }
  const goesOn = command === 'enter' ? !left : closes && (!left || overlay.open !== undefined)
  return goesOn ? { ui: pop(ui), effects: [{ kind: 'look' }] } : only(ui)
}
