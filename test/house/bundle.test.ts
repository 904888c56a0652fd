import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importsOf, nodesOf, ROOT } from './source.ts'

/** The bundle that `npm test` builds before the tests: the changes that the build makes to packages, and what is loaded when. */

const dist = join(ROOT, 'dist')
const chunks = readdirSync(dist)
  .filter((name) => name.endsWith('.js'))
  .map((name) => ({ path: name, text: readFileSync(join(dist, name), 'utf8') }))
const chunk = (name: string) => {
  const found = chunks.find((c) => c.path === name)
  if (!found) throw new Error(`no chunk ${name}`)
  return found
}

/** Packages whose code a chunk holds. */
const packagesIn = (text: string): string[] => [
  ...new Set([...text.matchAll(/^\/\/ node_modules\/((?:@[^/\s]+\/)?[^/\s]+)\//gm)].map((m) => m[1] ?? '')),
]

/** What is read before the first line of a chunk runs: the chunk and everything that it imports statically. */
function loadedWith(name: string, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen
  seen.add(name)
  const statics = nodesOf(chunk(name)).filter((n) => n.type !== 'ImportExpression' && typeof n.source === 'object' && n.source !== null)
  for (const node of statics) {
    const { value } = node.source as { value?: unknown }
    if (typeof value === 'string' && value.startsWith('./')) loadedWith(value.slice(2), seen)
  }
  return seen
}
const packagesLoadedWith = (name: string): string[] => [...loadedWith(name)].flatMap((c) => packagesIn(chunk(c).text))

test('the version is answered by a chunk that loads no other', () => {
  expect([...loadedWith('start.js')]).toEqual(['start.js'])
  expect(packagesIn(chunk('start.js').text)).toEqual([])
})

test('help and every other command line are read without Ink, React, yaml and execa', () => {
  const cli = chunks.filter((c) => /^cli-.*\.js$/.test(c.path)).map((c) => c.path)
  expect(cli).toHaveLength(1)
  expect(packagesLoadedWith(cli[0] ?? '')).toEqual([])
})

test('the packages are where this test looks for them, so that it can fail', () => {
  const all = new Set(chunks.flatMap((c) => packagesIn(c.text)))
  for (const name of ['ink', 'react', 'yaml', 'execa', 'yoga-layout', 'age-encryption']) expect([...all]).toContain(name)
})

test('the bundle needs nothing beside Node', () => {
  const foreign = chunks.flatMap((c) =>
    importsOf(c)
      .filter(({ specifier }) => !specifier.startsWith('./') && !builtinModules.includes(specifier.replace(/^node:/, '')))
      .map(({ specifier }) => `${c.path} imports ${specifier}`),
  )
  expect(foreign).toEqual([])
})

test('the development tools of React are a stand-in', () => {
  const holding = chunks.filter((c) => packagesIn(c.text).includes('react-devtools-core')).map((c) => c.path)
  expect(holding).toEqual([])
})

test('yoga takes its own bytes instead of fetching them', () => {
  const source = readFileSync(join(ROOT, 'node_modules/yoga-layout/dist/binaries/yoga-wasm-base64-esm.js'), 'utf8')
  // an upgrade that fetches no more, or elsewhere, makes the patch needless
  expect(source).toMatch(/\bfetch\(/)
  const holding = chunks.filter((c) => packagesIn(c.text).includes('yoga-layout'))
  expect(holding).toHaveLength(1)
  expect(holding[0]?.text).not.toMatch(/(?<![.\w$])fetch\s*\(/)
})

test('drawing loads without anybody reaching for fetch', () => {
  const holding = chunks.find((c) => packagesIn(c.text).includes('yoga-layout'))
  const code = `
    let reached = 0
    Object.defineProperty(globalThis, 'fetch', { get() { reached++ } })
    await import(${JSON.stringify(`./${holding?.path}`)})
    process.stdout.write('reached ' + reached)`
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { cwd: dist, encoding: 'utf8' })
  expect(child.stdout).toBe('reached 0')
})

test('the bundle is smaller than 3 MiB', () => {
  const bytes = chunks.reduce((sum, c) => sum + statSync(join(dist, c.path)).size, 0)
  expect(bytes).toBeLessThan(3 * 1024 * 1024)
})
