import { dirname, join, normalize } from 'node:path/posix'
import { type Import, importsOf, lineAt, nodesOf, type SourceFile } from './source.ts'

/** The rules of the house (docs/architecture.md): who may import what, and what nobody does. Each violation is one sentence. */

type Layer = 'cli' | 'ui' | 'steps' | 'observe' | 'tools' | 'practice' | 'engine' | 'domain' | 'contract' | 'system'

interface Rule {
  layers: Layer[]
  /** Layers whose types alone may be imported. */
  types?: Layer[]
  /** `node:` stands for every module of Node. */
  packages: string[]
}

const RULES: Record<Exclude<Layer, 'cli'>, Rule> = {
  ui: { layers: ['engine', 'contract'], packages: ['ink', 'react', '@inquirer/prompts', 'node:timers/promises'] },
  steps: { layers: ['contract', 'domain'], packages: [] },
  observe: { layers: ['tools', 'system', 'domain', 'contract'], packages: ['yaml', 'node:crypto', 'node:path'] },
  tools: { layers: ['system', 'domain', 'contract'], packages: ['age-encryption', 'node:crypto'] },
  practice: { layers: ['domain', 'contract'], types: ['system'], packages: ['age-encryption', 'yaml', 'node:crypto', 'node:path'] },
  engine: { layers: ['contract'], packages: ['node:crypto'] },
  domain: { layers: ['contract'], packages: ['yaml'] },
  contract: { layers: [], packages: [] },
  system: { layers: [], packages: ['execa', 'node:'] },
}

function layerOf(path: string): Layer | undefined {
  if (path.startsWith('steps/')) return 'steps'
  if (path === 'src/contract.ts') return 'contract'
  if (path === 'src/cli.ts' || path === 'src/start.ts' || path.startsWith('src/cli/')) return 'cli'
  const folder = /^src\/([^/]+)\//.exec(path)?.[1]
  return folder && folder in RULES ? (folder as Layer) : undefined
}

function forbidden(from: SourceFile, imported: Import): string | undefined {
  const layer = layerOf(from.path)
  if (!layer) return 'lies in no layer of the house'
  if (layer === 'cli') return undefined
  const rule = RULES[layer]
  const { specifier, typeOnly } = imported
  if (!specifier.startsWith('.'))
    return rule.packages.some((p) => specifier === p || (p.endsWith(':') && specifier.startsWith(p)))
      ? undefined
      : `${layer} does not import ${specifier}`
  const path = normalize(join(dirname(from.path), specifier))
  const to = layerOf(path)
  if (to === undefined) return `imports ${path}, which lies in no layer of the house`
  if (to === layer || rule.layers.includes(to) || (typeOnly && rule.types?.includes(to))) return undefined
  return rule.types?.includes(to) ? `${layer} imports of ${to} its types alone, not ${path}` : `${layer} does not import ${to} (${path})`
}

export function wrongArrows(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    importsOf(file).flatMap((imported) => {
      const why = forbidden(file, imported)
      return why ? [`${file.path}:${imported.line}: ${why}`] : []
    }),
  )
}

/** What no file does, wherever it lies. */
export function wrongHabits(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    nodesOf(file).flatMap((node) => {
      const say = (what: string) => [`${file.path}:${lineAt(file.text, node.start)}: ${what}`]
      const key = node.key as { name?: string; value?: unknown } | undefined
      switch (node.type) {
        case 'TSEnumDeclaration':
          return say('an enum')
        case 'TSParameterProperty':
          return say('a parameter property')
        case 'ExportDefaultDeclaration':
          return /^steps\/[^/]+\/[^/]+\/step\.ts$/.test(file.path) ? [] : say('a default export')
        case 'Property':
          return key?.name === 'shell' || key?.value === 'shell' ? say('an option "shell"') : []
        default:
          return []
      }
    }),
  )
}

/** Files that import a module, for modules that have one place. */
export function importersOf(files: readonly SourceFile[], modules: readonly string[]): string[] {
  return files.filter((file) => importsOf(file).some((i) => !i.typeOnly && modules.includes(i.specifier))).map((file) => file.path)
}

const FOREIGN_WORDS = /\b(?:talos|kubernetes|kubectl|age)\b/gi

/** Words of the field, by file; the name of the program and the ids of its schemas do not count. */
export function foreignWords(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    file.text.split('\n').flatMap((line, index) => {
      const words = [...line.replaceAll('talos-preflight', '').matchAll(FOREIGN_WORDS)].map((m) => m[0].toLowerCase())
      return [...new Set(words)].map((word) => `${file.path}:${index + 1}: says "${word}"`)
    }),
  )
}
