import { join } from 'node:path'
import type { Opens } from '../contract.ts'
import { OBSERVATIONS } from '../domain/all-observations.ts'
import { Failure } from '../engine/errors.ts'
import type { EnginePorts, Held } from '../engine/ports.ts'
import { PROVERS, type Subject } from '../observe/provers.ts'
import { type HeldSecret, holdSource } from '../tools/held.ts'
import { sealTo } from '../tools/seal.ts'
import { fileProblem } from './file-problem.ts'
import type { Parts } from './parts.ts'

/** The ports through which secrets go: held in memory, sealed, and looked at for a proof. */

export function secretPorts(
  parts: Parts,
  recipientsFor: (opens: Opens) => { name: string; recipient: string }[],
): Pick<EnginePorts, 'hold' | 'seal' | 'prove' | 'outputs'> {
  const { system, caller, observer, workspace } = parts
  // what the engine holds is a name; the secret itself stays here
  const secrets = new WeakMap<Held, HeldSecret>()
  const secretOf = (held: Held): HeldSecret => {
    const secret = secrets.get(held)
    if (!secret) throw new Error('this secret was never held')
    return secret
  }

  /** About how many bytes a call will give, where the state of etcd tells. */
  const expected = async (args: Record<string, unknown>): Promise<number | undefined> => {
    const { node } = args as { node?: string }
    const [seen] = (await observer.observe(['etcdStatus'], {})).etcdStatus ?? []
    const status = seen?.look.ok ? (seen.look.value as { address: string; databaseBytes?: number }[]) : []
    return status.find((s) => s.address === node)?.databaseBytes
  }

  return {
    hold: async (source, { signal, onBytes }) => {
      const bytes = caller.verbOf(source.call.verb).writes ? await expected(source.call.args) : undefined
      const got = await holdSource(system, caller, source, {
        ...(bytes ? { expected: bytes } : {}),
        ...(parts.scratch ? { scratch: parts.scratch } : {}),
        ...(signal ? { signal } : {}),
        ...(onBytes ? { onBytes } : {}),
      })
      if (!got.ok) return got
      const held: Held = { bytes: got.held.bytes, place: got.held.place, release: got.held.release }
      secrets.set(held, got.held)
      return { ok: true, held }
    },

    seal: async (held, to, { signal, onBytes }) => {
      if (!workspace) throw new Error('sealing needs a workspace')
      const recipients = recipientsFor(to.opens)
      const names = recipients.map((r) => r.name)
      const path = await workspace.place(to.path)
      const { manifest } = to
      try {
        const sealed = await sealTo(system, caller, secretOf(held), {
          path,
          recipients: recipients.map((r) => r.recipient),
          ...(signal ? { signal } : {}),
          ...(onBytes ? { onBytes } : {}),
          ...(manifest
            ? {
                manifest: ({ sha256, bytes, by }) =>
                  `${JSON.stringify(
                    {
                      schema: manifest.schema,
                      mode: parts.mode,
                      takenAt: system.clock.now().toISOString(),
                      ...manifest.about,
                      sealed: { sha256, bytes, by },
                      recipients: names,
                    },
                    null,
                    2,
                  )}\n`,
              }
            : {}),
        })
        return { path: to.path, sha256: sealed.sha256, bytes: sealed.bytes, recipients: names }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code) fileProblem(error, path)
        throw new Failure('not-sealed', (error as Error).message, 'nothing was changed; see talos-preflight doctor')
      }
    },

    prove: async (observation, of, { signal, onBytes, terminal }) => {
      const prover = PROVERS[observation]
      if (!prover) throw new Error(`nothing proves ${observation}`)
      const subject: Subject = 'path' in of ? { path: join(workspace?.path ?? '', of.path), name: of.path } : { held: secretOf(of) }
      const identity = (await system.files.info(parts.identity)) ? parts.identity : undefined
      return prover(subject, {
        system,
        caller,
        terminal,
        ...(identity ? { identity } : {}),
        ...(signal ? { signal } : {}),
        ...(onBytes ? { onBytes } : {}),
      })
    },

    outputs: (observation, value) => OBSERVATIONS[observation]?.outputs?.(value) ?? {},
  }
}
