import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Line } from '../../src/engine/journal.ts'
import { Driver, RED } from '../support/driver.ts'
import { practiceFolder, Terminal, temporaryFolder, untilExists } from '../support/terminal.ts'

const fixture = fileURLToPath(new URL('fixtures/held.mjs', import.meta.url))
const IN_THE_MIDDLE = '"kind":"outcome".*"name":"w2".*"action":"patch"'

/** The wizard after the change was agreed to, held at a journal line; by default the patch of the second node has no outcome yet. */
export async function inTheMiddle(
  at = IN_THE_MIDDLE,
  shows: RegExp = /• w2 +set 13 keys/,
): Promise<{ terminal: Terminal; driver: Driver; goOn: () => void }> {
  const home = temporaryFolder()
  const folder = join(home, 'hold')
  mkdirSync(folder)
  const terminal = new Terminal({ home, run: [process.execPath, fixture, 'practice'], env: { HOLD_FOLDER: folder, HOLD_AT: at } })
  const driver = new Driver(terminal)
  await terminal.until(RED, 'the checklist')
  await driver.choose('INF-10')
  for (const complete of ['enter see the plan', 'enter go on to review', 'enter change 5 objects', shows]) {
    driver.press('enter')
    await terminal.until(complete)
  }
  await untilExists(join(folder, 'held'))
  return { terminal, driver, goOn: () => writeFileSync(join(folder, 'go'), '') }
}

/** Nodes of the simulated cluster that hold something of ours. */
export const patched = (home: string): string[] => {
  const { nodes } = JSON.parse(readFileSync(join(practiceFolder(home), 'practice.json'), 'utf8'))
  return nodes
    .filter((n: { machineSysctls: unknown; sysctlDocument: unknown }) => n.machineSysctls || n.sysctlDocument)
    .map((n: { name: string }) => n.name)
}

/** Journals of the practice world, the oldest first, each as its lines. */
export function journalsOf(home: string): Line[][] {
  const folder = join(practiceFolder(home), 'workspace', 'evidence', 'journal')
  return readdirSync(folder)
    .toSorted()
    .map((name) =>
      readFileSync(join(folder, name), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    )
}
export const journalLines = (home: string): Line[] => journalsOf(home).flat()
