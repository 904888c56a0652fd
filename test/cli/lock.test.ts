import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Workspace } from '../../src/cli/workspace.ts'
import { Refusal } from '../../src/engine/errors.ts'
import type { System } from '../../src/system/ports.ts'
import { type Machine, machine } from '../tools/fixtures.ts'

/** The lock that keeps two of us apart: many who start at once, some of whom are killed while they hold it. */

let m: Machine
beforeEach(async () => {
  m = machine()
  alive = new Set()
  await m.system.files.create(file('preflight.yaml'), 'version: 1\ncluster: {name: x, environment: lab}\n', 0o644)
})
afterEach(() => m.remove())

const LOCK = '.preflight.lock'
const file = (name: string) => `${m.folder}/${name}`
const locks = async () => (await m.system.files.list(m.folder)).map((e) => e.name).filter((n) => n.startsWith(LOCK))
let alive: Set<number>
let last = 100_000

/** A process of ours, which is slow now and then between two things that it does to files. */
async function starter(more: Partial<System> = {}): Promise<{ pid: number; workspace: Workspace }> {
  const pid = ++last
  alive.add(pid)
  const files = Object.fromEntries(
    Object.entries(m.system.files).map(([name, value]) => [
      name,
      typeof value !== 'function'
        ? value
        : async (...args: unknown[]) => {
            if (Math.random() < 0.5) await delay(Math.random() * 4)
            return (value as (...all: unknown[]) => unknown)(...args)
          },
    ]),
  ) as unknown as System['files']
  const processes = { ...m.system.processes, self: () => ({ pid, started: '1' }), alive: (ref: { pid: number }) => alive.has(ref.pid) }
  const workspace = await Workspace.open({ ...m.system, files, processes, ...more }, m.folder)
  if (!workspace) throw new Error('no workspace')
  return { pid, workspace }
}

/** Whether it was had; another refusal than that somebody holds it is thrown. */
const had = async (workspace: Workspace): Promise<boolean> => {
  try {
    await workspace.lock()
    return true
  } catch (error) {
    if (error instanceof Refusal && error.code === 'workspace-busy') return false
    throw error
  }
}

/** Starts so many at once, and says which of them hold it. */
async function start(count: number): Promise<{ pid: number; workspace: Workspace }[]> {
  const all = await Promise.all(Array.from({ length: count }, () => starter()))
  const tried = await Promise.all(all.map(async (one) => ({ ...one, had: await had(one.workspace) })))
  return tried.filter((one) => one.had)
}

describe('the lock of a workspace', () => {
  test('has one holder, however many start at once, and behind each that was killed as well', async () => {
    for (let round = 0; round < 30; round++) {
      const holders = await start(12)
      expect(holders).toHaveLength(1)
      alive.clear()
      if (round % 3 === 0) await holders[0]?.workspace.unlock()
    }
  }, 60_000)

  test('is had where whoever took over a deserted one was killed in the middle of that', async () => {
    await start(1)
    alive.clear()
    const killed = new Error('killed')
    const { workspace } = await starter({ files: { ...m.system.files, remove: () => Promise.reject(killed) } })
    await expect(workspace.lock()).rejects.toBe(killed)
    expect(await locks()).toHaveLength(2)
    alive.clear()
    expect(await start(12)).toHaveLength(1)
    expect(await locks()).toEqual([LOCK])
  })

  test('is let go by its holder alone', async () => {
    const [first] = await start(1)
    await m.system.files.remove(file(LOCK))
    const [second] = await start(1)
    await first?.workspace.unlock()
    expect(await start(5)).toEqual([])
    await second?.workspace.unlock()
    expect(await locks()).toEqual([])
  })

  test.each(['', '{"pid":1', 'null'])(
    'that holds %j is held for as long as somebody may be writing it, and then deserted',
    async (text) => {
      await m.system.files.create(file(LOCK), text, 0o644)
      const waits: number[] = []
      const clock = { now: m.system.clock.now, sleep: (ms: number) => Promise.resolve(void waits.push(ms)) }
      const { workspace, pid } = await starter({ clock })
      expect(await had(workspace)).toBe(true)
      expect(waits.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(2000)

      await m.system.files.replace(file(LOCK), text, 0o644)
      const whole = JSON.stringify({ pid, started: '1', host: 'elsewhere', at: '2026-01-01' })
      const written = { ...clock, sleep: () => m.system.files.replace(file(LOCK), whole, 0o644) }
      await expect((await starter({ clock: written })).workspace.lock()).rejects.toThrow('another machine (elsewhere) uses this workspace')
    },
  )
})
