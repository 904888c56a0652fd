import { createHash } from 'node:crypto'
import { readJournal, writtenIn } from '../engine/journal.ts'
import type { Workspace } from './workspace.ts'

/**
 * The proofs of an observation, newest first. A file counts only where a journal says that it was written with just these bytes: a
 * proof that somebody made or changed by hand is none.
 */
export async function proofsIn(workspace: Workspace, observation: string): Promise<{ path: string; text: string }[]> {
  const folder = `evidence/proofs/${observation}`
  const journals = (await workspace.journals()).map((f) => readJournal(f.name, f.text))
  const known = new Map(writtenIn(journals).map((w) => [w.path, w.sha256]))
  const found: { path: string; text: string }[] = []
  for (const name of (await workspace.filesIn(folder)).toReversed()) {
    const path = `${folder}/${name}`
    const text = await workspace.read(path)
    if (text !== undefined && known.get(path) === createHash('sha256').update(text).digest('hex')) found.push({ path, text })
  }
  return found
}
