import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { chmod, lstat, mkdir, open, readdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Memory, Processes } from './ports.ts'
import { plainSwap } from './swap.ts'

/**
 * A private folder on a memory file system, for tools that insist on a file. It is emptied on every way out; what a killed run left
 * behind is found and emptied at the next start.
 */

/** File systems that live in memory. https://man7.org/linux/man-pages/man2/statfs.2.html */
const IN_MEMORY = [0x01021994, 0x858458f6]

export function memory(env: Readonly<Record<string, string | undefined>>, processes: Processes): Memory {
  let own: string | undefined
  const candidates = [...(env.XDG_RUNTIME_DIR ? [env.XDG_RUNTIME_DIR] : []), '/dev/shm']
  const uid = process.getuid?.() ?? 0
  const nameOf = (): string => {
    const { pid, started } = processes.self()
    return `${pid}-${started || '0'}-${randomBytes(4).toString('hex')}`
  }

  const base = async (): Promise<string | undefined> => {
    for (const candidate of candidates) {
      const type = await statfs(candidate).then(
        (s) => s.type,
        () => 0,
      )
      if (!IN_MEMORY.includes(type)) continue
      const folder = join(candidate, `talos-preflight-${uid}`)
      try {
        await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'EEXIST') throw error
        })
        const info = await lstat(folder)
        // somebody else may have made a folder of that name in a place that all can write to
        if (!info.isDirectory() || info.uid !== uid) continue
        await chmod(folder, 0o700)
        return folder
      } catch {
        // not writable: the next one
      }
    }
    return undefined
  }

  /** A name of its own for each, in a folder of its own: what a tool leaves beside the file goes with it. */
  const place = async (name: string): Promise<{ path: string; remove: () => Promise<void> }> => {
    const parent = await base()
    if (!parent) throw new Error('no memory file system')
    if (!own) {
      own = join(parent, nameOf())
      const folder = own
      process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    }
    const folder = join(own, randomBytes(4).toString('hex'))
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return { path: join(folder, name), remove: () => rm(folder, { recursive: true, force: true }) }
  }

  return {
    problem: async () => {
      if (!(await base()))
        return { reason: 'this machine has no memory file system that can be written to (/dev/shm)', remedy: 'mount a tmpfs on /dev/shm' }
      const swap = await plainSwap()
      return swap
        ? {
            reason: `${swap} is active swap that is not known to be encrypted, so what is in memory could reach the disk`,
            remedy: `switch it off (swapoff ${swap}), or put swap on an encrypted device`,
          }
        : undefined
    },
    keep: async (name, bytes) => {
      const { path, remove } = await place(name)
      const handle = await open(path, 'wx', 0o600)
      try {
        await handle.writeFile(bytes)
      } finally {
        await handle.close()
      }
      return { path, remove }
    },
    place,
    room: async () => {
      const parent = await base()
      if (!parent) return 0
      const { bavail, bsize } = await statfs(parent)
      return bavail * bsize
    },
    clean: async () => {
      const parent = await base()
      if (!parent) return 0
      let emptied = 0
      for (const name of await readdir(parent)) {
        const [pid, started] = name.split('-')
        if (processes.alive({ pid: Number(pid), started: started === '0' ? '' : (started ?? '') })) continue
        await rm(join(parent, name), { recursive: true, force: true })
        emptied++
      }
      return emptied
    },
  }
}
