import { isMap, isScalar, parseDocument, Scalar, type YAMLMap } from 'yaml'
import type { Json } from '../contract.ts'

/**
 * Fills templates through the YAML document API, never by string replacement: a value cannot change the structure.
 */

/**
 * The template with the map at `path` holding exactly `values`. Keys of the template that are wanted keep their place and
 * their comments, the others go, new ones are added at the end. Values are written as strings.
 *
 * @throws where the template has no map at `path`.
 */
export function fillMap(template: string, path: readonly string[], values: Record<string, string>): string {
  const doc = parseDocument(template)
  const map = doc.getIn(path)
  if (doc.errors.length > 0 || !isMap(map)) throw new Error(`the template has no map at ${path.join('.')}`)
  map.items = map.items.filter((pair) => isScalar(pair.key) && String(pair.key.value) in values)
  for (const [key, value] of Object.entries(values)) {
    const text = new Scalar(value)
    text.type = Scalar.QUOTE_DOUBLE
    const pair = map.items.find((item) => isScalar(item.key) && item.key.value === key)
    if (pair) {
      const old = pair.value
      if (isScalar(old) && old.comment) text.comment = old.comment
      pair.value = text
    } else (map as YAMLMap<unknown, unknown>).add(doc.createPair(key, text))
  }
  return doc.toString({ lineWidth: 0 })
}

/** A filled template as the plain value that a patch argument carries. */
export function asPatch(yaml: string): Json {
  return parseDocument(yaml).toJS() as Json
}
