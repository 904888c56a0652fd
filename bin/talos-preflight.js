#!/usr/bin/env node
// Runs on any Node: re-runs itself with the packaged one where this one is too old, then loads the bundle.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const enough = major > 24 || (major === 24 && minor >= 15)

if (enough) {
  nodeModule.enableCompileCache?.()
  const { start } = await import('../dist/start.js')
  await start()
} else {
  const packaged = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))
  if (!existsSync(packaged)) {
    process.stderr.write(
      `talos-preflight: Node ${process.versions.node} is too old (old-node)\n  it needs Node 24.15 or newer: https://nodejs.org\n`,
    )
    process.exit(2)
  }
  const child = spawn(packaged, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    } else process.exit(code ?? 1)
  })
}
