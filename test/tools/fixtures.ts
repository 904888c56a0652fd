import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { clock } from '../../src/system/clock.ts'
import { files } from '../../src/system/files.ts'
import { memory } from '../../src/system/memory.ts'
import type { Exit, Network, ProcessSpec, System } from '../../src/system/ports.ts'
import { processes } from '../../src/system/processes.ts'
import type { Access } from '../../src/tools/access.ts'

/** A machine whose tools are small programs of the test. */
export interface Machine {
  system: System
  folder: string
  /** Puts a program on PATH; the text is a shell script. */
  program: (name: string, script: string) => void
  remove: () => void
}

/** A network in which nobody answers. */
export const silent: Network = {
  connect: async () => 'silent',
  hold: async () => ({ open: 0, release: () => undefined }),
  handshake: async () => ({ answer: 'silent' }),
  get: async () => ({ answer: 'silent' }),
}

export function machine(
  options: { env?: Record<string, string>; network?: Network; limits?: Partial<Pick<ProcessSpec, 'timeoutMs' | 'maxBytes'>> } = {},
): Machine {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'preflight-tools-')))
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const env = { PATH: [bin, '/usr/bin', '/bin'].join(delimiter), HOME: folder, ...options.env }
  const real = processes(env)
  return {
    folder,
    system: {
      processes: { ...real, run: (spec) => real.run({ ...spec, ...options.limits }) },
      files: files(env, folder),
      network: options.network ?? silent,
      memory: memory(env, real),
      clock,
    },
    program: (name, script) => {
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
      chmodSync(join(bin, name), 0o755)
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** A system whose processes answer as they are told to. */
export function answering(
  answer: (spec: ProcessSpec) => Partial<Extract<Exit, { started: true }>> | Extract<Exit, { started: false }>,
  more: Partial<System> = {},
): System & { ran: ProcessSpec[] } {
  const ran: ProcessSpec[] = []
  const env = { PATH: '/bin', HOME: '/home/ann' }
  const real = processes(env)
  return {
    ran,
    processes: {
      ...real,
      run: async (spec) => {
        ran.push(spec)
        const given = answer(spec)
        if (given.started === false) return given
        return {
          exitCode: 0,
          signal: undefined,
          stdout: Buffer.alloc(0),
          stderr: Buffer.alloc(0),
          timedOut: false,
          truncated: false,
          aborted: false,
          ...given,
          started: true,
        }
      },
    },
    files: files(env, '/'),
    network: silent,
    memory: memory(env, real),
    clock,
    ...more,
  }
}

export const accessOf = (context: string, roles: string[], more: Partial<Access> = {}): Access => ({
  purpose: 'observe',
  talosconfig: '/t/config',
  context,
  roles,
  endpoints: ['10.5.0.2', '10.5.0.3'],
  nodes: [],
  notAfter: '2099-01-01T00:00:00.000Z',
  certificate: context,
  ...more,
})
