import { isMap, isScalar, parseDocument, Scalar, type YAMLMap } from 'yaml'
import type { Json } from '../contract.ts'

/**
 * Fills templates through the YAML document API, never by string replacement: a value cannot change the structure.
 */

/**
 * The template with the map at `path` holding exactly `values`. Keys of the template that are wanted keep their place, the
 * others go, new ones are added at the end. A comment stands for the keys up to the next one and stays while one of them does.
 * Values are written as strings.
 *
 * @throws where the template has no map at `path`.
 */
export function fillMap(template: string, path: readonly string[], values: Record<string, string>): string {
  const doc = parseDocument(template)
  const map = doc.getIn(path)
  if (doc.errors.length > 0 || !isMap(map)) throw new Error(`the template has no map at ${path.join('.')}`)
  map.items = keptWithComments(map, (key) => Object.hasOwn(values, key))
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

/** The items that stay, with the comment of an item that goes handed on to the next one that it stands for. */
function keptWithComments(map: YAMLMap, wanted: (key: string) => boolean): YAMLMap['items'] {
  // the comment of the first item is held by the map
  let comment = map.commentBefore
  map.commentBefore = null
  return map.items.filter(({ key }) => {
    if (!isScalar(key)) return false
    comment = key.commentBefore ?? comment
    if (!wanted(String(key.value))) return false
    key.commentBefore = comment ?? null
    comment = undefined
    return true
  })
}

/** A filled template as the plain value that a patch argument carries. */
export function asPatch(yaml: string): Json {
  return parseDocument(yaml).toJS() as Json
}
