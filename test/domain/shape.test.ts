import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nearest } from '../../src/domain/nearest.ts'
import { answer, constant, list, object, oneOf, readYaml, record, text } from '../../src/domain/shape.ts'

const shape = object(
  {
    version: constant(1),
    name: text('a name'),
    colour: oneOf('red', 'green'),
    sizes: list(text('a size', /^\d+cm$/)),
    answers: record(record(answer(), 'a question'), 'a step'),
    inner: object({ left: text('a side') }, ['left']),
  },
  ['version', 'name'],
)

const problems = (source: string) => {
  const read = readYaml(source, shape)
  if (!('problems' in read)) throw new Error('was accepted')
  return read.problems
}

describe('a file of a known shape', () => {
  test('gives its value, numbers and truths of answers as the text that was typed', () => {
    const source = 'version: 1\nname: a\nsizes: [1cm, 20cm]\nanswers: {X-01: {days: 7, log: true, word: yes}}\n'
    expect(readYaml(source, shape)).toEqual({
      value: { version: 1, name: 'a', sizes: ['1cm', '20cm'], answers: { 'X-01': { days: '7', log: 'true', word: 'yes' } } },
    })
  })

  test('takes an optional key without a value as absent', () => {
    expect(readYaml('version: 1\nname: a\nsizes:\ncolour:\n', shape)).toEqual({ value: { version: 1, name: 'a' } })
  })

  test('names line, column, place and what was expected of a wrong value', () => {
    expect(problems('version: 1\nname: a\ncolour: blue\n')).toEqual([
      { line: 3, column: 9, path: 'colour', message: 'expected one of red, green, found "blue"' },
    ])
    expect(problems('version: 1\nname: a\nsizes:\n  - 1cm\n  - big\n')).toEqual([
      { line: 5, column: 5, path: 'sizes[1]', message: 'expected a size, found "big"' },
    ])
  })

  test('says what stands there instead of a text, a list, a map', () => {
    expect(problems('version: 1\nname: [a]\n')[0]?.message).toBe('expected a name, found a list')
    expect(problems('version: 1\nname: {a: b}\n')[0]?.message).toBe('expected a name, found a map')
    expect(problems('version: 1\nname: 7\n')[0]?.message).toBe('expected a name, found 7')
    expect(problems('version: 1\nname:\n')[0]?.message).toBe('expected a name, found nothing')
    expect(problems('version: 1\nname: ""\n')[0]?.message).toBe('expected a name, found ""')
    expect(problems('version: 1\nname: a\nsizes: 1cm\n')[0]?.message).toBe('expected a list, each a size, found "1cm"')
    expect(problems('version: 1\nname: a\nanswers: [x]\n')[0]?.message).toBe(
      'expected a map from a step to a map from a question to a single value, found a list',
    )
    expect(problems('- 1\n')[0]?.message).toBe('expected a map with version, name, colour, sizes, answers, inner, found a list')
  })

  test('names an unknown key with the one that was probably meant', () => {
    expect(problems('version: 1\nname: a\ncolor: red\n')).toEqual([
      { line: 3, column: 1, path: 'color', message: 'unknown key "color", did you mean "colour"' },
    ])
  })

  test('names an unknown key with those that are known where none is near', () => {
    expect(problems('version: 1\nname: a\ninner:\n  left: a\n  weather: b\n')).toEqual([
      { line: 5, column: 3, path: 'inner.weather', message: 'unknown key "weather", known here: left' },
    ])
  })

  test('takes words that every object of JavaScript knows for unknown keys too', () => {
    for (const word of ['constructor', 'toString', 'hasOwnProperty', '__proto__'])
      expect(problems(`version: 1\nname: a\n${word}: 1\n`)[0]?.message).toMatch(/^unknown key/)
    const read = readYaml('version: 1\nname: a\nanswers: {__proto__: {a: 1}}\n', shape)
    expect(read).toHaveProperty('value')
    expect('value' in read && Object.keys(read.value.answers ?? {})).toEqual(['__proto__'])
  })

  test('names a missing key at the map that lacks it', () => {
    expect(problems('version: 1\nname: a\ninner: {}\n')).toEqual([
      { line: 3, column: 8, path: 'inner.left', message: 'missing key "left", expected a side' },
    ])
  })

  test('refuses a key that stands twice, at its second place', () => {
    const [first] = problems('version: 1\nname: a\nname: b\n')
    expect(first).toMatchObject({ line: 3, column: 1, message: 'Map keys must be unique' })
  })

  test('refuses what is no YAML, with its place', () => {
    const [first] = problems('version: 1\nname: "a\n')
    expect(first).toMatchObject({ line: 3, column: 1 })
    expect(first?.message).not.toMatch(/line \d/)
  })

  test('refuses an empty file and an alias where a value is expected', () => {
    expect(problems('')[0]).toMatchObject({ line: 1, column: 1 })
    expect(problems('version: 1\nname: &n a\ninner: {left: *n}\n')[0]?.message).toBe('expected a side, found nothing')
  })

  test('lists problems in the order of the file', () => {
    expect(problems('colour: blue\nversion: 2\nnmae: a\n').map((p) => [p.line, p.column])).toEqual([
      [1, 1],
      [1, 9],
      [2, 10],
      [3, 1],
    ])
  })

  test('never throws, and names a place inside of the file, whatever it is given', () => {
    const pieces = fc.constantFrom(
      'version',
      ': ',
      '1',
      '\n',
      'name',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '"',
      '&a ',
      '*a',
      '|\n',
      '#',
      '  ',
      '? ',
      '!!x ',
      'é',
      '\t',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces, { maxLength: 25 }).map((p) => p.join('')),
        ),
        (source) => {
          const read = readYaml(source, shape)
          if (!('problems' in read)) return
          expect(read.problems.length).toBeGreaterThan(0)
          for (const problem of read.problems) {
            expect(problem.line).toBeGreaterThanOrEqual(1)
            expect(problem.line).toBeLessThanOrEqual(source.split(/\r\n|\r|\n/).length)
            expect(problem.column).toBeGreaterThanOrEqual(1)
          }
        },
      ),
    )
  })
})

describe('the nearest known name', () => {
  test('is the one with at most two letters wrong, swapped neighbours counting as one', () => {
    expect(nearest('recipeints', ['recipients', 'nodes'])).toBe('recipients')
    expect(nearest('Nodes', ['recipients', 'nodes'])).toBe('nodes')
    expect(nearest('node', ['recipients', 'nodes'])).toBe('nodes')
    expect(nearest('chekc', ['check', 'keys'])).toBe('check')
    expect(nearest('weather', ['recipients', 'nodes'])).toBeUndefined()
    expect(nearest('x', [])).toBeUndefined()
  })
})
