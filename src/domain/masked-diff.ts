import { isMap, isSeq, parseAllDocuments } from 'yaml'
import type { Block, Json } from '../contract.ts'

/**
 * A structural diff of two machine configurations with every secret masked. talosctl's own diff prints private keys as
 * context lines; this one shows changed paths only, and a value only where our own patch names its path and it is no secret.
 */

/** Field names whose values are secret wherever they stand. Lower case. */
const SECRET_FIELDS = new Set([
  'key',
  'token',
  'secret',
  'clustersecret',
  'bootstraptoken',
  'secretboxencryptionsecret',
  'aescbcencryptionsecret',
  'privatekey',
  'password',
  'passphrase',
  'auth',
  'identitytoken',
  'presharedkey',
  'psk',
])

const looksSecret = (value: string): boolean => /-----BEGIN [A-Z0-9 ]*PRIVATE KEY|LS0tLS1CRUdJTi|AGE-SECRET-KEY|AGE-PLUGIN/i.test(value)

type Leaves = Map<string, { text: string; secret: boolean }>

function collect(value: unknown, path: string[], secret: boolean, into: Leaves): void {
  if (isMap(value)) {
    if (value.items.length === 0) into.set(path.join('.'), { text: '{}', secret: false })
    for (const { key, value: child } of value.items) {
      const name = String(key)
      const plainName = name.toLowerCase()
      collect(child, [...path, name.includes('.') ? `"${name}"` : name], secret || SECRET_FIELDS.has(plainName), into)
    }
    return
  }
  if (isSeq(value)) {
    if (value.items.length === 0) into.set(path.join('.'), { text: '[]', secret: false })
    for (const [index, child] of value.items.entries()) collect(child, [...path, `[${index}]`], secret, into)
    return
  }
  const scalar = value && typeof value === 'object' && 'value' in value ? (value as { value: unknown }).value : value
  const text = String(scalar ?? '')
  into.set(path.join('.'), { text, secret: secret || looksSecret(text) })
}

function leaves(config: string): Leaves {
  const into: Leaves = new Map()
  const seen = new Map<string, number>()
  for (const doc of parseAllDocuments(config)) {
    if (!('contents' in doc) || doc.contents === null) continue
    const kind = doc.get('kind')
    const name = doc.get('name')
    const title = kind ? `${String(kind)}${name ? ` ${String(name)}` : ''}` : ''
    const count = (seen.get(title) ?? 0) + 1
    seen.set(title, count)
    collect(doc.contents, title ? [count > 1 ? `${title} #${count}` : title] : [], false, into)
  }
  return into
}

/** The paths that a patch names; one that deletes names everything below. */
function namedBy(patches: readonly Json[]): string[] {
  return patches.flatMap((patch) => [...leaves(JSON.stringify(patch)).keys()]).map((path) => path.replace(/\.?\$patch$/, ''))
}

/**
 * Lines of what is added, removed and changed, by path, in the order of the new configuration. Values at paths that no patch
 * names are masked as well, so that a field this table does not know can never be shown.
 */
export function maskedDiff(title: string, before: string, after: string, patches: readonly Json[]): Block {
  const [a, b] = [leaves(before), leaves(after)]
  const named = namedBy(patches)
  const mayShow = (path: string) => named.some((n) => path === n || path.startsWith(`${n}.`))
  const lines: { sign: '+' | '-' | ' '; text: string }[] = []
  const say = (path: string, leaf: { text: string; secret: boolean }) =>
    `${path}: ${leaf.secret || !mayShow(path) ? '(not shown)' : leaf.text.includes('\n') ? `(${leaf.text.split('\n').length} lines)` : leaf.text}`
  for (const [path, leaf] of a) if (!b.has(path)) lines.push({ sign: '-', text: say(path, leaf) })
  for (const [path, leaf] of b) {
    const old = a.get(path)
    if (!old) lines.push({ sign: '+', text: say(path, leaf) })
    else if (old.text !== leaf.text) lines.push({ sign: '-', text: say(path, old) }, { sign: '+', text: say(path, leaf) })
  }
  return { type: 'diff', title, lines }
}
