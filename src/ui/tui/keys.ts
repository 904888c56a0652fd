import { isChange } from '../../contract.ts'
import type { SessionState } from '../../engine/state.ts'
import { type Command, enterOnStep, isBusy, nextWorthDoing, placeOf, resultOf, shownSteps, TABS, type View } from './model.ts'

/** Which key does what, where. The footer, the help and the handler read this one table, so that no key is shown that does nothing. */

export interface Binding {
  keys: string[]
  command: Command
  /** What it does here, in two or three words. */
  label: string
  /** Shown in the footer; the others only in the help. */
  footer?: boolean
  /** Shown together with the arrow into the other direction. */
  pair?: boolean
}

const bind = (keys: string[], command: Command, label: string, footer = true): Binding => ({
  keys,
  command,
  label,
  ...(footer ? { footer } : {}),
})

const UP_DOWN = (label: string, footer = true) => [bind(['up', 'k'], 'up', label, footer), bind(['down', 'j'], 'down', label, false)]
const PAGES = [bind(['pageup', 'ctrl+b'], 'page.up', 'page up', false), bind(['pagedown', 'space'], 'page.down', 'page down', false)]
const BACK = bind(['escape'], 'back', 'back')
const HELP = bind(['?'], 'help', 'keys')
const QUIT = bind(['q'], 'quit', 'quit')

export function bindingsFor(view: View): Binding[] {
  const { ui, session } = view
  const overlay = ui.overlays.at(-1)
  if (overlay?.kind === 'unfinished') return [...(isBusy(view) ? [] : overlayBindings(view)), HELP, QUIT]
  if (overlay) return overlayBindings(view)
  switch (placeOf(ui, session)) {
    case 'doors':
      if (ui.opening) return [QUIT]
      return [
        bind(['enter'], 'enter', ['practise', 'check', 'set up', 'incident'][ui.door] ?? 'go on'),
        ...UP_DOWN('choose'),
        bind(['p'], 'door.practise', 'practise', false),
        bind(['c'], 'door.check', 'check', false),
        bind(['s'], 'door.setup', 'set up', false),
        bind(['i'], 'door.incident', 'incident', false),
        HELP,
        QUIT,
      ]
    case 'checklist': {
      const idle = session?.activity.kind === 'idle'
      const selected = resultOf(session, ui.selected)
      const some = ui.focus === 'categories' || shownSteps(ui).length > 0
      return [
        ...(some ? [bind(['enter'], 'enter', ui.focus === 'categories' ? 'steps' : 'open'), ...UP_DOWN('choose')] : []),
        ui.focus === 'steps' ? bind(['left', 'h'], 'left', 'categories', false) : bind(['right', 'l'], 'right', 'steps', false),
        ...(hasNext(view, ui.selected) ? [bind(['n'], 'next', 'next to do')] : []),
        bind(['/'], 'filter', 'filter'),
        ...(selected?.count === 'unknown' ? [bind(['a'], 'attest', 'attest')] : []),
        ...(selected?.count === 'fail' ? [bind(['w'], 'waive', 'waive')] : []),
        ...(idle ? [bind(['r'], 'look', 'look again', false)] : []),
        bind(['y'], 'keys', 'keys that open', false),
        ...(ui.filter || ui.category ? [bind(['escape'], 'back', 'show all')] : []),
        HELP,
        QUIT,
      ]
    }
    case 'step':
      return stepBindings(view)
    case 'running':
      return [...stopKey(session), HELP, QUIT]
  }
}

/** There is something worth doing elsewhere. */
function hasNext({ ui, session }: View, here: string): boolean {
  const next = nextWorthDoing(ui, session)
  return next !== undefined && next !== here
}

/** What stopping comes to. Inside the window of a tentative change it waits for the way back, however often it is asked for. */
function stopKey(session: SessionState | undefined): Binding[] {
  const stopping = session?.activity.kind === 'performing' && session.activity.stopping
  const tried = Object.values(session?.run?.progress ?? {}).some((p) => p.status === 'running' && p.until)
  if (tried) return stopping ? [] : [bind(['x'], 'stop', 'stop, and let it go back')]
  return [bind(['x'], 'stop', stopping ? 'stop waiting' : 'stop after this one')]
}

function stepBindings(view: View): Binding[] {
  const { ui, session } = view
  const idle = session?.activity.kind === 'idle'
  const result = resultOf(session, ui.opened)
  const enter = idle ? enterOnStep(view) : undefined
  const labels = {
    plan: 'see the plan',
    review: 'go on to review',
    answer: 'answer what it asks',
    findings: 'findings',
    edit: 'change',
    checklist: 'checklist',
  }
  return [
    ...(enter ? [bind(['enter'], 'enter', labels[enter])] : []),
    ...(ui.tab === TABS.at(-1) ? [] : [bind(['right', 'tab', 'l'], 'right', 'next tab')]),
    ...(ui.tab === TABS[0] ? [] : [bind(['left', 'shift+tab', 'h'], 'left', 'previous tab', ui.tab === TABS.at(-1))]),
    ...(ui.tab === 'plan' && ui.made && ui.made.plan.parts.length > 0 ? [bind(['c'], 'commands', 'commands')] : []),
    ...(idle && result?.count === 'unknown' ? [bind(['a'], 'attest', 'attest')] : []),
    ...(idle && result?.count === 'fail' && ui.tab !== 'plan' ? [bind(['w'], 'waive', 'waive')] : []),
    ...(idle && result?.canUndo && ui.made?.stage.kind !== 'undo'
      ? [bind(['u'], 'undo', 'undo', ui.tab === 'run' || result.count === 'pass')]
      : []),
    ...(idle ? [bind(['r'], 'look', 'look again', false)] : []),
    ...(idle && hasNext(view, ui.opened) ? [bind(['n'], 'next', 'next to do', false)] : []),
    BACK,
    HELP,
    QUIT,
    // the last line of what does not fit says so as well
    ...(view.scrollMost > 0 ? [...UP_DOWN('scroll'), ...PAGES] : []),
  ]
}

function overlayBindings(view: View): Binding[] {
  const overlay = view.ui.overlays.at(-1)
  switch (overlay?.kind) {
    case 'contexts':
      return [bind(['enter'], 'enter', 'check this one'), ...UP_DOWN('choose'), BACK]
    case 'review': {
      const plan = view.ui.made?.plan
      const objects = plan?.parts.length ?? 0
      const touches = plan?.parts.some((p) => p.actions.some(isChange))
      const writes = plan?.parts.some((p) => p.actions.some((a) => a.kind === 'write'))
      const undoes = plan?.stage.kind === 'undo'
      const verb = undoes ? 'take back' : touches ? 'change' : writes ? 'write' : 'begin with'
      return [bind(['enter'], 'enter', `${verb} ${objects} ${objects === 1 ? 'object' : 'objects'}`), BACK]
    }
    case 'commands':
      return [bind(['c'], 'commands', 'copy'), ...UP_DOWN('scroll'), ...PAGES, BACK]
    case 'keys':
      if (!overlay.info) return [BACK]
      return [
        ...(overlay.info.missing
          ? [bind(['c'], 'create', 'make mine'), bind(['p'], 'protect', 'with passphrase')]
          : [bind(['enter'], 'enter', 'go on')]),
        bind(['r'], 'recipient', 'add recovery'),
        BACK,
      ]
    case 'unfinished':
      return [
        ...(overlay.back
          ? [bind(['b'], 'takeBack', 'take it back')]
          : [bind(['enter'], 'enter', view.session?.unfinished[0] ? 'find out what became of it' : 'go on')]),
        ...(overlay.open ? [bind(['escape'], 'back', 'leave it open')] : []),
        ...(overlay.back ? UP_DOWN('scroll') : []),
      ]
    case 'quit':
      return [...stopKey(view.session), bind(['escape', 'enter'], 'back', 'go on running')]
    case 'help':
      return [bind(['enter', 'escape', '?'], 'back', 'close')]
    case 'form': {
      const current = overlay.fields[overlay.at]
      if (current?.barred) return [BACK]
      const last = overlay.at === overlay.fields.length - 1
      return [
        bind(['enter'], 'enter', last ? 'done' : 'next field'),
        ...(overlay.fields.length > 1 ? [bind(['up', 'shift+tab'], 'up', 'fields'), bind(['down', 'tab'], 'down', 'fields', false)] : []),
        ...(current?.options
          ? [{ ...bind(['left'], 'left', 'choose'), pair: true }, bind(['right'], 'right', 'choose', false)]
          : [bind(['left'], 'left', 'move', false), bind(['right'], 'right', 'move', false)]),
        ...(last || overlay.error ? [] : [bind(['ctrl+s'], 'submit', 'done')]),
        BACK,
      ]
    }
    default:
      return [bind(['enter', 'escape'], 'back', 'close')]
  }
}

const NAMES: Record<string, string> = { escape: 'esc', pageup: 'page up', pagedown: 'page down' }
export const keyName = (key: string): string => NAMES[key] ?? key

/** The command of a key here, or nothing. */
export const commandOf = (view: View, key: string): Command | undefined => bindingsFor(view).find((b) => b.keys.includes(key))?.command
