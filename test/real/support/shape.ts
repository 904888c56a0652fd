import { isMachineConfig } from '../../../src/observe/parse.ts'

/**
 * What two runs of the same command have in common: types of JSON fields, heads of tables, templates of messages. Everything that
 * is secret or differs from run to run is replaced before it is written or compared.
 */

/** How an answer is compared; found by itself where it is not said. */
export type Form = 'lines' | 'names' | 'log' | 'machine log' | 'pod log' | 'config' | 'bundle' | 'sealed' | 'sockets' | 'cells' | 'metrics'

export interface Recording {
  /** What is special about this call, in a few words. */
  case: string
  tool: string
  /** With placeholders for addresses, paths and contexts. */
  argv: string[]
  exitCode: number
  /** What went to its standard input. */
  input?: string
  stdout: Stream
  stderr: Stream
  /** Why practice has nothing like it. */
  beyondPractice?: string
}
export interface Stream {
  shape: string[]
  /** Absent where it would hold secrets, or differs with every run. */
  text?: string
  form?: Form
  /** Paths of the JSON fields that are compared, where the rest differs from run to run and nobody reads it. */
  fields?: string[]
}

/** Actual values and what stands for them in a recording. */
export type Places = Readonly<Record<string, string>>

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

const GENERIC: [RegExp, string][] = [
  [/-----BEGIN [A-Z0-9 ]+-----[\s\S]*?-----END [A-Z0-9 ]+-----/g, '<pem>'],
  [/LS0tLS1CRUdJTi[A-Za-z0-9+/=]+/g, '<pem>'],
  [/AGE-SECRET-KEY-[A-Z0-9-]+/gi, '<identity>'],
  [/age1[a-z0-9]{58}/g, '<recipient>'],
  [/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})/g, '<time>'],
  [/\bhash [0-9a-f]{6,8}\b/g, 'hash <hash>'],
  // an id with zeros in front is shorter
  [/\b[0-9a-f]{14,64}\b/g, '<hex>'],
  [/[A-Za-z0-9+/_-]{40,}={0,2}/g, '<id>'],
  [/\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g, '<token>'],
  [/(?<![\w.<])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)/g, '<ip>'],
]

/** The text without secrets, and with placeholders for what this machine and this run made up. */
export function redact(text: string, places: Places): string {
  let result = text
  for (const [value, name] of Object.entries(places).toSorted(([a], [b]) => b.length - a.length))
    result = result.replace(new RegExp(`(?<![\\w.])${escaped(value)}(?![\\w]|\\.\\d)`, 'g'), name)
  for (const [pattern, name] of GENERIC) result = result.replace(pattern, name)
  // the diff of a dry run shows keys as context lines
  return result.replace(/(^Config diff:\n)[\s\S]*/m, '$1<diff>\n')
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `[${[...new Set(value.map(typeOf))].toSorted().join('|')}]`
  if (typeof value === 'object')
    return `{${Object.entries(value as object)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => `${k}: ${typeOf(v)}`)
      .join(', ')}}`
  return typeof value
}

/** The values of a JSON text or of several of them one after the other, or undefined where it is none. */
function jsonValues(text: string): unknown[] | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    return text
      .split(/(?<=^\}$)/m)
      .filter((piece) => piece.trim())
      .map((piece) => JSON.parse(piece))
  } catch {
    return undefined
  }
}

/** Types of the values at a path such as `items[].metadata.labels.*`; `absent` where no object has it. */
function typesAt(values: readonly unknown[], path: string): string {
  let found = [...values]
  for (const word of path.split(/\.|(?=\[\])/)) {
    const inner = (value: unknown): unknown[] => {
      if (word === '[]') return Array.isArray(value) ? value : []
      if (!value || typeof value !== 'object' || Array.isArray(value)) return []
      return word === '*' ? Object.values(value) : word in value ? [(value as Record<string, unknown>)[word]] : []
    }
    found = found.flatMap(inner)
  }
  const types = unique(
    found.map((v) => (v && typeof v === 'object' ? (Array.isArray(v) ? 'list' : 'map') : v === null ? 'null' : typeof v)),
  )
  return `${path}: ${types.join('|') || 'absent'}`
}

const ADDRESS = String.raw`(?:<[\w ]+>|[\d.]+|[0-9a-f:]*::?[0-9a-f:.]*)`
/** A row of `netstat`: node, protocol, queues, both ends, state, program, pod. */
const SOCKET = new RegExp(
  String.raw`^<\w+> +(?:tcp|udp)6? +\d+ +\d+ +${ADDRESS}:\d+ +${ADDRESS}:(?:\d+|\*) +(?:[A-Z][A-Z0-9_]+ +)?(?:-|\d+/\S+) +(?:-|\S+/\S+) *$`,
)

function kindOf(cell: string): string {
  if (/^\{.*\}$/.test(cell)) return 'map'
  if (/^(\[.*\] ?)+$/.test(cell)) return 'lists'
  return 'words'
}

/** Of lines with tabs in them: what each column holds, where it holds something. */
function columnsOf(lines: readonly string[]): string[] {
  const rows = lines.map((line) => line.split('\t'))
  const counts = unique(rows.map((r) => `${r.length} columns`))
  const most = Math.max(...rows.map((r) => r.length))
  const columns = Array.from({ length: most }, (_, i) => unique(rows.flatMap((r) => (r[i] ? [kindOf(r[i])] : []))).join('|'))
  return [...counts, ...columns.map((kinds, i) => `column ${i + 1}: ${kinds || 'empty'}`)]
}

const isBundle = (text: string): boolean => /^certs:/m.test(text) && /^trustdinfo:/m.test(text)
const METRIC = /^apiserver_storage_transformation_operations_total\{.*transformation_type="to_storage"/

// talosctl 1.14 writes the escape character out
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a log
const COLOURS = /(?:\u001b|\\x1b)\[\d+m/g

/** A message with its numbers taken out; columns stay apart, whatever their width is. */
function template(line: string): string {
  const sorted = line.startsWith('WARNING: ') ? `WARNING: ${line.slice(9).split(', ').toSorted()[0]}` : line
  return sorted
    .trimEnd()
    .replace(/^(fatal: not a git repository).*/, '$1')
    .replace(/(malformed recipient "[^"]*"): .*/, '$1: <why>')
    .replace(/ {2,}|\t+/g, '  ')
    .replace(/\b(v|go)\d+(\.\d+)+/g, '$1#')
    .replace(/(?<![A-Za-z0-9.])\d+(\.\d+)*(?![A-Za-z])/g, '#')
}

const unique = (lines: readonly string[]): string[] => [...new Set(lines)].toSorted()

/** The shape of a text that went through `redact`. */
export function shapeOf(text: string, form?: Form, fields?: readonly string[]): string[] {
  if (text.trim() === '') return []
  if (fields) {
    const objects = jsonValues(text)
    return objects ? fields.map((path) => typesAt(objects, path)) : ['something else than JSON']
  }
  if (form === 'bundle') return [isBundle(text) ? 'secrets bundle' : 'something else than a secrets bundle']
  if (form === 'sealed') return [text.startsWith('age-encryption.org/v1\n') ? 'age file' : 'something else than an age file']
  if (form === 'config') return [isMachineConfig(text) ? 'machine config' : 'something else than a machine config']
  const values = form ? undefined : jsonValues(text)
  if (values) return unique(values.map(typeOf))
  const lines = text.split('\n').filter((l) => l.trim() !== '' && !l.startsWith('Stopping at filesystem boundary'))
  if (form === 'names')
    return unique(
      lines.map((line) => (/^NODE\s+NAME\s*$/.test(line) ? 'NODE  NAME' : line.replace(/(\S+)\s*$/, '<name>').replace(/ {2,}/g, '  '))),
    )
  if (form === 'log')
    return unique(
      lines.map((line) =>
        /^<\w+>: <time> [A-Z]+ .*\{"component": "/.test(line.replace(COLOURS, '')) ? '<node>: <time> LEVEL text {json}' : '(other)',
      ),
    )
  // what the kernel says is in it, too
  if (form === 'machine log')
    return unique(lines.flatMap((line) => (/^<\w+>: .*\[talos\] /.test(line) ? ['<node>: TIME [talos] text'] : [])))
  if (form === 'pod log')
    return unique(lines.map((line) => (/^<\w+>: <time> (stdout|stderr) [FP] /.test(line) ? '<node>: <time> STREAM F text' : '(other)')))
  if (form === 'sockets') {
    const [head = '', ...rest] = lines
    return [head.trim().replace(/ {2,}/g, '  '), ...unique(rest.map((line) => (SOCKET.test(line) ? 'socket' : `(other) ${line}`)))]
  }
  if (form === 'cells') return columnsOf(lines)
  if (form === 'metrics')
    return unique(lines.filter((l) => METRIC.test(l)).map((l) => l.replace(/^\w+/, '<operations>').replace(/ \S+$/, ' #')))
  return unique(lines.map(template))
}

const WITHHELD: readonly (Form | undefined)[] = ['config', 'bundle', 'sealed', 'log', 'machine log', 'pod log', 'sockets', 'metrics']

/** One stream as it is recorded. A text that is secret or differs with every run keeps its shape alone. */
export function recorded(text: string, places: Places, form?: Form, fields?: readonly string[]): Stream {
  const clean = redact(text, places)
  const withheld = WITHHELD.includes(form) || fields !== undefined || clean.includes('"type": "MachineConfigs')
  return {
    // what is withheld need not be clean
    shape: shapeOf(['sealed', 'config', 'bundle', 'metrics'].includes(form ?? '') ? text : clean, form, fields),
    ...(form ? { form } : {}),
    ...(fields ? { fields: [...fields] } : {}),
    ...(withheld || clean === '' ? {} : { text: clean }),
  }
}
