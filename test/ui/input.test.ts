import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { boundName, keysOf } from '../../src/ui/tui/input.ts'

const names = (input: string) => keysOf(input, {}).map((press) => ('text' in press ? press.text : `<${press.name}>`))

describe('what arrives in one read is taken apart', () => {
  test.each([
    ['+++', ['+', '+', '+']],
    ['ab\r', ['a', 'b', '<enter>']],
    ['\r\n', ['<enter>', '<enter>']],
    ['a\tb', ['a', '<tab>', 'b']],
    ['ab\u007f\u007f', ['a', 'b', '<backspace>', '<backspace>']],
    ['\u0015new', ['<ctrl+u>', 'n', 'e', 'w']],
    ['q\u0003', ['q', '<ctrl+c>']],
    ['漢👩', ['漢', '👩']],
    ['\u0000', ['<ctrl+`>']],
    ['\u001f', []],
  ])('%j', (input, expected) => {
    expect(names(input)).toEqual(expected)
  })

  test('a chunk is the same as its characters one by one, wherever it is cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), fc.nat(), (text, at) => {
        const cut = at % (text.length + 1)
        expect([...names(text.slice(0, cut)), ...names(text.slice(cut))]).toEqual(names(text))
      }),
    )
  })

  test('no control character is ever text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) =>
        keysOf(text, {}).every((p) => !('text' in p) || (p.text >= ' ' && p.text !== '\u007f')),
      ),
    )
  })

  test('esc right before a key is esc and that key', () => {
    expect(keysOf('q', { meta: true })).toEqual([{ name: 'escape' }, { text: 'q' }])
    expect(keysOf('', { downArrow: true, meta: true })).toEqual([{ name: 'escape' }, { name: 'down' }])
    expect(keysOf('', { escape: true, meta: true })).toEqual([{ name: 'escape' }, { name: 'escape' }])
    expect(keysOf('', { return: true, meta: true })).toEqual([{ name: 'escape' }])
  })

  test('keys that Ink names have their names', () => {
    expect(keysOf('', { upArrow: true })).toEqual([{ name: 'up' }])
    expect(keysOf('', { tab: true, shift: true })).toEqual([{ name: 'shift+tab' }])
    expect(keysOf('u', { ctrl: true })).toEqual([{ name: 'ctrl+u' }])
    expect(keysOf('', { downArrow: true, meta: true, eventType: 'press' })).toEqual([{ name: 'down' }])
    expect(keysOf('', { home: true })).toEqual([{ name: 'home' }])
    expect(keysOf('', { delete: true })).toEqual([{ name: 'delete' }])
    expect(keysOf('', { backspace: true })).toEqual([{ name: 'backspace' }])
    expect(keysOf('', { return: true })).toEqual([{ name: 'enter' }])
    expect(boundName({ text: ' ' })).toBe('space')
    expect(boundName({ text: 'q' })).toBe('q')
    expect(boundName({ name: 'enter' })).toBe('enter')
  })
})
