import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'rolldown'
import { parseDocument } from 'yaml'
import certificates from '../../src/practice/certificates.json' with { type: 'json' }
import { inventedSecret, newState } from '../../src/practice/state.ts'

/**
 * A live world without a cluster: real processes that answer as practice does, and write down the arguments and the environment
 * they were given. The configurations they hand out are full of invented secrets.
 */

const root = new URL('../..', import.meta.url).pathname

export interface LiveWorld {
  folder: string
  home: string
  workspace: string
  bin: string
  env: Record<string, string>
  /** Arguments and environments of every child, one JSON a line. */
  recorded: string
}

/** Addresses of this machine, where nobody listens: a handshake is refused at once instead of waiting for a node that is not there. */
const atHome = (text: string): string => text.replaceAll('10.20.0.', '127.20.0.')

export async function liveWorld(): Promise<LiveWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'live-'))
  const at = (...parts: string[]) => join(folder, ...parts)
  for (const name of ['home/.talos', 'bin', 'workspace']) mkdirSync(at(name), { recursive: true, mode: 0o700 })
  const state = { ...newState('default'), now: new Date().toISOString() }
  writeFileSync(at('state.json'), atHome(JSON.stringify(state)))
  const key = Buffer.from(
    `-----BEGIN ED25519 PRIVATE KEY-----\n${inventedSecret('talosconfig key', 48)}\n-----END ED25519 PRIVATE KEY-----\n`,
  ).toString('base64')
  const talosconfig = {
    context: 'admin@practice',
    contexts: { 'admin@practice': { endpoints: [atHome('10.20.0.11')], ca: certificates.ca, crt: certificates.adminForAYear, key } },
  }
  writeFileSync(at('home/.talos/config'), parseDocument(JSON.stringify(talosconfig)).toString(), { mode: 0o600 })
  const shim = (name: string, body: string) => {
    writeFileSync(at('bin', name), `#!${process.execPath}\n${body}`)
    chmodSync(at('bin', name), 0o755)
  }
  const record = `import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
const folder = ${JSON.stringify(folder)}
appendFileSync(folder + '/recorded.jsonl', JSON.stringify({ argv: process.argv.slice(2), env: process.env }) + '\\n')
`
  writeFileSync(at('bin', 'package.json'), '{"type":"module"}')
  // one file, because it is started hundreds of times
  await build({ cwd: root, input: join(root, 'src/practice/talosctl.ts'), platform: 'node', output: { file: at('bin', 'practice.js') } })
  shim(
    'talosctl',
    `${record}
import { talosctl } from './practice.js'
const state = JSON.parse(readFileSync(folder + '/state.json', 'utf8'))
const answer = talosctl(state, process.argv.slice(2), (path) => { try { return readFileSync(path, 'utf8') } catch { return undefined } }, () => ({ roles: ['os:admin'] }))
if (answer.writes) writeFileSync(answer.writes.path, answer.writes.bytes, { mode: 0o600 })
if (answer.state) writeFileSync(folder + '/state.json', JSON.stringify(answer.state))
process.stdout.write(answer.stdout ?? '')
process.stderr.write(answer.stderr ?? '')
process.exitCode = answer.exitCode
`,
  )
  writeFileSync(at('recorded.jsonl'), '')
  return {
    folder,
    home: at('home'),
    workspace: at('workspace'),
    bin: at('bin'),
    recorded: at('recorded.jsonl'),
    env: { HOME: at('home'), PATH: at('bin'), LANG: 'C.UTF-8', TERM: 'xterm-256color' },
  }
}

export const recordedOf = (world: LiveWorld): string => readFileSync(world.recorded, 'utf8')
