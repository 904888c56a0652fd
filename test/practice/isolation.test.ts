import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, describe, expect, test } from 'vitest'
import { realSystem } from '../../src/cli/place.ts'
import { main } from '../../src/cli.ts'
import { newState } from '../../src/practice/state.ts'
import { talosctl } from '../../src/practice/talosctl.ts'
import type { System } from '../../src/system/ports.ts'
import { FRESH } from '../support/driver.ts'

const folder = mkdtempSync(join(tmpdir(), 'isolated-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A system whose processes, sockets and home refuse; only the folder of practice can be written to. */
function refusing(system: System): System {
  const no = (what: string) => () => {
    throw new Error(`practice reached for ${what}`)
  }
  const guarded = Object.fromEntries(
    Object.entries(system.files).map(([name, value]) => [
      name,
      typeof value !== 'function'
        ? value
        : (path: string, ...rest: unknown[]) => {
            if (!path.startsWith(folder)) throw new Error(`practice reached for ${path}`)
            return (value as (...all: unknown[]) => unknown)(path, ...rest)
          },
    ]),
  ) as unknown as System['files']
  return {
    processes: { ...system.processes, run: no('a process'), find: no('PATH') },
    files: { ...guarded, home: join(folder, 'no-home') },
    network: { connect: no('the network'), hold: no('the network'), handshake: no('the network'), get: no('the network') },
    memory: {
      problem: no('the memory folder'),
      keep: no('the memory folder'),
      place: no('the memory folder'),
      room: no('the memory folder'),
      clean: no('the memory folder'),
    },
    clock: { now: no('the clock'), sleep: no('the clock') },
  }
}

async function run(...args: string[]): Promise<{ exitCode: number; out: string; err: string }> {
  const out = new PassThrough()
  const err = new PassThrough()
  const io = {
    stdin: new PassThrough(),
    stdout: out,
    stderr: err,
    env: { HOME: join(folder, 'no-home'), PATH: '' },
    cwd: folder,
    onSignal: () => () => undefined,
  }
  const program = { name: 'talos-preflight', version: '0.0.0', root: new URL('../..', import.meta.url).pathname }
  const exitCode = await main(args, io, program, () => refusing(realSystem(io)))
  return { exitCode, out: String(out.read() ?? ''), err: String(err.read() ?? '') }
}

test('practice runs the whole program without a process, a socket, a clock or a home', async () => {
  const workspace = join(folder, 'world')
  const check = await run('check', '--practice', '--workspace', workspace)
  expect(check.err).toBe('')
  expect(check.exitCode).toBe(1)
  const apply = await run('apply', 'INF-10', '--practice', '--yes', '--workspace', workspace)
  expect(apply.err).toBe('')
  expect(apply.exitCode).toBe(0)
  expect(apply.out).toContain('cp3 15 keys are in effect')
})

test('a plan that practice writes lies in its own folder, which it says, and nowhere else', async () => {
  const workspace = join(folder, 'planning')
  const plan = (out: string) => run('plan', 'INF-10', '--practice', '--workspace', workspace, '--out', out)
  const path = join(workspace, 'workspace', 'p.json')
  expect((await plan('p.json')).out).toContain(`Written to ${path}.\nCarry it out: talos-preflight apply p.json --practice=default`)
  expect(JSON.parse(readFileSync(path, 'utf8'))).toHaveProperty('mode', 'practice')
  const outside = await plan(join(folder, 'p.json'))
  expect([outside.exitCode, outside.err]).toEqual([
    2,
    expect.stringContaining('p.json: practice reads and writes nothing outside of its own folder (outside-practice)'),
  ])
  expect((await run('apply', join(folder, 'p.json'), '--practice', '--workspace', workspace)).err).toContain('(outside-practice)')
})

test("practice refuses a folder that is somebody's real workspace", async () => {
  const real = join(folder, 'real')
  mkdirSync(real)
  writeFileSync(join(real, 'preflight.yaml'), 'version: 1\ncluster: {name: x, environment: lab}\n')
  const { exitCode, err } = await run('check', '--practice', '--workspace', real)
  expect(exitCode).toBe(2)
  expect(err).toContain('not-practice')
  const reset = await run('practice', '--reset', '--workspace', real, '--no-input')
  expect(reset.exitCode).toBe(2)
})

describe('practice says so', () => {
  const workspace = join(folder, 'said')
  const within = join(workspace, 'workspace')
  const practise = (...args: string[]) => run(...args, '--workspace', workspace)
  const word = ['--why', 'a drill', '--until', '2099-12-31']

  test('in its reports', async () => {
    expect((await practise('check', '--practice')).out).toContain('PRACTICE')
  })

  test.each([
    ['check', '--practice'],
    ['plan', 'INF-10', '--practice', '--out', 'inf-10.json'],
    ['apply', 'INF-10', '--practice', '--yes'],
    ['apply', 'INF-10', '--practice', '--yes'],
    ['secrets', 'adopt', '--practice'],
    ['backup', 'create', '--practice'],
    ['attest', 'CRT-06', '--practice', ...word],
    ['waive', 'K8S-01', '--practice', ...word],
    ['doctor', '--practice'],
    ['keys', '--practice'],
    ['journal', 'verify', '--practice'],
    ['init', '--practice'],
    ['practice', '--no-input'],
    ['practice', 'nothing-of-that-name'],
    ['chekc', '--practice'],
  ])('in the JSON of %s %s', async (...args) => {
    const { out } = await practise(...args, '--output', 'json')
    const documents = /^\{"event"/.test(out) ? out.trim().split('\n') : [out]
    for (const document of documents) expect(JSON.parse(document)).toHaveProperty('mode', 'practice')
  })

  test('in every file that it leaves in the workspace', () => {
    const paths = readdirSync(within, { recursive: true, encoding: 'utf8' }).filter((path) => /\.jsonl?$/.test(path))
    for (const kind of ['evidence/journal/', 'evidence/runs/', 'evidence/plans/', 'evidence/proofs/', 'backups/', 'inf-10.json'])
      expect(paths.filter((path) => path.startsWith(kind))).not.toEqual([])
    for (const path of paths) {
      const text = readFileSync(join(within, path), 'utf8')
      expect(JSON.parse(path.endsWith('.jsonl') ? (text.split('\n')[0] ?? '') : text), path).toHaveProperty('mode', 'practice')
    }
  })
})

test('a hardened world is green where the program can see it', async () => {
  const { exitCode, out } = await run('check', '--practice=hardened', '--workspace', join(folder, 'hardened'))
  expect(out).toContain(`${FRESH.steps} of ${FRESH.steps} done`)
  expect(exitCode).toBe(0)
})

test('practice does not know what we do not run', () => {
  const state = newState('default')
  const admin = () => ({ roles: ['os:admin'] })
  for (const args of [
    ['reset'],
    ['--talosconfig', 'f', '--context', 'c', '--nodes', '10.20.0.11', 'reboot'],
    [
      '--talosconfig',
      'f',
      '--context',
      'c',
      '--nodes',
      '10.20.0.11',
      'patch',
      'machineconfigs.config.talos.dev',
      'v1alpha1',
      '--mode',
      'no-reboot',
      '--patch',
      '{"machine":{"install":{}}}',
    ],
  ]) {
    expect(talosctl(state, args, () => undefined, admin)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('practice does not know this'),
    })
  }
})
