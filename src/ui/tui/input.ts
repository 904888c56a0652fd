import type { Key } from 'ink'

/**
 * Keys by name. Several keys can arrive as one text (over a slow line, with type-ahead, in a paste without brackets), so text is
 * taken apart into characters; a carriage return in it is Enter, and other control characters are the keys that make them.
 */
export type KeyPress = { name: string } | { text: string }

export function keysOf(input: string, key: Partial<Key>): KeyPress[] {
  const pressed = pressedOf(input, key)
  // a terminal sends the same for Alt held with a key as for Esc right before it; a sequence that names its modifiers has an event type
  if (!key.meta || key.eventType !== undefined) return pressed
  // whoever pressed Esc first does not want what Enter does
  return [{ name: 'escape' }, ...pressed.filter((p) => !('name' in p && p.name === 'enter'))]
}

const NAMED: [keyof Key, string][] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageup'],
  ['pageDown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['backspace', 'backspace'],
  ['delete', 'delete'],
]

function pressedOf(input: string, key: Partial<Key>): KeyPress[] {
  const named = NAMED.find(([flag]) => key[flag])
  if (named) return [{ name: named[1] }]
  if (key.tab) return [{ name: key.shift ? 'shift+tab' : 'tab' }]
  if (key.ctrl) return [{ name: `ctrl+${input}` }]
  return [...input].flatMap((char): KeyPress[] => {
    if (char === '\r' || char === '\n') return [{ name: 'enter' }]
    if (char === '\t') return [{ name: 'tab' }]
    if (char === '\u007f' || char === '\b') return [{ name: 'backspace' }]
    if (char < '\u001b') return [{ name: `ctrl+${String.fromCharCode(char.charCodeAt(0) + 96)}` }]
    return char >= ' ' ? [{ text: char }] : []
  })
}

/** The name under which a typed character is bound. */
export const boundName = (press: KeyPress): string => ('name' in press ? press.name : press.text === ' ' ? 'space' : press.text)
