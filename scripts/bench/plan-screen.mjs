// Keys on the plan of 500 nodes, in a terminal: how long each takes to show, and whether one was dropped.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import xterm from '@xterm/headless'
import { build } from 'rolldown'
import { shown } from './figures.mjs'

const KEYS = 60
const BURST = 20
/** Milliseconds. A key that is not on the screen by then was dropped. */
const LIMIT = 40_000
const CHILD = fileURLToPath(new URL('children/plan-screen.mjs', import.meta.url))

/** Of Ink, for its development only. */
const withoutDevtools = {
  name: 'without-devtools',
  resolveId: (id) => (id === 'react-devtools-core' ? '\0no-devtools' : undefined),
  load: (id) => (id === '\0no-devtools' ? 'export default { initialize() {}, connectToDevTools() {} }' : undefined),
}

/** The screens are JSX, which Node does not read by itself. */
async function bundled(home) {
  await build({
    input: { 'plan-screen': CHILD },
    platform: 'node',
    plugins: [withoutDevtools],
    transform: { define: { 'process.env.NODE_ENV': '"production"' }, jsx: { runtime: 'automatic' } },
    output: { dir: home, format: 'esm', entryFileNames: '[name].mjs' },
    logLevel: 'warn',
  })
  return join(home, 'plan-screen.mjs')
}

/** What a person sees: how many lines of the plan are below the screen. */
function watch(child, { cols, rows }) {
  const terminal = new xterm.Terminal({ cols, rows, allowProposedApi: true })
  let wake = () => undefined
  child.onData((data) => terminal.write(data, () => wake()))
  const screen = () => Array.from({ length: rows }, (_, i) => terminal.buffer.active.getLine(i)?.translateToString(true) ?? '').join('\n')
  const below = () => Number(/(\d+) more lines/.exec(screen())?.[1] ?? Number.NaN)
  const until = async (isThere) => {
    const end = performance.now() + LIMIT
    while (!isThere()) {
      if (performance.now() > end) throw new Error(`a key was dropped:\n${screen()}`)
      await new Promise((resolve) => {
        wake = resolve
        setTimeout(resolve, 1000)
      })
    }
  }
  return {
    shows: (text) => until(() => screen().includes(text)),
    some: async () => {
      await until(() => below() > 0)
      return below()
    },
    are: (n) => until(() => below() === n),
  }
}

/** Milliseconds from each key to the screen, and for a burst of keys at once. */
export async function scrolling(bench) {
  const program = await bundled(bench.home)
  const size = { cols: 80, rows: 24 }
  const measure = async ({ child }) => {
    const lines = watch(child, size)
    child.write('\r')
    await lines.shows('[Findings]')
    child.write('\r')
    const most = await lines.some()
    const keys = []
    for (let i = 1; i <= KEYS; i++) {
      const begun = performance.now()
      child.write('j')
      await lines.are(most - i)
      keys.push(performance.now() - begun)
    }
    const begun = performance.now()
    child.write('j'.repeat(BURST))
    await lines.are(most - KEYS - BURST)
    const burst = performance.now() - begun
    child.kill('SIGKILL')
    return { lines: most, keys, burst }
  }
  return shown(bench, [program, join(bench.root, 'templates')], 'see the plan', measure, size)
}
