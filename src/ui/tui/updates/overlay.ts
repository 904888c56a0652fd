import { recipientForm } from '../forms.ts'
import { type Command, type Overlay, only, pop, replaceTop, type Updated, type View } from '../model.ts'
import { updateForm } from './form.ts'

/** Interruptions: what a command does to the one on top, and what it begins. Forms have a file of their own. */

export function updateOverlay(view: View, overlay: Overlay, command: Command): Updated {
  const { ui } = view
  const closes = command === 'back' || (command === 'quit' && overlay.kind !== 'form')
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
      if (command === 'up' || command === 'page.up')
        return only(replaceTop(ui, { ...overlay, scroll: Math.max(0, overlay.scroll - (command === 'up' ? 1 : 10)) }))
      if (command === 'down' || command === 'page.down')
        return only(replaceTop(ui, { ...overlay, scroll: Math.min(view.scrollMost, overlay.scroll + (command === 'down' ? 1 : 10)) }))
      if (command === 'commands') return { ui: replaceTop(ui, { ...overlay, copied: true }), effects: [{ kind: 'copy' }] }
      return closes ? only(pop(ui)) : only(ui)
    case 'keys':
      if (command === 'create') return overlay.info?.missing === false ? only(ui) : { ui, effects: [{ kind: 'keys.create' }] }
      if (command === 'protect') return overlay.info?.missing === false ? only(ui) : { ui, effects: [{ kind: 'keys.protect' }] }
      if (command === 'recipient') return only(recipientForm(view))
      return closes || (command === 'enter' && overlay.info?.missing === false) ? only(pop(ui)) : only(ui)
    case 'unfinished': {
      const left = view.session?.unfinished[0]
      if (overlay.back && left && command === 'takeBack') return { ui, effects: [{ kind: 'resume', run: left, takeBack: true }] }
      if (overlay.back) return closes ? { ui: pop(ui), effects: [{ kind: 'look' }] } : only(ui)
      if (command === 'enter') return left ? { ui, effects: [{ kind: 'resume', run: left }] } : { ui: pop(ui), effects: [{ kind: 'look' }] }
      return closes && !left ? { ui: pop(ui), effects: [{ kind: 'look' }] } : only(ui)
    }
    case 'quit':
      if (command === 'stop') return { ui: pop(ui), effects: [{ kind: 'stop' }] }
      return closes || command === 'enter' ? only(pop(ui)) : only(ui)
    case 'form':
      return updateForm(view, overlay, command)
  }
}
