import { createHash } from 'node:crypto'
import type { Files } from './ports.ts'

/** The digest of a file, hex. Throws what reading throws. */
export async function sha256Of(files: Pick<Files, 'readChunks'>, path: string): Promise<string> {
  const hash = createHash('sha256')
  await files.readChunks(path, (chunk) => Boolean(hash.update(chunk)))
  return hash.digest('hex')
}
