import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inventedSecret, machineConfig, newState } from '../../src/practice/state.ts'
import { LARGE, Terminal } from '../support/terminal.ts'
import { type LiveWorld, liveWorld, recordedOf } from './live-shims.ts'
import { filesBelow, type Seeded, secretsIn } from './search.ts'

const root = new URL('../..', import.meta.url).pathname
const program = join(root, 'bin', 'talos-preflight.js')

let world: LiveWorld
let seeded: Seeded[]
const seen: { where: string; text: string }[] = []

/** Every secret value of the configurations, with the lines of keys that are in base64 taken apart. */
function secretsOf(config: string): Seeded[] {
  const found: Seeded[] = []
  for (const [, field = '', value = ''] of config.matchAll(
    /^\s*(token|secret|key|secretboxEncryptionSecret|password|passphrase): (\S{12,})$/gm,
  )) {
    found.push({ name: `${field} ${value.slice(0, 6)}`, value })
    const pem = Buffer.from(value, 'base64').toString('latin1')
    for (const line of pem.split('\n'))
      if (/^[A-Za-z0-9+/=]{40,}$/.test(line)) found.push({ name: `${field} body ${line.slice(0, 6)}`, value: line })
  }
  return found
}

function run(...args: string[]): number {
  const child = spawnSync(process.execPath, [program, ...args, '--workspace', world.workspace], {
    cwd: world.folder,
    env: world.env,
    encoding: 'latin1',
  })
  seen.push({ where: `stdout of ${args.join(' ')}`, text: child.stdout }, { where: `stderr of ${args.join(' ')}`, text: child.stderr })
  return child.status ?? -1
}

/** The wizard on a terminal, walked until the change is done; its raw bytes are what a screen and a recording would hold. */
async function walk(): Promise<string> {
  const terminal = new Terminal({
    args: ['--workspace', world.workspace],
    size: LARGE,
    home: world.home,
    cwd: world.folder,
    env: { PATH: world.bin },
  })
  const shots: string[] = []
  const steps: [wanted: string, key: string][] = [
    ['choose', 'c'],
    ['> ✗ INF-02', 'down'],
    ['> ✗ INF-10', 'enter'],
    ['see the plan', 'enter'],
    ['go on to review', 'c'],
    ['copy', 'c'],
    ['Copied', 'esc'],
    ['go on to review', 'enter'],
    ['change 5 objects', 'enter'],
    ['Done on', 'q'],
  ]
  for (const [wanted, key] of steps) {
    await terminal.until(wanted, wanted)
    shots.push(terminal.screen())
    terminal.press(key)
  }
  await terminal.ended
  return `${shots.join('\n')}${terminal.raw}`
}

beforeAll(async () => {
  world = await liveWorld()
  const state = newState('default')
  const identity = await generateIdentity()
  writeFileSync(join(world.home, 'me.txt'), `${identity}\n`, { mode: 0o600 })
  const recovery = await generateIdentity()
  const vault = await generateIdentity()
  seeded = [
    ...new Map(state.nodes.flatMap((n) => secretsOf(machineConfig(n, state.clusterId))).map((s) => [s.value, s])).values(),
    { name: 'talosconfig key', value: inventedSecret('talosconfig key', 48) },
    { name: 'age identity', value: identity },
    { name: 'recovery identity', value: recovery },
    { name: 'recovery identity of backups', value: vault },
  ]
  expect(run('init', '--name', 'live', '--environment', 'lab')).toBe(0)
  expect(run('keys', 'use', join(world.home, 'me.txt'))).toBe(0)
  expect(run('keys', 'add', 'safe', await identityToRecipient(recovery), '--role', 'recovery', '--opens', 'secrets')).toBe(0)
  expect(run('keys', 'add', 'vault', await identityToRecipient(vault), '--role', 'recovery', '--opens', 'backups')).toBe(0)
  run('check', '--all')
  run('check', '--output', 'json')
  run('doctor', '--output', 'json')
  expect(run('secrets', 'adopt')).toBe(0)
  expect(run('backup', 'create')).toBe(0)
  expect(run('plan', 'INF-10', '--out', join(world.folder, 'plan.json'))).toBe(0)
  expect(run('apply', join(world.folder, 'plan.json'), '--yes', '--output', 'json')).toBe(0)
  expect(run('apply', 'INF-10', '--undo', '--yes')).toBe(0)
  seen.push({ where: 'the bytes of the wizard', text: await walk() })
  run('apply', 'INF-10', '--yes', '--nodes', '127.99.9.9')
  run('apply', 'NOPE-1')
  run('keys')
  run('journal', 'verify')
}, 240_000)

afterAll(() => rmSync(world.folder, { recursive: true, force: true }))

test('there are about twenty-five secrets to look for', () => {
  expect(seeded.length).toBeGreaterThanOrEqual(22)
})

test('the wizard really changed the nodes on the way', () => {
  expect(seen.find((s) => s.where.includes('wizard'))?.text).toContain('Done on')
  expect(JSON.parse(readFileSync(join(world.folder, 'state.json'), 'utf8')).nodes[3].machineSysctls).toMatchObject({
    'net.ipv4.tcp_syncookies': '1',
  })
})

test('no secret is on a screen, in a log or in an error text', () => {
  for (const { where, text } of seen) expect({ where, found: secretsIn(text, seeded) }).toEqual({ where, found: [] })
})

test('no secret is in a file of the workspace, in the plan or in the rest of the home', () => {
  const owned = (path: string) =>
    path.endsWith('.talos/config') ||
    path.endsWith('me.txt') ||
    path.startsWith(world.bin) ||
    path === join(world.folder, 'state.json') ||
    path === world.recorded
  const files = filesBelow(world.folder, owned)
  expect(files.some((f) => f.path.endsWith('.age'))).toBe(true)
  expect(files.some((f) => f.path.endsWith('.jsonl'))).toBe(true)
  for (const { path, text } of files) expect({ path, found: secretsIn(text, seeded) }).toEqual({ path, found: [] })
})

test('no secret is in an argument or the environment of a child', () => {
  const recorded = recordedOf(world)
  expect(recorded.split('\n').length).toBeGreaterThan(20)
  expect(secretsIn(recorded, seeded)).toEqual([])
  expect(recorded).not.toContain('TALOSCONFIG')
})

test('nothing is left in the memory folder', () => {
  const uid = process.getuid?.() ?? 0
  const left = execFileSync('find', ['/dev/shm', '-path', `/dev/shm/talos-preflight-${uid}/*`, '-type', 'f'], { encoding: 'utf8' })
  expect(left).toBe('')
})

test('what is looked for is found where it is planted: plain, in base64 and folded', () => {
  const secret = seeded[0] as Seeded
  expect(secretsIn(`a ${secret.value} b`, seeded)).toEqual([secret.name])
  const encoded = Buffer.from(`some yaml around ${secret.value} and after it`).toString('base64')
  expect(secretsIn(encoded, [secret])).toEqual([secret.name])
  expect(secretsIn(encoded.replace(/.{20}/g, '$&\n   '), [secret])).toEqual([secret.name])
})
