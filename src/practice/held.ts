import type { Files, Memory, RandomAccess } from '../system/ports.ts'

/** The memory folder of the simulated machine: files that exist in memory alone, and the file system that shows them. */

const FOLDER = '/practice/memory/'
/** As much as the memory of a small machine has. */
const ROOM = 2 ** 30

export interface HeldFiles {
  memory: Memory
  /** The content of a held file. */
  read: (path: string) => Buffer | undefined
  write: (path: string, bytes: Buffer) => void
  /** The same file system, in which held files are seen too. */
  over: (files: Files) => Files
}

export function heldFiles(): HeldFiles {
  const held = new Map<string, Buffer>()
  let count = 0
  const place = async (name: string) => {
    const folder = `${FOLDER}${count++}`
    const path = `${folder}/${name}`
    return {
      path,
      remove: async () => {
        for (const known of held.keys()) if (known.startsWith(`${folder}/`)) held.delete(known)
      },
    }
  }
  return {
    read: (path) => held.get(path),
    write: (path, bytes) => void held.set(path, bytes),
    memory: {
      problem: async () => undefined,
      keep: async (name, bytes) => {
        const at = await place(name)
        held.set(at.path, bytes)
        return at
      },
      place,
      room: async () => ROOM,
      clean: async () => 0,
    },
    over: (files) => ({
      ...files,
      read: async (path) => held.get(path) ?? files.read(path),
      readChunks: async (path, take) => {
        const bytes = held.get(path)
        if (bytes) take(bytes)
        else await files.readChunks(path, take)
      },
      open: async (path) => (held.has(path) ? access(held.get(path) as Buffer) : files.open(path)),
      info: async (path) => {
        const bytes = held.get(path)
        return bytes ? { kind: 'file', size: bytes.length, mode: 0o600, mtimeMs: 0 } : files.info(path)
      },
    }),
  }
}

const access = (bytes: Buffer): RandomAccess => ({
  size: bytes.length,
  read: (buffer, position) => {
    if (position + buffer.length > bytes.length) throw Object.assign(new Error('ended early'), { code: 'EOF' })
    buffer.set(bytes.subarray(position, position + buffer.length))
  },
  close: () => undefined,
})
