import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Json, pairs, plain, plainLine, type Question, wholeNumber, yesNo } from '../../src/contract.ts'

const UNSAFE = /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/u

describe('plain text', () => {
  test.each([
    ['colours', '\u001b[31mred\u001b[0m', 'red'],
    ['the title of a terminal', '\u001b]0;owned\u0007rest', 'rest'],
    ['a link', '\u001b]8;;http://x\u001b\\text\u001b]8;;\u001b\\', 'text'],
    ['a sequence that never ends', 'a\u001b]0;all of this', 'a'],
    ['eight-bit sequences', '\u009b2Jx', 'x'],
    ['other sequences', '\u001b(B\u001bcx\u001b7', 'x'],
    ['text that is turned around', 'a\u202egnp.exe', 'agnp.exe'],
    ['characters that cannot be seen', 'a\u200b\u2060\ufeffb', 'ab'],
    ['bells, zeros and deletions', 'a\u0000\u0007\u0008\u007fb', 'ab'],
    ['tabs', 'a\tb', 'a b'],
    ['line breaks of other systems', 'a\r\nb\rc', 'a\nb\nc'],
    ['letters of any language', 'ä 漢 🙂 é', 'ä 漢 🙂 é'],
  ])('of %s', (_, text, expected) => {
    expect(plain(text)).toBe(expected)
  })

  test('holds nothing unsafe but line breaks, and stays as it is the second time', () => {
    const pieces = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\u001b', '[', ']', '\u009b', '0;', 'm', '\u0007', '\\', '\r', '\n', '\t', '\u202e'),
    )
    fc.assert(
      fc.property(
        fc.array(pieces).map((p) => p.join('')),
        (text) => {
          expect(plain(text).replaceAll('\n', '')).not.toMatch(UNSAFE)
          expect(plain(plain(text))).toBe(plain(text))
        },
      ),
    )
  })

  test('on one line is as short as it must be', () => {
    expect(plainLine('  a\n\n b\tc  ')).toBe('a b c')
    expect(plainLine('x'.repeat(400))).toBe(`${'x'.repeat(299)}…`)
    expect(plainLine('abcdef', 4)).toBe('abc…')
  })
})

describe('a question', () => {
  const roundTrips = <T extends Json>(question: Question<T>, values: fc.Arbitrary<T>) =>
    fc.assert(
      fc.property(values, (value) => {
        expect(question.parse(question.format(value))).toEqual({ value })
      }),
    )

  test('of yes or no takes what people type', () => {
    const question = yesNo('Light?', { default: true })
    for (const text of ['y', 'Yes', ' TRUE ']) expect(question.parse(text)).toEqual({ value: true })
    for (const text of ['n', 'No', 'false']) expect(question.parse(text)).toEqual({ value: false })
    for (const text of ['', '1', 'maybe', 'yes no']) expect(question.parse(text)).toEqual({ error: `"${text}" is neither yes nor no` })
    roundTrips(question, fc.boolean())
  })

  test('of a number takes whole ones in its range', () => {
    const question = wholeNumber('Days?', { default: 7, min: 1, max: 365, unit: 'days' })
    expect(question.hint).toBe('a whole number of days, 1 to 365')
    expect(question.parse(' 12 ')).toEqual({ value: 12 })
    for (const text of ['0', '366', '1.5', '-1', '1e2', '0x10', '', 'seven', '٣'])
      expect(question.parse(text)).toEqual({ error: `"${text}" is not a whole number of days from 1 to 365` })
    roundTrips(question, fc.integer({ min: 1, max: 365 }))
  })

  test('of pairs takes them apart at commas and spaces and checks each', () => {
    const question = pairs('Keys?', { hint: 'KEY=VALUE', check: (key) => (key === 'bad' ? 'bad is not taken' : undefined) })
    expect(question.parse('a=1, b=2\n c=x=y')).toEqual({ value: { a: '1', b: '2', c: 'x=y' } })
    expect(question.parse('')).toEqual({ value: {} })
    expect(question.parse('a')).toEqual({ error: '"a" is not KEY=VALUE' })
    expect(question.parse('=1')).toEqual({ error: '"=1" is not KEY=VALUE' })
    expect(question.parse('bad=1')).toEqual({ error: 'bad is not taken' })
    expect(question.parse('a=1 a=1')).toEqual({ value: { a: '1' } })
    expect(question.parse('a=1 a=2')).toEqual({ error: '"a" is given twice' })
    const word = fc.stringMatching(/^[a-z][a-z0-9.]{0,8}$/).filter((w) => w !== 'bad')
    roundTrips(question, fc.dictionary(word, fc.stringMatching(/^[a-z0-9=.-]{0,8}$/), { noNullPrototype: true }))
  })
})
