import { join, resolve } from 'node:path'
import { Refusal } from '../engine/errors.ts'
import { SCENARIOS, type Scenario } from '../practice/scenarios.ts'
import { clock } from '../system/clock.ts'
import { files, stateFolder } from '../system/files.ts'
import { memory } from '../system/memory.ts'
import { network } from '../system/network.ts'
import type { System } from '../system/ports.ts'
import { processes } from '../system/processes.ts'
import type { Parsed } from './args.ts'
import { fileProblem } from './file-problem.ts'
import type { Io } from './io.ts'
import type { Place } from './world.ts'

/** The real machine or the simulated one. */

export function realSystem(io: Pick<Io, 'env' | 'cwd'>): System {
  const running = processes(io.env)
  return { processes: running, files: files(io.env, io.cwd), network, memory: memory(io.env, running), clock }
}

/** The scenario that is asked for, if any. */
export function scenarioOf(parsed: Parsed): Scenario | undefined {
  const named = parsed.flags.practice ?? (parsed.command?.name === 'practice' ? (parsed.words[0] ?? 'default') : undefined)
  if (named === undefined) return undefined
  const scenario = SCENARIOS.find((s) => s === named)
  if (!scenario) throw new Refusal('no-such-scenario', `there is no practice scenario "${named}"`, `scenarios: ${SCENARIOS.join(', ')}`)
  return scenario
}

export async function openPlace(
  parsed: Parsed,
  io: Io,
  wrap: (system: System) => System,
  scenario: Scenario | undefined = scenarioOf(parsed),
): Promise<Place> {
  const real = wrap(realSystem(io))
  if (!scenario) return { system: real, mode: 'live', folder: parsed.flags.workspace ?? io.cwd }
  const { NotPractice, openPractice, removePractice } = await import('../practice/index.ts')
  const folder = parsed.flags.workspace ? resolve(io.cwd, parsed.flags.workspace) : join(stateFolder(real.files), 'practice', scenario)
  try {
    if (parsed.flags.reset) await removePractice(real.files, folder)
    const practice = await openPractice(real, scenario, folder)
    // a hardened world was hardened there, by the program itself; what restarts an API server wants a checked snapshot first
    const rounds = [
      ['CRT-02', 'BAK-02', 'BAK-03'],
      ['INF-02', 'K8S-04', 'MON-01'],
    ]
    const prepare = practice.isNew && scenario === 'hardened' ? rounds : []
    return { system: practice.system, mode: 'practice', folder: practice.workspace, scenario, prepare }
  } catch (error) {
    if (error instanceof NotPractice)
      throw new Refusal(
        'not-practice',
        `${folder} holds something else than a simulated world`,
        'practice keeps out of real folders: take an empty one, or leave --workspace out',
      )
    fileProblem(error, folder)
  }
}
