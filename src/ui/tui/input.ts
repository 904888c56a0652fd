import type { Key } from 'ink'

/**
 * Keys by name. Several keys can arrive as one text (over a slow line, with type-ahead, in a paste without brackets), so text is
 * taken apart into characters; a carriage return in it is Enter and other control characters fall away.
 */
export type KeyPress = { name: string } | { text: string }

export function keysOf(input: string, key: Partial<Key>): KeyPress[] {
  if (key.upArrow) return [{ name: 'up' }]
  if (key.downArrow) return [{ name: 'down' }]
  if (key.leftArrow) return [{ name: 'left' }]
  if (key.rightArrow) return [{ name: 'right' }]
  if (key.pageUp) return [{ name: 'pageup' }]
  if (key.pageDown) return [{ name: 'pagedown' }]
  if (key.return) return [{ name: 'enter' }]
  if (key.escape) return [{ name: 'escape' }]
  if (key.tab) return [{ name: key.shift ? 'shift+tab' : 'tab' }]
  if (key.backspace || key.delete) return [{ name: 'backspace' }]
  if (key.ctrl) return [{ name: `ctrl+${input}` }]
  if (key.meta) return []
  return [...input].flatMap((char): KeyPress[] => {
    if (char === '\r' || char === '\n') return [{ name: 'enter' }]
    if (char === '\t') return [{ name: 'tab' }]
    if (char === '\u007f' || char === '\b') return [{ name: 'backspace' }]
    if (char === '\u0003') return [{ name: 'ctrl+c' }]
    return char >= ' ' ? [{ text: char }] : []
  })
}

/** The name under which a typed character is bound. */
export const boundName = (press: KeyPress): string => ('name' in press ? press.name : press.text === ' ' ? 'space' : press.text)
