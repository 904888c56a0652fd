// Installs the locked packages and builds, each only where something changed. Runs on any Node that brings npm.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const at = (...parts) => join(root, ...parts)
const packagedNode = at('node_modules', 'node', 'bin', 'node')

/** Digest of the names and contents of everything below these paths, wherever the clone is. */
function digest(paths) {
  const hash = createHash('sha256')
  const add = (path) => {
    hash.update(relative(root, path))
    hash.update(readFileSync(path))
  }
  const walk = (path) => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const child = join(path, entry.name)
      if (entry.isDirectory()) walk(child)
      else add(child)
    }
  }
  for (const path of paths) path.includes('.') ? add(at(path)) : walk(at(path))
  return hash.digest('hex')
}

const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')

function run(command, args, what) {
  const child = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
  if (child.status === 0) return
  process.stderr.write(`talos-preflight: ${what} failed (setup)\n${child.stdout ?? ''}${child.stderr ?? ''}`)
  if (child.error) process.stderr.write(`  ${child.error.message}\n`)
  process.exit(4)
}

export function setUp() {
  const wanted = digest(['package.json', 'package-lock.json', '.npmrc'])
  const installed = at('node_modules', '.talos-preflight')
  if (read(installed) !== wanted) {
    process.stderr.write('installing the locked packages\n')
    run('npm', ['ci', '--no-audit', '--no-fund'], 'npm ci')
    writeFileSync(installed, wanted)
  }
  const sources = digest(['src', 'steps', 'templates', 'scripts/build.mjs', 'package.json'])
  const built = at('dist', '.sources')
  if (read(built) !== sources) {
    process.stderr.write('building\n')
    run(packagedNode, [at('scripts', 'build.mjs')], 'the build')
    writeFileSync(built, sources)
  }
  return { root, node: packagedNode }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setUp()
