// `main` of the program as it is built, for fixtures that wrap the system around it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

const chunk = /import\("\.\/(cli-[^"]+)"\)/.exec(readFileSync(join(root, 'dist', 'start.js'), 'utf8'))?.[1]
const { main } = await import(join(root, 'dist', chunk))

/** Runs it with this process's own terminal, arguments and signals, and ends the process with its exit code. */
export async function runBuilt(argv, env, wrap) {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  const exitCode = await main(
    argv,
    {
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      env,
      cwd: process.cwd(),
      onSignal: (listener) => {
        for (const signal of signals) process.on(signal, listener)
        return () => {
          for (const signal of signals) process.off(signal, listener)
        }
      },
    },
    { name: 'talos-preflight', version: '0.1.0', root },
    wrap,
  )
  await new Promise((done) => process.stdout.write('', done))
  process.exit(exitCode)
}
