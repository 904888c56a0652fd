import { type Door, type DoorsInfo, isNamed, type Words } from '../../host.ts'
import { type Command, DOORS, only, push, type Ui, type Updated, type View } from '../model.ts'

/** The first screen: choosing a door, and what going through it opens. */

export function updateDoors({ ui: before, words }: View, command: Command): Updated {
  if (before.opening) return only(before)
  // whoever does something else does not wait for the check any more
  const ui = { ...before, early: false }
  switch (command) {
    case 'up':
      return only({ ...ui, door: Math.max(0, ui.door - 1) })
    case 'down':
      return only({ ...ui, door: Math.min(DOORS.length - 1, ui.door + 1) })
    case 'enter':
      return goThrough(ui, DOORS[ui.door] ?? 'practise', words)
    case 'door.practise':
    case 'door.check':
    case 'door.setup':
    case 'door.incident': {
      const door = command.slice('door.'.length) as Door
      return goThrough({ ...ui, door: DOORS.indexOf(door) }, door, words)
    }
    default:
      return only(ui)
  }
}

/** The first clusters are known: goes on with what was asked for meanwhile. */
export function withDoors(ui: Ui, doors: DoorsInfo, words: Words): Updated {
  const door = doors.workspace && ui.door === 0 && !ui.opening ? DOORS.indexOf('check') : ui.door
  const known = { ...ui, doors, door, early: false }
  return ui.early ? goThrough(known, 'check', words) : only(known)
}

function goThrough(ui: Ui, door: Door, words: Words): Updated {
  switch (door) {
    case 'practise':
      return { ui: { ...ui, opening: true }, effects: [{ kind: 'open', choice: { kind: 'practice' } }] }
    case 'check': {
      const usable = ui.doors?.contexts.filter((c) => c.usable) ?? []
      if (!ui.doors) return only({ ...ui, early: true })
      if (usable.length === 0) {
        return only(
          push(ui, {
            kind: 'error',
            code: 'no-such-context',
            message: ui.doors.contexts.length > 0 ? 'none of the contexts found can be used' : words.noContexts.short,
            hint: ui.doors.problems[0] ?? words.noContexts.hint,
          }),
        )
      }
      if (isNamed(ui.doors)) return { ui: { ...ui, opening: true }, effects: [{ kind: 'open', choice: { kind: 'check' } }] }
      if (usable.length > 1) return only(push(ui, { kind: 'contexts', selected: 0 }))
      return {
        ui: { ...ui, opening: true },
        effects: [{ kind: 'open', choice: { kind: 'check', ...(usable[0] ? { context: usable[0].name } : {}) } }],
      }
    }
    case 'setup':
      return only(push(ui, { kind: 'note', title: 'Set up: not there yet', lines: words.notes.setup }))
    case 'incident':
      return only(push(ui, { kind: 'note', title: 'Incident: not there yet', lines: words.notes.incident }))
  }
}
