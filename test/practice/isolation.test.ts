import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, expect, test } from 'vitest'
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

test("practice refuses a folder that is somebody's real workspace", async () => {
  const real = join(folder, 'real')
  const { mkdirSync } = await import('node:fs')
  mkdirSync(real)
  writeFileSync(join(real, 'preflight.yaml'), 'version: 1\ncluster: {name: x, environment: lab}\n')
  const { exitCode, err } = await run('check', '--practice', '--workspace', real)
  expect(exitCode).toBe(2)
  expect(err).toContain('not-practice')
  const reset = await run('practice', '--reset', '--workspace', real, '--no-input')
  expect(reset.exitCode).toBe(2)
})

test('every report, journal and JSON of practice says so', async () => {
  const workspace = join(folder, 'said')
  const { out } = await run('check', '--practice', '--output', 'json', '--workspace', workspace)
  expect(JSON.parse(out).mode).toBe('practice')
  const text = await run('check', '--practice', '--workspace', workspace)
  expect(text.out).toContain('PRACTICE')
  const { readFileSync, readdirSync } = await import('node:fs')
  const journals = join(workspace, 'workspace', 'evidence', 'journal')
  for (const name of readdirSync(journals))
    expect(JSON.parse(readFileSync(join(journals, name), 'utf8').split('\n')[0] ?? '').mode).toBe('practice')
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
