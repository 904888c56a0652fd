import { spawn } from 'node:child_process'
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { Decrypter } from 'age-encryption'
import { main } from '../../src/cli.ts'
import { type JournalFile, readJournal, verifyJournals } from '../../src/engine/journal.ts'
import { cleanEnvironment, ROOT, temporaryFolder } from '../support/terminal.ts'

/** Runs of the program that die at a journal line, and runs that come after them. */

export interface KillPoint {
  line: number
  when: 'before' | 'after'
}

const child = fileURLToPath(new URL('child.mjs', import.meta.url))
const home = () => temporaryFolder()

/** A copy of a practice folder, so that each run begins at the same point. */
export function copyOf(folder: string): string {
  const copy = join(temporaryFolder(), 'practice')
  cpSync(folder, copy, { recursive: true })
  return copy
}

/** Runs it until it kills itself. True where it did; false where it came to its end before. */
export function killedAt(point: KillPoint, folder: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const env = {
      ...cleanEnvironment(home()),
      ...(process.env.NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE } : {}),
    }
    const run = spawn(process.execPath, [child, `${point.line}`, point.when, ...args, '--practice', '--workspace', folder], {
      env,
      stdio: 'ignore',
    })
    run.once('error', reject)
    run.once('exit', (code, signal) => {
      if (signal === 'SIGKILL') resolve(true)
      else if (code === 0) resolve(false)
      else reject(new Error(`killed at ${point.when} ${point.line}: it ended with ${code ?? signal} instead`))
    })
  })
}

/** The program in this process, without a terminal. */
export async function run(folder: string, args: readonly string[]): Promise<{ exitCode: number; said: string }> {
  let said = ''
  const out = () =>
    new Writable({
      write: (chunk, _, done) => {
        said += chunk
        done()
      },
    })
  const exitCode = await main(
    [...args, '--practice', '--workspace', folder],
    { stdin: Readable.from([]), stdout: out(), stderr: out(), env: cleanEnvironment(home()), cwd: folder, onSignal: () => () => undefined },
    { name: 'talos-preflight', version: '0.1.0', root: ROOT },
  )
  return { exitCode, said }
}

export function journalsOf(folder: string): JournalFile[] {
  const journals = join(folder, 'workspace', 'evidence', 'journal')
  return readdirSync(journals)
    .toSorted()
    .map((name) => readJournal(name, readFileSync(join(journals, name), 'utf8')))
}

/** What `journal verify` would say. */
export function chainProblems(folder: string): string[] {
  return verifyJournals(journalsOf(folder)).problems
}

/** Checks behind a change that is done which no run made to their end. */
export function uncheckedIn(folder: string): string[] {
  const lines = journalsOf(folder).flatMap((j) => j.lines)
  const ended = lines.filter((l) => l.kind === 'outcome' || l.kind === 'resolved')
  const isDone = (part: string, action: string | undefined) =>
    ended.some((l) => l.part === part && l.action === action && l.result === 'done')
  return lines
    .flatMap((l) => (l.kind === 'planned' ? l.parts : []))
    .flatMap(({ digest, object, actions, checks = [] }) =>
      isDone(digest, actions.at(-1 - checks.length)) ? checks.filter((c) => !isDone(digest, c)).map((c) => `${object.name} ${c}`) : [],
    )
}

/** What was begun and has no outcome: the state in which a run was killed. */
export function underWay(journal: JournalFile | undefined): { title: string; node: string } | undefined {
  const intent = journal?.lines.findLast((l) => l.kind === 'intent')
  if (intent?.kind !== 'intent') return undefined
  const ended = journal?.lines.some((l) => l.kind === 'outcome' && l.seq > intent.seq)
  return ended ? undefined : { title: intent.title, node: intent.object.name }
}

/** How often each node was changed, by what the journals say of it. */
export function changesOf(folder: string, stage: 'mend' | 'undo'): Record<string, number> {
  const changes: Record<string, number> = {}
  for (const line of journalsOf(folder).flatMap((j) => j.lines))
    if ((line.kind === 'outcome' || line.kind === 'resolved') && line.stage === stage && line.action === 'patch' && line.result === 'done')
      changes[line.object.name] = (changes[line.object.name] ?? 0) + 1
  return changes
}

type PracticeNodes = { name: string; changes: number; written: boolean; log: string[] }[]
const practiceNodes = (folder: string): PracticeNodes => JSON.parse(readFileSync(join(folder, 'practice.json'), 'utf8')).nodes

export const nodesOf = (folder: string): unknown => practiceNodes(folder).map(({ changes: _, written: __, log: ___, ...node }) => node)

/** How often the config of each node was changed. */
export const countsOf = (folder: string): Record<string, number> =>
  Object.fromEntries(practiceNodes(folder).map(({ name, changes }) => [name, changes]))

/** Every file below a folder, by its path from there. */
export const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => join(e.parentPath, e.name).slice(folder.length + 1))

/** The node of each sealed file; fails for one that the practice identity does not open or that holds no config. */
export async function openSealed(folder: string): Promise<string[]> {
  const identity = readFileSync(join(folder, 'home', '.config', 'talos-preflight', 'identity.txt'), 'utf8')
  const decrypter = new Decrypter()
  decrypter.addIdentity(/^AGE-SECRET-KEY-\S+$/m.exec(identity)?.[0] ?? '')
  const sealed = filesBelow(folder).filter((f) => f.startsWith('workspace/secrets/'))
  return Promise.all(
    sealed.map(async (path) => {
      const text = await decrypter.decrypt(new Uint8Array(readFileSync(join(folder, path))), 'text')
      const node = /^hostname: (\S+)$/m.exec(text)?.[1] ?? ''
      if (!text.startsWith('version: v1alpha1') || !path.includes(`config-${node}-`))
        throw new Error(`${path} does not hold the config of ${node}`)
      return node
    }),
  )
}

/** Does this for each, several at once. */
export async function sideBySide<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
    }),
  )
}
