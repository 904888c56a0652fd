import { join } from 'node:path'
import { chooseAccess, chooseKubernetes, readContexts } from '../../../../src/cli/access.ts'
import { realSystem } from '../../../../src/cli/place.ts'
import type { VerbName, Verbs } from '../../../../src/domain/verbs.ts'
import type { System } from '../../../../src/system/ports.ts'
import { type Caller, type CallOptions, createCaller } from '../../../../src/tools/caller.ts'
import type { RealCluster } from '../cluster.ts'
import { Operator } from '../operator.ts'

/** The verbs of the registry as the program calls them, with note of which reached their tool. */

export interface At {
  cluster: RealCluster
  me: Operator
  system: System
  caller: Caller
  /** The same with that context alone. */
  as: (who: 'reader' | 'admin') => Caller
  /** Verbs that were answered. */
  ran: Set<string>
  cp1: string
  /** Empty where the cluster has one control plane. */
  cp2: string
  w1: string
}

/** One test a verb. */
export type Cases<N extends string> = { [V in Extract<VerbName, N>]?: (at: At) => Promise<void> }

export async function begin(cluster: RealCluster, ran: Set<string>): Promise<At> {
  const me = new Operator(cluster)
  const system = realSystem({ env: me.env, cwd: me.workspace })
  const { found } = await readContexts(system, [join(me.home, '.talos', 'config')])
  const access = chooseAccess(found, { observe: `reader@${cluster.name}`, change: `admin@${cluster.name}` })
  const caller = createCaller(system, access, (await chooseKubernetes(system, {}))?.access)
  const noting: Caller = {
    ...caller,
    run: async (verb, args, options) => {
      const result = await caller.run(verb, args, options)
      if (result.ok) ran.add(verb)
      return result
    },
  }
  const address = (name: string) => cluster.nodes.find((n) => n.name === name)?.address ?? ''
  const as = (who: string) =>
    createCaller(
      system,
      access.filter((a) => a.context === `${who}@${cluster.name}`),
    )
  return { cluster, me, system, caller: noting, as, ran, cp1: address('cp1'), cp2: address('cp2'), w1: address('w1') }
}

export async function answerOf<V extends VerbName>(at: At, verb: V, args: Verbs[V], options: CallOptions = {}): Promise<string> {
  const result = await at.caller.run(verb, args, options)
  if (!result.ok) throw new Error(`${result.command}: ${result.reason}`)
  return result.stdout.toString('utf8')
}
