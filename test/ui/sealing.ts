import type { Progress } from '../../src/engine/perform.ts'
import type { PlannedPart } from '../../src/engine/plan.ts'
import type { RunState } from '../../src/engine/state.ts'
import type { MadePlan } from '../../src/ui/tui/model.ts'
import { part, planOf } from './states.ts'

/** A plan that changes nothing, with every kind of action that reads, seals and proves, and runs of it. */

const PART: PlannedPart = part('edge-prod', {
  object: { kind: 'cluster', name: 'edge-prod' },
  summary: 'take, check and seal a copy of the database',
  actions: [
    {
      id: 'copy',
      kind: 'hold',
      danger: 'read',
      title: 'take a copy from 10.0.0.11',
      source: { call: { verb: 'tool.copy', args: { node: '10.0.0.11' } } },
      as: 'copy',
    },
    {
      id: 'check',
      kind: 'prove',
      danger: 'read',
      title: 'check it: whether it is whole, and of this cluster, from its first page to its last',
      observation: 'checkedCopy',
      of: { held: 'copy' },
      required: true,
    },
    {
      id: 'seal',
      kind: 'seal',
      danger: 'read',
      title: 'seal it to the recipients that open backups',
      source: { held: 'copy' },
      path: 'backups/copy-edge-prod-{revision}-{time}.age',
      opens: 'backups',
    },
    {
      id: 'open',
      kind: 'prove',
      danger: 'read',
      title: 'open it again',
      observation: 'openedCopy',
      of: { sealed: 'seal' },
      required: false,
      terminal: true,
    },
  ],
})

export const SEALING: MadePlan = {
  stage: { kind: 'mend', steps: ['INF-02'] },
  plan: planOf('mend', [PART]),
  reviews: [{ part: PART.digest, preview: [] }],
}
export const ONE_RECIPIENT =
  'what is sealed now can be opened by ana only. If that identity is lost, so is the file. A second one: talos-preflight keys add NAME RECIPIENT --role recovery --opens backups'

const at = (second: number): string => `2026-11-23T14:03:${String(second).padStart(2, '0')}.000Z`
const progressed = (...given: [action: string, status: Progress['status'], second: number, note?: string][]): RunState['progress'] =>
  Object.fromEntries(
    given.map(([action, status, second, note]) => [
      `${PART.digest} ${action}`,
      { part: PART.digest, action, status, at: at(second), ...(note ? { note } : {}) },
    ]),
  )

/** The copy has come, and is being sealed. */
export const SEAL_RUN: RunState = {
  plan: SEALING.plan,
  progress: progressed(
    ['copy', 'done', 31, '1.2 GB in /srv/scratch'],
    ['check', 'done', 40, 'it is whole, of this cluster, and not older than the last one'],
    ['seal', 'running', 41, '310 MB of 1.2 GB'],
  ),
  log: [
    { at: at(31), text: 'edge-prod take a copy from 10.0.0.11: done, 1.2 GB in /srv/scratch' },
    { at: at(41), text: 'edge-prod seal it to the recipients that open backups: 310 MB of 1.2 GB' },
  ],
}

/** Nobody could be asked for the passphrase of the identity. */
export const SEAL_UNPROVED: RunState = {
  ...SEAL_RUN,
  progress: {
    ...SEAL_RUN.progress,
    ...progressed(
      ['seal', 'done', 52, 'backups/copy-edge-prod-81234-2026-11-23T14-03-41.age, 2 recipients'],
      ['open', 'unproved', 53, 'a tool would ask for something on the terminal, and there is none'],
    ),
  },
  result: { done: [PART], left: [], stopped: false },
}
