import type { Look } from '../../src/contract.ts'
import type { Member } from '../../src/domain/observations.ts'
import type { NodeRef } from '../../src/observe/node-looks.ts'
import type { Taking } from '../../src/observe/taking.ts'
import type { Network, ProcessSpec } from '../../src/system/ports.ts'
import { createCaller } from '../../src/tools/caller.ts'
import { accessOf, answering, silent } from '../tools/fixtures.ts'

/** What looks are taken with: tools that answer as they are told, and a clock that only moves when somebody sleeps. */

export interface Answer {
  exitCode?: number
  stdout?: string
  stderr?: string
  /** It is not on PATH. */
  missing?: true
}

export const CP1: NodeRef = { name: 'cp1', address: '10.0.0.1' }
export const W1: NodeRef = { name: 'w1', address: '10.0.0.11' }
const MEMBERS: Member[] = [
  { name: 'cp1', address: CP1.address, addresses: [CP1.address], type: 'controlplane', version: 'v1.13.9' },
  { name: 'w1', address: W1.address, addresses: [W1.address], type: 'worker', version: 'v1.13.9' },
]

export function takingOf(
  answer: (command: string, nodes: string[]) => Answer,
  more: { roles?: string[]; network?: Partial<Network>; kubernetes?: boolean } = {},
): { taking: Taking; asked: string[] } {
  let time = Date.parse('2026-11-23T12:00:00.000Z')
  const asked: string[] = []
  const system = answering(
    ({ file, args }: ProcessSpec) => {
      const at = args.indexOf('--nodes')
      const command = file === 'kubectl' ? `kubectl ${args.slice(6).join(' ')}` : args.slice(at + 2).join(' ')
      const nodes = at < 0 ? [] : (args[at + 1] ?? '').split(',')
      asked.push(nodes.length > 0 ? `${nodes.join(',')}: ${command}` : command)
      const { exitCode = 0, stdout = '', stderr = '', missing } = answer(command, nodes)
      if (missing) return { started: false, reason: 'missing', message: '' }
      return { exitCode, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr) }
    },
    {
      clock: {
        now: () => new Date(time),
        sleep: async (ms) => {
          time += ms
        },
      },
      network: { ...silent, ...more.network },
    },
  )
  const kubernetes = more.kubernetes === false ? undefined : { kubeconfig: '/k/config', context: 'lab' }
  const caller = createCaller(system, [accessOf('admin', more.roles ?? ['os:admin'], { endpoints: [CP1.address] })], kubernetes)
  return { taking: { system, caller, members: async () => ({ ok: true, value: MEMBERS, evidence: [] }) }, asked }
}

/** What a node shows, as `-o json` prints it. */
export const cosi = (node: string, id: string, spec: unknown, version = 1): string =>
  `${JSON.stringify({ metadata: { id, version }, node, spec }, null, 4)}\n`
export const listOf = (items: unknown[]): string => JSON.stringify({ kind: 'List', items })
/** In short: the value, or why there is none. */
export const said = (look: Look<unknown> | undefined): unknown => (look?.ok ? look.value : look?.reason)
