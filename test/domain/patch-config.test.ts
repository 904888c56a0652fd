import { expect, test } from 'vitest'
import type { Condition } from '../../src/contract.ts'
import type { Member } from '../../src/domain/observations.ts'
import { patchConfig, type Surroundings } from '../../src/domain/patch-config.ts'

const seen = <T>(value: T) => ({ ok: true as const, value, evidence: [] })
const w1: Member = { name: 'w1', address: '10.0.0.3', addresses: ['10.0.0.3'], type: 'worker', version: 'v1.14.1' }
const around: Surroundings = { members: seen([w1]), etcd: seen([]), owners: seen([]), context: { delivery: 'live' } }
const condition: Condition = { observation: 'x', predicate: 'holds', args: null, sentence: 'it holds' }

test('an effect that does not come is explained by the controllers of what was changed', () => {
  const part = patchConfig({ kind: 'node', name: 'w1' }, around, {
    stepId: 'X-01',
    summary: 'set it',
    patches: [{}],
    yaml: '',
    done: condition,
    effect: condition,
    about: 'api-server',
    undo: { sentence: 'takes it back', record: null },
  })
  const effect = 'actions' in part ? part.actions.find((a) => a.id === 'effect') : undefined
  expect(effect).toMatchObject({ explain: { verb: 'talosctl.controllerLog', args: { node: '10.0.0.3', about: 'api-server' } } })
})
