import { dirname, join } from 'node:path'
import type { System } from '../system/ports.ts'

/** Whether a folder lies in a git work tree; looks for `.git` on the way up and runs nothing. */
export async function insideGit(system: System, folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    if (await system.files.info(join(at, '.git'))) return true
    if (dirname(at) === at) return false
  }
}
