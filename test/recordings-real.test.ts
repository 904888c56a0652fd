import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { realSystem } from '../src/cli/place.ts'
import { openPractice } from '../src/practice/index.ts'
import { kubectl } from '../src/practice/kubectl.ts'
import { machineConfig, newState, type PracticeNode, type PracticeState } from '../src/practice/state.ts'
import { talosctl } from '../src/practice/talosctl.ts'
import { type Places, type Recording, recorded, shapeOf } from './real/support/shape.ts'

/**
 * The recordings of `test/real/recordings.test.ts`: they hold no secret, and practice answers as the real tools did. A practice that
 * accepts what the real one refuses would make a test pass that must fail.
 */

const FOLDER = fileURLToPath(new URL('recordings-real/', import.meta.url))
const recordings = (set: string, verb: string): Recording[] => JSON.parse(readFileSync(join(FOLDER, set, `${verb}.json`), 'utf8'))
const verbsOf = (set: string): string[] => readdirSync(join(FOLDER, set)).map((name) => name.replace(/\.json$/, ''))
const SETS = readdirSync(FOLDER)

describe.each(SETS)('the recordings of %s', (set) => {
  it('hold no secret, no address and no path of the machine they were made on', () => {
    for (const verb of verbsOf(set)) {
      const text = readFileSync(join(FOLDER, set, `${verb}.json`), 'utf8')
      expect(text, verb).not.toMatch(/-----BEGIN|LS0tLS1|AGE-SECRET-KEY|age1[a-z0-9]{58}/)
      expect(text, verb).not.toMatch(/\b[a-z0-9]{6}\.[a-z0-9]{16}\b/)
      expect(text, verb).not.toMatch(/[A-Za-z0-9+/_-]{40,}/)
      expect(text, verb).not.toMatch(/\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b/)
      expect(text, verb).not.toMatch(/\/(?:root|home|tmp|Users|work)\b/)
      expect(text, verb).not.toMatch(/^\s*(?:machine|cluster):$/m)
    }
  })

  it('have the shape that their own texts have', () => {
    for (const verb of verbsOf(set))
      for (const r of recordings(set, verb))
        for (const stream of [r.stdout, r.stderr])
          if (stream.text !== undefined)
            expect(shapeOf(stream.text, stream.form, stream.fields), `${verb}, ${r.case}`).toEqual(stream.shape)
  })
})

const ADDRESSES: Record<string, string> = { '<cp1>': '10.20.0.11', '<cp2>': '10.20.0.12', '<w1>': '10.20.0.21', '<nobody>': '10.20.0.77' }
const NAMES: Record<string, string> = {
  ...ADDRESSES,
  '<talosconfig>': '/practice/talosconfig',
  '<admin>': 'admin@practice',
  '<reader>': 'reader@practice',
  '<unknown context>': 'nobody@practice',
  '<config>': '/practice/config.yaml',
  '<control plane config>': '/practice/plane.yaml',
  '<snapshot>': '/practice/db.snapshot',
  '<kubeconfig>': '/practice/kubeconfig',
  '<net>': '10.20.0.0/24',
  // one pod runs there, that baseline lets in and restricted does not
  '<namespace>': 'legacy',
  '<no namespace>': 'nowhere',
  '<no file>': '/practice/nothing.yaml',
}
const filled = (word: string, names: Record<string, string>): string =>
  Object.entries(names).reduce((text, [name, value]) => text.replaceAll(name, value), word)
const placesOf = (names: Record<string, string>): Places => Object.fromEntries(Object.entries(names).map(([name, value]) => [value, name]))

/** Two control planes and a worker, as the real clusters are. */
function world(version: string): PracticeState {
  const state = newState('default')
  // the default scenario has lost what Talos gives a cluster
  const { podSecurity } = newState('hardened').nodes[0] as PracticeNode
  const nodes = state.nodes
    .filter((n) => Object.values(ADDRESSES).includes(n.address))
    .map((n): PracticeNode => ({ ...n, version, podSecurity: n.type === 'worker' ? n.podSecurity : podSecurity }))
  return { ...state, nodes }
}

/** Of a field it is its type that counts, where practice has it. */
function agreeing(shape: string[], { fields, shape: real }: Recording['stdout']): string[] {
  if (!fields || shape.length !== real.length) return shape
  const types = (line: string) => (line.split(': ').at(-1) ?? '').split('|')
  return shape.map((line, i) => {
    const theirs = real[i] ?? ''
    return line.endsWith(': absent') || types(line).every((t) => types(theirs).includes(t)) ? theirs : line
  })
}

const answered = (a: { exitCode: number; stdout: string; stderr: string }, like: Recording, places: Places) => ({
  exitCode: a.exitCode,
  stdout: agreeing(recorded(a.stdout, places, like.stdout.form, like.stdout.fields).shape, like.stdout),
  stderr: recorded(a.stderr, places).shape,
})
const asRecorded = (r: Recording) => ({ exitCode: r.exitCode, stdout: r.stdout.shape, stderr: r.stderr.shape })

// practice has a talosctl 1.14; what 1.13 says in other words is recorded for the parsers
describe.each([
  { set: '1.14', version: 'v1.14.1' },
  { set: '1.14-on-1.13', version: 'v1.13.9' },
])('practice with nodes of $version answers as $set does', ({ set, version }) => {
  it.each(verbsOf(set))('%s', (verb) => {
    let state = world(version)
    const roles: Record<string, string[]> = { 'admin@practice': ['os:admin'], 'reader@practice': ['os:reader'] }
    const w1 = state.nodes.find((n) => n.address === ADDRESSES['<w1>']) as PracticeNode
    const cp1 = state.nodes.find((n) => n.address === ADDRESSES['<cp1>']) as PracticeNode
    const configs: Record<string, PracticeNode> = { [NAMES['<config>'] ?? '']: w1, [NAMES['<control plane config>'] ?? '']: cp1 }
    const held = (path: string) => (configs[path] ? machineConfig(configs[path], state.clusterId) : undefined)
    for (const r of recordings(set, verb)) {
      if (r.beyondPractice) continue
      const argv = r.argv.map((word) => filled(word, NAMES))
      const given =
        r.tool === 'kubectl'
          ? kubectl(state, argv, filled(r.input ?? '', NAMES))
          : talosctl(state, argv, held, (context) => (roles[context] ? { roles: roles[context] } : undefined))
      state = given.state ?? state
      const answer = { exitCode: given.exitCode, stdout: given.stdout ?? '', stderr: given.stderr ?? '' }
      expect(answered(answer, r, placesOf(NAMES)), r.case).toEqual(asRecorded(r))
    }
  })
})

describe('practice answers for the other tools as they do', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tp-practice-'))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  // practice has no repository, so nothing but the first question is ever asked of git
  const asked = verbsOf('tools').filter((verb) => !verb.startsWith('git.') || verb === 'git.root')
  it.each(asked)('%s', async (verb) => {
    const { system, workspace } = await openPractice(realSystem({ env: {}, cwd: folder }), 'default', folder)
    const own = join(system.files.home, '.config', 'talos-preflight', 'identity.txt')
    const other = join(workspace, '..', 'recovery', 'identity.txt')
    const run = async (file: string, args: string[], input: Buffer | string = '') => {
      const exit = await system.processes.run({ file, args, input, env: {}, timeoutMs: 1000, maxBytes: 1 << 20 })
      if (!exit.started || exit.exitCode === undefined) throw new Error(`${file} did not run`)
      return { exitCode: exit.exitCode, bytes: exit.stdout, stdout: exit.stdout.toString('utf8'), stderr: exit.stderr.toString('utf8') }
    }
    const recipient = (await run('age-keygen', ['-y', own])).stdout.trim()
    const names = {
      '<identity file>': own,
      '<other identity file>': other,
      '<recipient>': recipient,
      '<no file>': join(workspace, 'nothing.txt'),
    }
    const sealed = (await run('age', ['--recipient', recipient], 'words')).bytes
    const inputs: Record<string, Buffer | string> = { 'age.encrypt': 'words', 'age.decrypt': sealed }
    for (const r of recordings('tools', verb)) {
      if (verb === 'git.root' && r.exitCode === 0) continue
      const answer = await run(
        r.tool,
        r.argv.map((word) => filled(word, names)),
        inputs[verb],
      )
      expect(answered(answer, r, placesOf(names)), r.case).toEqual(asRecorded(r))
    }
  })
})
