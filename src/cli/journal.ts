import { EXIT, Refusal } from '../engine/errors.ts'
import { verifyJournals } from '../engine/journal.ts'
import type { CommandContext } from './command.ts'
import { needed } from './world.ts'

/** `journal verify`: checks the chains. */

export async function journal({ world, out, words, json }: CommandContext): Promise<number> {
  if (words[0] !== 'verify') throw new Refusal('usage', `there is no "journal ${words[0]}"`, 'talos-preflight journal verify')
  const workspace = needed(world.workspace)
  const found = verifyJournals(await workspace.journals())
  if (json) out(`${JSON.stringify({ schema: 'talos-preflight/journal/v1', ...found }, null, 2)}\n`)
  else {
    out(`${found.files} journals, ${found.lines} lines${found.problems.length === 0 ? ', every chain is whole' : ''}\n`)
    for (const name of found.torn) out(`${name}: its last line was cut while it was written; it is left out\n`)
    for (const problem of found.problems) out(`${problem}\n`)
    for (const [name, head] of Object.entries(found.heads)) out(`head ${head.slice(0, 16)}  ${name}\n`)
  }
  return found.problems.length > 0 ? EXIT.failed : EXIT.ok
}
