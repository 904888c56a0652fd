import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'rolldown/utils'

/** Reads source files as trees, so that a rule of the house looks at what the program says and not at how it is laid out. */

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface SourceFile {
  /** Below the root, with slashes. */
  path: string
  text: string
}

export interface Import {
  specifier: string
  typeOnly: boolean
  line: number
}

interface Node {
  type: string
  start: number
  [field: string]: unknown
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value

/** Every TypeScript file below these folders. */
export function sourceFiles(folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name))
      .toSorted()
      .map((name) => ({ path: `${folder}/${name}`, text: readFileSync(join(ROOT, folder, name), 'utf8') })),
  )
}

/** Every node of the tree of a file, outermost first. */
export function nodesOf(file: SourceFile): Node[] {
  const parsed = parseSync(file.path, file.text)
  if (parsed.errors.length > 0) throw new Error(`${file.path}: ${parsed.errors[0]?.message}`)
  const found: Node[] = []
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) walk(item)
    else if (isNode(value)) {
      found.push(value)
      for (const field of Object.values(value)) if (typeof field === 'object') walk(field)
    }
  }
  walk(parsed.program)
  return found
}

export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length

const IMPORTING = ['ImportDeclaration', 'ExportAllDeclaration', 'ExportNamedDeclaration', 'ImportExpression', 'TSImportType']

/** Static and dynamic imports, re-exports and types by import. */
export function importsOf(file: SourceFile): Import[] {
  return nodesOf(file).flatMap((node) => {
    const source = node.source
    if (!IMPORTING.includes(node.type) || !isNode(source)) return []
    const specifiers = (node.specifiers ?? []) as { importKind?: string; exportKind?: string }[]
    const typeOnly =
      node.type === 'TSImportType' ||
      node.importKind === 'type' ||
      node.exportKind === 'type' ||
      (specifiers.length > 0 && specifiers.every((s) => s.importKind === 'type' || s.exportKind === 'type'))
    const specifier = typeof source.value === 'string' ? source.value : '(computed)'
    return [{ specifier, typeOnly, line: lineAt(file.text, node.start) }]
  })
}
