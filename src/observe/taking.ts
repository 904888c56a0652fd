import { createHash } from 'node:crypto'
import { type Evidence, type Look, plainLine } from '../contract.ts'
import type { Member } from '../domain/observations.ts'
import type { System } from '../system/ports.ts'
import type { Caller } from '../tools/caller.ts'
import { evidenceOf, failedLook } from './node-looks.ts'
import { cosiObjects } from './parse.ts'

/** What every look is taken with. */
export interface Taking {
  system: System
  caller: Caller
  /** The members of the cluster, taken once in a run. */
  members: () => Promise<Look<Member[]>>
  signal?: AbortSignal
}

export const hooks = ({ signal }: Pick<Taking, 'signal'>): { signal?: AbortSignal } => (signal ? { signal } : {})

/** Of what was seen without a tool: its bytes, or what was made of them. */
export function evidenceSeen(system: System, kind: Evidence['kind'], what: string, seen: unknown): Evidence {
  return {
    kind,
    what: plainLine(what, 300),
    takenAt: system.clock.now().toISOString(),
    sha256: createHash('sha256')
      .update(Buffer.isBuffer(seen) ? seen : JSON.stringify(seen))
      .digest('hex'),
  }
}

/** Asks the endpoints one after the other until one answers. `read` tells what the answer says; `nothing` is the reason where it says nothing. */
export async function askCluster<T>(
  caller: Caller,
  run: (node: string | undefined) => ReturnType<Caller['run']>,
  read: (stdout: string) => T | undefined,
  nothing: string,
): Promise<Look<T>> {
  const endpoints = caller.access[0]?.endpoints ?? []
  let failed: Look<T> | undefined
  for (const node of endpoints.length > 0 ? endpoints : [undefined]) {
    const ran = await run(node)
    const value = read(ran.stdout.toString('utf8'))
    if (value !== undefined) return { ok: true, value, evidence: [evidenceOf(ran)] }
    const garbled = ran.stdout.toString('utf8').trim() !== '' && cosiObjects(ran.stdout.toString('utf8')).length === 0
    failed ??= ran.ok
      ? { ok: false, reason: garbled ? 'what came is not what a Talos API answers' : nothing, evidence: [evidenceOf(ran)] }
      : failedLook(ran)
    if (!ran.ok && !ran.timedOut && !ran.unreached) break
  }
  return failed as Look<T>
}

/** Addresses of the control planes: those of the members, else the endpoints of the talosconfig. */
export async function controlPlanes({ caller, members }: Taking): Promise<string[]> {
  const seen = await members()
  const found = seen.ok ? seen.value.filter((m) => m.type === 'controlplane').map((m) => m.address) : []
  return found.length > 0 ? found : (caller.access[0]?.endpoints ?? [])
}
