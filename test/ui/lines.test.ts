import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { beside, cut, cutStart, fitLine, pad, sized, span, width, windowAt, wrap } from '../../src/ui/tui/lines.ts'

/** Names, sentences, wide characters, emoji of several code points, accents of their own, and long runs without a space. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('a', 'é', 'e\u0301', '漢', '👩‍👩‍👧', 'ｗ', '…', ' ', '한') }),
  fc.string({ unit: 'grapheme-ascii', minLength: 60, maxLength: 200 }).map((t) => t.replaceAll(' ', 'x')),
)
const lines = fc.array(text, { maxLength: 5 }).map((t) => t.join('\n'))
const cells = fc.integer({ min: 2, max: 60 })
const spans = fc.array(
  text.map((t) => span(t)),
  { maxLength: 6 },
)
const widthOf = (line: { text: string }[]) => line.reduce((n, s) => n + width(s.text), 0)
const plainText = (given: string) => given.replace(/\s+/g, '')

describe('the width of a text', () => {
  test.each([
    ['', 0],
    ['plain', 5],
    ['é', 1],
    ['e\u0301', 1],
    ['漢字', 4],
    ['👩‍👩‍👧', 2],
    ['ｗ', 2],
    ['✓', 1],
    ['─', 1],
  ])('of %j is %i cells', (given, expected) => {
    expect(width(given)).toBe(expected)
  })

  test('is the sum of its parts where they do not run together', () => {
    fc.assert(fc.property(text, text, (a, b) => width(`${a} ${b}`) === width(a) + 1 + width(b)))
  })
})

describe('cut', () => {
  test('is never wider than asked, and leaves alone what fits', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 60 }), (given, n) => {
        const result = cut(given, n)
        expect(width(result)).toBeLessThanOrEqual(n)
        if (width(given) <= n) expect(result).toBe(given)
        else if (n > 0) expect(result.endsWith('…')).toBe(true)
      }),
    )
  })

  test('from the start keeps the end', () => {
    fc.assert(
      fc.property(text, cells, (given, n) => {
        const result = cutStart(given, n)
        expect(width(result)).toBeLessThanOrEqual(n)
        expect(given.endsWith(result.replace(/^…/, ''))).toBe(true)
      }),
    )
  })
})

describe('wrap', () => {
  test('never makes a line wider than asked, but for one character that is wider itself', () => {
    fc.assert(
      fc.property(lines, cells, (given, n) => {
        for (const line of wrap(given, n)) expect(width(line)).toBeLessThanOrEqual(Math.max(n, leadOf(given) + 2))
      }),
    )
  })

  test('with an indent that fits is not wider either', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 10, max: 60 }), (given, n) => {
        const trimmed = given.trimStart()
        for (const line of wrap(trimmed, n, '    ')) expect(width(line)).toBeLessThanOrEqual(n)
      }),
    )
  })

  test('loses no character', () => {
    fc.assert(fc.property(lines, cells, (given, n) => plainText(wrap(given, n).join('')) === plainText(given)))
  })

  test('breaks at spaces, and a word that is too long where it must', () => {
    expect(wrap('the quick brown fox', 10)).toEqual(['the quick', 'brown fox'])
    expect(wrap('/a/very/long/path is here', 8)).toEqual(['/a/very/', 'long/pat', 'h is', 'here'])
    expect(wrap('  indented text goes on', 12)).toEqual(['  indented', '  text goes', '  on'])
    expect(wrap('', 10)).toEqual([''])
  })
})

/** Blanks at the start of a line stay as they are, so a line of more blanks than cells is as wide as they are. */
const leadOf = (given: string): number => Math.max(...given.split('\n').map((l) => (/^ */.exec(l)?.[0] ?? '').length))

describe('a line that must fit', () => {
  test('is exactly as wide as asked, whatever is in it', () => {
    fc.assert(fc.property(spans, cells, (line, n) => widthOf(fitLine(line, n)) === n))
  })

  test('sized and padded texts are as wide as asked', () => {
    fc.assert(
      fc.property(text, cells, (given, n) => {
        expect(width(sized(given, n))).toBe(n)
        expect(width(pad(given, n))).toBe(Math.max(n, width(given)))
      }),
    )
  })

  test('two columns are as wide as both and what is between', () => {
    fc.assert(
      fc.property(fc.array(spans), fc.array(spans), cells, cells, (left, right, a, b) => {
        for (const line of beside(left, a, right, b, ' | ', 4)) expect(widthOf(line)).toBe(a + 3 + b)
      }),
    )
  })
})

describe('a window on a list', () => {
  test('holds what must be kept, stays inside, and does not jump where nothing asks for it', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 1, max: 50 }), fc.nat(200), fc.nat(200), (length, rows, keep, offset) => {
        fc.pre(keep < length)
        const at = windowAt(length, rows, keep, offset)
        expect(at).toBeGreaterThanOrEqual(0)
        expect(at).toBeLessThanOrEqual(Math.max(0, length - rows))
        expect(keep).toBeGreaterThanOrEqual(at)
        expect(keep).toBeLessThan(at + rows)
        if (offset <= Math.max(0, length - rows) && keep >= offset && keep < offset + rows) expect(at).toBe(offset)
      }),
    )
  })
})
