// Bundles src/start.ts into dist/, split where modules are imported lazily.
import { readFile, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The plugin's changes are guarded by test/house/bundle.test.ts, so that an upgrade of a package tells us. */
const patches = {
  name: 'patches',
  resolveId(id) {
    // Ink imports it statically although it is for development only, and an external import would break at start
    if (id === 'react-devtools-core') return '\0no-devtools'
    // brings 350 KB of character sets for a prompt that opens an editor, which we do not use
    return id === '@inquirer/editor' ? '\0no-editor' : undefined
  },
  load(id) {
    if (id === '\0no-devtools') return 'export default { initialize() {}, connectToDevTools() {} }'
    return id === '\0no-editor' ? 'export default undefined' : undefined
  },
  transform(code, id) {
    // yoga's loader calls fetch for its own embedded wasm, which loads all of undici: 27 ms and 8 MB at every start
    if (id.includes('yoga-layout') && id.includes('yoga-wasm-base64-esm')) return { code: `const fetch = undefined;\n${code}`, map: null }
    return undefined
  },
}

await rm(new URL('../dist', import.meta.url), { recursive: true, force: true })
await build({
  cwd: root,
  input: { start: 'src/start.ts' },
  platform: 'node',
  plugins: [patches],
  transform: { define: { 'process.env.NODE_ENV': '"production"' }, jsx: { runtime: 'automatic' } },
  output: { dir: 'dist', format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js', minify: false },
  logLevel: 'warn',
})
const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
process.stdout.write(`built talos-preflight ${version}\n`)
