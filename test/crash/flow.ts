import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { Line } from '../../src/engine/journal.ts'
import type { PracticeState } from '../../src/practice/state.ts'
import { cleanEnvironment, temporaryFolder } from '../support/terminal.ts'
import { chainProblems, copyOf, filesBelow, journalsOf, type KillPoint, killedAt, run, sideBySide, uncheckedIn, underWay } from './run.ts'

/**
 * A command that is killed at each line of its journal and then given again. What a kill leaves is taken from one run that copies its
 * folder at each line; the moments that matter most are reached by a SIGKILL as well, and have to look the same.
 */

export interface Flow {
  /** Command lines before it, on a fresh world. */
  before: string[][]
  args: string[]
}

const copies = fileURLToPath(new URL('copies.mjs', import.meta.url))
/** More of us would only wait for each other. */
const AT_ONCE = 2

/** Runs it to its end, and gives where the copies are. */
function copied(folder: string, args: readonly string[]): Promise<string> {
  const into = join(temporaryFolder(), 'copies')
  mkdirSync(into)
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [copies, folder, into, ...args, '--practice'], {
      env: cleanEnvironment(temporaryFolder()),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data))
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve(into) : reject(new Error(`it ended with ${code}\n${said}`))))
  })
}

const stateOf = (folder: string): PracticeState => JSON.parse(readFileSync(join(folder, 'practice.json'), 'utf8'))

/** The simulated world without clocks, and without how often something was tried before it was kept. */
export function worldOf(folder: string): unknown {
  const { nodes, policies, probe } = stateOf(folder)
  return { policies, probe, nodes: nodes.map(({ changes: _, apiServer: __, written: ___, log: ____, ...node }) => node) }
}

/** How often the config of each node was changed, by the nodes themselves. */
const writesOf = (folder: string): number[] => stateOf(folder).nodes.map((n) => n.changes)

/** How often each change became done, by what the journals say of it. */
function changesDone(folder: string, from: number): Record<string, number> {
  const done: Record<string, number> = {}
  for (const line of linesOf(folder).slice(from))
    if ((line.kind === 'outcome' || line.kind === 'resolved') && line.result === 'done' && line.record !== undefined) {
      const name = `${line.stage} ${line.step} ${line.object.name} ${line.action}`
      done[name] = (done[name] ?? 0) + 1
    }
  return done
}

const linesOf = (folder: string): Line[] =>
  existsSync(join(folder, 'workspace', 'evidence')) ? journalsOf(folder).flatMap((j) => j.lines) : []

function later(folder: string, seconds: number): void {
  const state = stateOf(folder)
  const now = new Date(new Date(state.now).getTime() + seconds * 1000).toISOString()
  writeFileSync(join(folder, 'practice.json'), JSON.stringify({ ...state, now }))
}

/** Names of files that are there once for each time something was sealed, proved or looked at. */
const sealedIn = (folder: string): string[] => [
  ...new Set(
    filesBelow(folder).flatMap((f) => /^workspace\/(?:secrets|backups)\/(config-[a-z0-9]+|bundle|etcd-[a-z]+)-.*\.age$/.exec(f)?.[1] ?? []),
  ),
]

/** The moments at which something happens between two lines, and those around a tentative change. */
const POINTS_AFTER: Line['kind'][] = ['intent', 'child', 'consented', 'tried']

/** Before every line, and after those behind which something happens before the next one. */
export const pointsOf = (kinds: readonly Line['kind'][]): KillPoint[] =>
  kinds.flatMap((kind, i): KillPoint[] => [
    { line: i + 1, when: 'before' },
    ...(POINTS_AFTER.includes(kind) ? [{ line: i + 1, when: 'after' } as const] : []),
  ])

export interface Whole {
  fresh: string
  end: string
  copies: string
  lines: Line[]
  points: KillPoint[]
}

export async function whole(flow: Flow): Promise<Whole> {
  const fresh = join(temporaryFolder(), 'practice')
  await run(fresh, ['doctor'])
  for (const args of flow.before) {
    const { exitCode, said } = await run(fresh, args)
    expect(exitCode, `${args.join(' ')}\n${said}`).toBe(0)
  }
  const end = copyOf(fresh)
  const from = linesOf(fresh).length
  const into = await copied(end, flow.args)
  const lines = linesOf(end).slice(from)
  return { fresh, end, copies: into, lines, points: pointsOf(lines.map((l) => l.kind)) }
}

/** The command is given again in what a kill left, and comes to the same end. */
export async function resumed(flow: Flow, { fresh, end, lines }: Whole, folder: string, label: string): Promise<void> {
  const from = linesOf(fresh).length
  const killed = journalsOf(folder).at(-1)
  const begun = linesOf(folder).length > from ? underWay(killed) : undefined
  const trying = stateOf(folder).nodes.find((n) => n.tried)

  let { exitCode, said } = await run(folder, flow.args)
  if (trying && /API server does not answer/.test(said)) {
    // going back restarted it as well: whoever is told so comes back later
    expect(exitCode, `${label}\n${said}`).toBe(2)
    later(folder, 200)
    const again = await run(folder, flow.args)
    exitCode = again.exitCode
    said += again.said
  }
  const text = `${label}\n${said}`
  expect(exitCode, text).toBe(0)
  if (begun) {
    expect(said, label).toContain(`it was at "${begun.title}" on ${begun.node}`)
    expect(said, label).toMatch(/What became of it: (done|not done) \(.+\)\./)
  } else expect(said, label).not.toContain('What became of it')
  if (trying) {
    // inside the window nothing is sent, and whoever waits is told for how long and why
    expect(said, label).toMatch(
      new RegExp(`${trying.name} was being tried and takes itself back by \\d\\d:\\d\\d:\\d\\d UTC; nothing is sent to it before`),
    )
    expect(stateOf(folder).now > (trying.tried?.until ?? ''), label).toBe(true)
  }
  expect(worldOf(folder), text).toEqual(worldOf(end))
  expect(changesDone(folder, from), text).toEqual(changesDone(end, from))
  // what was being tried is tried again where it went back; everything else is sent once
  if (!lines.some((l) => l.kind === 'tried')) expect(writesOf(folder), text).toEqual(writesOf(end))
  expect(sealedIn(folder).toSorted(), label).toEqual(sealedIn(end).toSorted())
  expect(uncheckedIn(folder), text).toEqual([])
  expect(chainProblems(folder), label).toEqual([])
  expect(
    filesBelow(folder).filter((f) => /\.(part|tmp|lock)$/.test(f)),
    label,
  ).toEqual([])
}

export const everyLine = (flow: Flow, of: Whole): Promise<void> =>
  sideBySide(of.points, AT_ONCE, ({ line, when }) =>
    resumed(flow, of, copyOf(join(of.copies, `${when}-${line}`)), `${when} line ${line}, ${of.lines[line - 1]?.kind}`),
  )

/** Kills it at some lines for good, and compares what that leaves with the copy that was made there. */
export async function reallyKilled(flow: Flow, of: Whole, points: readonly KillPoint[]): Promise<void> {
  await sideBySide(points, AT_ONCE, async (point) => {
    const label = `SIGKILL ${point.when} line ${point.line}`
    const folder = copyOf(of.fresh)
    expect(await killedAt(point, folder, flow.args), label).toBe(true)
    const copy = join(of.copies, `${point.when}-${point.line}`)
    expect(worldOf(folder), label).toEqual(worldOf(copy))
    const kinds = (f: string) => linesOf(f).map((l) => l.kind)
    expect(kinds(folder), label).toEqual(kinds(copy))
    await resumed(flow, of, folder, label)
  })
}
