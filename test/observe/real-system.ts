import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { clock } from '../../src/system/clock.ts'
import { files } from '../../src/system/files.ts'
import { memory } from '../../src/system/memory.ts'
import { network } from '../../src/system/network.ts'
import type { System } from '../../src/system/ports.ts'
import { processes } from '../../src/system/processes.ts'

/** A real system in a folder of its own, with a home of its own. */
export interface Place {
  system: System
  home: string
  /** Where somebody works; also the current folder. */
  folder: string
  write: (path: string, content: string | Buffer, mode?: number) => void
  git: (...args: string[]) => string
  remove: () => void
}

export function realPlace(env: Record<string, string> = {}): Place {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'preflight-test-')))
  const home = join(root, 'home')
  const folder = join(root, 'work')
  for (const path of [home, folder]) mkdirSync(path)
  const own = { PATH: process.env.PATH, HOME: home, ...env }
  const running = processes(own)
  const real = files(own, folder)
  const system: System = {
    processes: running,
    // what lies in the folder that all programs share is not of this test
    files: { ...real, list: async (path) => (path === '/tmp' ? [] : real.list(path)) },
    network,
    memory: memory(own, running),
    clock,
  }
  return {
    system,
    home,
    folder,
    write: (path, content, mode = 0o600) => {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, content, { mode })
    },
    git: (...args) =>
      execFileSync(
        'git',
        ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'commit.gpgsign=false', '-c', 'init.defaultBranch=main', ...args],
        {
          cwd: folder,
          encoding: 'utf8',
          env: { PATH: process.env.PATH, HOME: home, GIT_CONFIG_NOSYSTEM: '1' },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      ),
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}
