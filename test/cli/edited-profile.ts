import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../crash/run.ts'
import { temporaryFolder } from '../support/terminal.ts'

export interface EditedProfile {
  /** The folder of practice. */
  folder: string
  /** The profile, and what stood in it when it was made. */
  path: string
  asMade: string
  /** Writes it as it was made, with this behind it. */
  write: (behind: string) => void
}

/** A practice workspace whose profile somebody edits by hand. */
export async function editedProfile(): Promise<EditedProfile> {
  const folder = join(temporaryFolder(), 'practice')
  await run(folder, ['doctor'])
  const path = join(folder, 'workspace', 'preflight.yaml')
  const asMade = readFileSync(path, 'utf8')
  return { folder, path, asMade, write: (behind) => writeFileSync(path, asMade + behind) }
}
