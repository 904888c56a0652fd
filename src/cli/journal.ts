import { join } from 'node:path'
import { plainLine } from '../contract.ts'
import { EXIT, Refusal } from '../engine/errors.ts'
import { type JournalFile, readJournal, verifyJournals, writtenIn } from '../engine/journal.ts'
import { sha256Of } from '../system/sha256.ts'
import type { CommandContext } from './command.ts'
import { fileProblem } from './file-problem.ts'
import { needed, type World } from './world.ts'

/** `journal verify`: checks the chains, and that the evidence which they name is what was written. */

const named = (n: number) => `${n} ${n === 1 ? 'file' : 'files'} that they name ${n === 1 ? 'is' : 'are'}`

/** Evidence that was changed is a problem. What is gone may lie in a bucket or was cleared away, so it is only named. */
async function evidenceOf(world: World, files: readonly JournalFile[]) {
  const workspace = needed(world.workspace)
  const problems: string[] = []
  const gone: string[] = []
  const written = writtenIn(files)
  for (const { path, sha256, journal } of written) {
    const full = join(workspace.path, path)
    if (!(await workspace.has(path))) gone.push(path)
    else if ((await sha256Of(world.place.system.files, full).catch((error) => fileProblem(error, full))) !== sha256)
      problems.push(`${path}: is not what ${journal} says was written`)
  }
  return { evidence: written.length, problems, gone }
}

export async function journal({ world, out, words, json }: CommandContext): Promise<number> {
  if (words[0] !== 'verify') throw new Refusal('usage', `there is no "journal ${words[0]}"`, 'talos-preflight journal verify')
  const files = (await needed(world.workspace).journals()).map((f) => readJournal(f.name, f.text))
  const chains = verifyJournals(files)
  const { evidence, gone, problems: changed } = await evidenceOf(world, files)
  // names and paths in a journal are whatever somebody wrote there
  const problems = [...chains.problems, ...changed].map((problem) => plainLine(problem))
  if (json)
    out(`${JSON.stringify({ schema: 'talos-preflight/journal/v1', mode: world.mode, ...chains, evidence, gone, problems }, null, 2)}\n`)
  else {
    out(`${chains.files} journals, ${chains.lines} lines${chains.problems.length === 0 ? ', every chain is whole' : ''}\n`)
    for (const name of chains.torn) out(`${name}: its last line was cut while it was written; it is left out\n`)
    if (evidence > 0) out(`${named(evidence - changed.length - gone.length)} as they were written\n`)
    if (gone.length > 0)
      out(
        `${named(gone.length)} not here: ${gone
          .slice(0, 5)
          .map((path) => plainLine(path))
          .join(', ')}${gone.length > 5 ? ', …' : ''}\n`,
      )
    for (const problem of problems) out(`${problem}\n`)
    for (const [name, head] of Object.entries(chains.heads)) out(`head ${head.slice(0, 16)}  ${plainLine(name)}\n`)
  }
  return problems.length > 0 ? EXIT.failed : EXIT.ok
}
