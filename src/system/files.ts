import { randomBytes } from 'node:crypto'
import { constants, readSync } from 'node:fs'
import { type FileHandle, link, lstat, mkdir, open, readdir, readFile, realpath, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { FileInfo, Files, RandomAccess } from './ports.ts'

/** The one place that writes files. What it says is written is on disk. */

const READ_PIECE = 1 << 20

async function whole(handle: FileHandle, bytes: Buffer | string): Promise<void> {
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Where the program keeps what is no workspace's. https://specifications.freedesktop.org/basedir-spec/latest/ */
export const stateFolder = ({ env, home }: Pick<Files, 'env' | 'home'>): string =>
  join(env.XDG_STATE_HOME || join(home, '.local', 'state'), 'talos-preflight')

const temporaryFor = (path: string): string => `${path}.${randomBytes(4).toString('hex')}.tmp`

/** What file systems without hard links say, such as FAT. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

const kindOf = (entry: { isFile: () => boolean; isDirectory: () => boolean; isSymbolicLink: () => boolean }): FileInfo['kind'] =>
  entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'other'

export function files(env: Readonly<Record<string, string | undefined>>, cwd: string): Files {
  return {
    home: env.HOME || homedir(),
    cwd,
    env,
    read: (path) => readFile(path),
    readChunks: async (path, take) => {
      const handle = await open(path, 'r')
      try {
        // one for all pieces: a new one for each would be as much garbage as the file is large
        const buffer = Buffer.allocUnsafe(READ_PIECE)
        for (;;) {
          const { bytesRead } = await handle.read(buffer, 0, buffer.length, null)
          if (bytesRead === 0 || !take(buffer.subarray(0, bytesRead))) break
        }
      } finally {
        await handle.close()
      }
    },
    open: openAnywhere,
    info: async (path) => {
      try {
        const info = await lstat(path)
        return { kind: kindOf(info), size: info.size, mode: info.mode & 0o7777, mtimeMs: info.mtimeMs }
      } catch {
        return undefined
      }
    },
    real: (path) => realpath(path).catch(() => undefined),
    list: async (path) => (await readdir(path, { withFileTypes: true })).map((entry) => ({ name: entry.name, kind: kindOf(entry) })),
    create: async (path, bytes, mode) => {
      const temporary = temporaryFor(path)
      try {
        await whole(await open(temporary, 'wx', mode), bytes)
        await link(temporary, path).catch(async (error: NodeJS.ErrnoException) => {
          if (!NO_LINKS.includes(error.code ?? '')) throw error
          await whole(await open(path, 'wx', mode), bytes)
        })
      } finally {
        await rm(temporary, { force: true })
      }
      await syncFolder(dirname(path))
    },
    createFrom: async (path, pieces, mode) => {
      const handle = await open(path, 'wx', mode)
      try {
        for await (const piece of pieces) await handle.write(piece)
        await handle.sync()
      } finally {
        await handle.close()
      }
    },
    replace: async (path, bytes, mode) => {
      const temporary = temporaryFor(path)
      try {
        await whole(await open(temporary, 'wx', mode), bytes)
        await rename(temporary, path)
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
      await syncFolder(dirname(path))
    },
    append: async (path, text) => {
      const handle = await open(path, 'a', 0o644)
      await whole(handle, text)
    },
    remove: (path) => rm(path, { force: true, recursive: true }),
    rename: async (from, to) => {
      await rename(from, to)
      await syncFolder(dirname(to))
    },
    makeFolder: async (path, mode) => {
      await mkdir(path, { recursive: true, mode })
    },
  }
}

async function openAnywhere(path: string): Promise<RandomAccess> {
  // a pipe without a writer would be waited for
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const info = await handle.stat()
  if (!info.isFile()) {
    await handle.close()
    throw Object.assign(new Error(`${path} is not a file`), { code: 'ENOTFILE' })
  }
  return {
    size: info.size,
    read: (buffer, position) => {
      for (let done = 0; done < buffer.length; ) {
        const got = readSync(handle.fd, buffer, done, buffer.length - done, position + done)
        if (got === 0) throw Object.assign(new Error(`${path} ended early`), { code: 'EOF' })
        done += got
      }
    },
    close: () => handle.close(),
  }
}

/** A name is only safe when its folder is on disk too. Some file systems refuse that; then there is nothing more to do. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}
