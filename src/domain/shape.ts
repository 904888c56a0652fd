import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { nearest } from './nearest.ts'

/**
 * Shapes of files that people write: one declaration gives the check (with line, column and what was expected), the type and
 * the published JSON Schema.
 */

export interface Problem {
  line: number
  column: number
  /** Where in the file, e.g. `recipients[0].opens`. */
  path: string
  message: string
}

interface Walk {
  problems: Problem[]
  at: (node: unknown) => { line: number; column: number }
}

export interface Shape<T> {
  read: (node: unknown, path: string, walk: Walk) => T | undefined
  /** What was expected, in words. */
  expected: string
  /** JSON Schema, draft 2020-12. */
  schema: Record<string, unknown>
}

export type TypeOf<S> = S extends Shape<infer T> ? T : never

const found = (node: unknown): string => {
  if (isMap(node)) return 'a map'
  if (isSeq(node)) return 'a list'
  if (isScalar(node))
    return node.value === null ? 'nothing' : `${typeof node.value === 'string' ? `"${node.value.slice(0, 40)}"` : String(node.value)}`
  return 'nothing'
}

function complain(walk: Walk, node: unknown, path: string, message: string): undefined {
  walk.problems.push({ ...walk.at(node), path, message })
  return undefined
}

const scalar = <T>(expected: string, schema: Record<string, unknown>, accept: (value: unknown) => T | undefined): Shape<T> => ({
  expected,
  schema,
  read: (node, path, walk) => {
    const value = isScalar(node) ? accept(node.value) : undefined
    return value === undefined ? complain(walk, node, path, `expected ${expected}, found ${found(node)}`) : value
  },
})

/** `accepts` where a pattern cannot say all of it. */
export const text = (expected = 'a text', pattern?: RegExp, accepts: (value: string) => boolean = () => true): Shape<string> =>
  scalar(expected, { type: 'string', description: expected, minLength: 1, ...(pattern ? { pattern: pattern.source } : {}) }, (v) =>
    typeof v === 'string' && v !== '' && (!pattern || pattern.test(v)) && accepts(v) ? v : undefined,
  )

export const oneOf = <const T extends string>(...values: T[]): Shape<T> =>
  scalar(`one of ${values.join(', ')}`, { enum: values }, (v) => values.find((x) => x === v))

export const constant = <const T extends number>(value: T): Shape<T> =>
  scalar(String(value), { const: value }, (v) => (v === value ? value : undefined))

/** Any single value, as the text that a person would have typed. */
export const answer = (): Shape<string> =>
  scalar('a single value', { type: ['string', 'number', 'boolean'] }, (v) =>
    typeof v === 'string' || typeof v === 'number' || typeof v === 'boolean' ? String(v) : undefined,
  )

export const list = <T>(item: Shape<T>): Shape<T[]> => ({
  expected: `a list, each ${item.expected}`,
  schema: { type: 'array', items: item.schema },
  read: (node, path, walk) =>
    isSeq(node)
      ? node.items.map((child, i) => item.read(child, `${path}[${i}]`, walk)).filter((v) => v !== undefined)
      : complain(walk, node, path, `expected a list, each ${item.expected}, found ${found(node)}`),
})

export const record = <T>(value: Shape<T>, key = 'a name'): Shape<Record<string, T>> => ({
  expected: `a map from ${key} to ${value.expected}`,
  schema: { type: 'object', additionalProperties: value.schema },
  read: (node, path, walk) => {
    if (!isMap(node)) return complain(walk, node, path, `expected a map from ${key} to ${value.expected}, found ${found(node)}`)
    const out: [string, T][] = []
    for (const pair of node.items) {
      const name = String(isScalar(pair.key) ? pair.key.value : pair.key)
      const read = value.read(pair.value, path ? `${path}.${name}` : name, walk)
      if (read !== undefined) out.push([name, read])
    }
    return Object.fromEntries(out)
  },
})

type Fields = Record<string, Shape<unknown>>
type ObjectOf<F extends Fields, R extends keyof F> = { [K in R]: TypeOf<F[K]> } & { [K in Exclude<keyof F, R>]?: TypeOf<F[K]> }

/** A map with known keys only; an unknown one is a problem and the nearest known one is named. */
export function object<F extends Fields, R extends keyof F & string>(fields: F, required: R[]): Shape<ObjectOf<F, R>> {
  const names = Object.keys(fields)
  return {
    expected: `a map with ${names.join(', ')}`,
    schema: {
      type: 'object',
      properties: Object.fromEntries(names.map((n) => [n, fields[n]?.schema])),
      required,
      additionalProperties: false,
    },
    read: (node, path, walk) => {
      if (!isMap(node)) return complain(walk, node, path, `expected a map with ${names.join(', ')}, found ${found(node)}`)
      const out: Record<string, unknown> = {}
      const seen = new Set<string>()
      for (const pair of node.items) {
        const name = String(isScalar(pair.key) ? pair.key.value : pair.key)
        const field = Object.hasOwn(fields, name) ? fields[name] : undefined
        seen.add(name)
        if (!field) {
          const near = nearest(name, names)
          complain(
            walk,
            pair.key,
            path ? `${path}.${name}` : name,
            `unknown key "${name}"${near ? `, did you mean "${near}"` : `, known here: ${names.join(', ')}`}`,
          )
          continue
        }
        if (isScalar(pair.value) && pair.value.value === null && !(required as string[]).includes(name)) continue
        const value = field.read(pair.value, path ? `${path}.${name}` : name, walk)
        if (value !== undefined) out[name] = value
      }
      for (const name of required)
        if (!seen.has(name))
          complain(walk, node, path ? `${path}.${name}` : name, `missing key "${name}", expected ${fields[name]?.expected}`)
      return out as ObjectOf<F, R>
    },
  }
}

/** Reads YAML text by a shape. Problems are sorted by place; with any, there is no value. */
export function readYaml<T>(source: string, shape: Shape<T>): { value: T } | { problems: Problem[] } {
  const lines = new LineCounter()
  const doc = parseDocument(source, { lineCounter: lines, uniqueKeys: true })
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const walk: Walk = { problems: [], at: (node) => place((node as Node | undefined)?.range?.[0] ?? 0) }
  for (const error of doc.errors)
    walk.problems.push({
      ...place(error.pos[0]),
      path: '',
      message: error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? 'not YAML',
    })
  if (walk.problems.length > 0) return { problems: walk.problems }
  const resolved = isAlias(doc.contents) ? doc.contents.resolve(doc) : doc.contents
  const value = shape.read(resolved, '', walk)
  if (walk.problems.length > 0 || value === undefined)
    return { problems: walk.problems.toSorted((a, b) => a.line - b.line || a.column - b.column) }
  return { value }
}
