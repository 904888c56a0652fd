import { fileURLToPath } from 'node:url'
import manifest from '../package.json' with { type: 'json' }

/** What `bin/` loads. `--version` is answered before anything else is read. */
export async function start(): Promise<void> {
  const argv = process.argv.slice(2)
  if (argv.length === 1 && argv[0] === '--version') {
    process.stdout.write(`talos-preflight ${manifest.version}\n`)
    return
  }
  // whoever reads along may leave; a change that is under way goes on
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  const { main } = await import('./cli.ts')
  const exitCode = await main(
    argv,
    {
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      env: process.env,
      cwd: process.cwd(),
      onSignal: (listener) => {
        const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
        for (const signal of signals) process.on(signal, listener)
        return () => {
          for (const signal of signals) process.off(signal, listener)
        }
      },
    },
    { name: 'talos-preflight', version: manifest.version, root: fileURLToPath(new URL('..', import.meta.url)) },
  )
  process.exitCode = exitCode
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))))
  process.exit(exitCode)
}
