import { fileURLToPath } from 'node:url'
import { main } from '../../../src/cli.ts'
import type { System } from '../../../src/system/ports.ts'

/** The program on this machine, with something about it changed. */
export async function runProgram(argv: readonly string[], change: (system: System) => System): Promise<void> {
  process.exitCode = await main(
    argv,
    {
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      env: process.env,
      cwd: process.cwd(),
      onSignal: () => () => undefined,
    },
    { name: 'talos-preflight', version: '0.0.0', root: fileURLToPath(new URL('../../..', import.meta.url)) },
    change,
  )
}
