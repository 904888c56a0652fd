import type { Key } from 'ink'

/**
 * Keys by name. Several keys can arrive as one text (over a slow line, with type-ahead, in a paste without brackets), so text is
 * taken apart into characters; a carriage return in it is Enter, and other control characters are the keys that make them.
 */
export type KeyPress = { name: string } | { text: string }

export function keysOf(input: string, key: Partial<Key>): KeyPress[] {
  if (key.upArrow) return [{ name: 'up' }]
  if (key.downArrow) return [{ name: 'down' }]
  if (key.leftArrow) return [{ name: 'left' }]
  if (key.rightArrow) return [{ name: 'right' }]
  if (key.pageUp) return [{ name: 'pageup' }]
  if (key.pageDown) return [{ name: 'pagedown' }]
  // Esc and Enter in one read come as one key; whoever pressed Esc first does not want what Enter does
  if (key.return) return [{ name: key.meta ? 'escape' : 'enter' }]
  if (key.escape) return [{ name: 'escape' }]
  if (key.tab) return [{ name: key.shift ? 'shift+tab' : 'tab' }]
  if (key.backspace || key.delete) return [{ name: 'backspace' }]
  if (key.ctrl) return [{ name: `ctrl+${input}` }]
  if (key.meta) return []
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
