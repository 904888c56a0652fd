import { Failure, Refusal } from '../engine/errors.ts'
import { OUTSIDE } from '../practice/scenarios.ts'

/** File system errors as sentences; `hint` says what to do where it cannot be written. Anything else goes on as the bug it is. */
export function fileProblem(error: unknown, what: string, hint?: string): never {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOSPC' || code === 'EDQUOT')
    throw new Failure(
      'disk-full',
      `${what}: the disk is full`,
      'make room and run the same command again; what was there before is untouched',
    )
  if (code === 'EROFS')
    throw new Refusal(
      'read-only',
      `${what}: the file system is read-only`,
      hint ?? 'take a workspace on a writable disk: --workspace FOLDER',
    )
  if (code === 'EACCES' || code === 'EPERM')
    throw new Refusal('no-permission', `${what}: no permission`, hint ?? 'check the owner and mode of the folder')
  if (code === OUTSIDE)
    throw new Refusal(
      'outside-practice',
      `${what}: practice reads and writes nothing outside of its own folder`,
      'name a file without a folder: it lies in the workspace of practice',
    )
  if (code === 'EEXIST') throw new Refusal('name-in-use', `${what}: something of that name is there already`, 'take another name or folder')
  if (code === 'ENOTDIR') throw new Refusal('no-such-file', `${what}: a part of this path is no folder`)
  if (code === 'ENOENT') throw new Refusal('no-such-file', `${what}: there is no such file or folder`)
  if (code === 'EISDIR') throw new Refusal('is-a-folder', `${what}: is a folder`)
  if (code === 'EIO') throw new Failure('disk-error', `${what}: the disk reports an error`)
  throw error
}
