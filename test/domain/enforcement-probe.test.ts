import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { Action, Part, ProveAction } from '../../src/contract.ts'
import { enforcementProbe, imageQuestion, type Probing, probeManifests, probePart } from '../../src/domain/enforcement-probe.ts'
import { denyManifest } from '../../src/domain/network-manifests.ts'

const TEMPLATE = readFileSync(new URL('../../templates/K8S-04/probe.yaml', import.meta.url), 'utf8')
const seen = (server: boolean, client: boolean, reaches = false): Probing => ({
  server: { runs: server, why: server ? '' : 'Failed', address: server ? '10.244.0.9' : '' },
  client: { runs: client, why: client ? '' : 'Failed', reaches },
})
const holds = (predicate: string, value: Probing) => enforcementProbe.predicates[predicate]?.(value, null)

describe('the pods that try whether policies are enforced', () => {
  test('are cut off where both run and one does not reach the other', () => {
    expect(holds('cut', seen(true, true))).toBe(true)
    expect(holds('cut', seen(true, true, true))).toBe('the pod still reaches the other one')
  })

  test.each([
    [seen(true, false), 'the pod that connects did not run to the end'],
    [seen(false, true), 'the pod that listens did not run to the end'],
    [seen(false, false), 'the pod that listens and the pod that connects did not run to the end'],
  ])('tell nothing where one of them does not run', (value, reason) => {
    expect(holds('cut', value)).toBe(reason)
    expect(holds('tells', value)).toBe(reason)
  })

  test('tell something where both run, whatever it is', () => {
    expect(holds('tells', seen(true, true))).toBe(true)
    expect(holds('tells', seen(true, true, true))).toBe(true)
  })
})

const isProof = (action: Action): action is ProveAction => action.kind === 'prove'

describe('the probe', () => {
  const made = probeManifests(TEMPLATE, imageQuestion.default)
  const { actions } = probePart({ kind: 'cluster', name: 'lab' }, [], { ...made, deny: denyManifest('talos-preflight-probe') }) as Part
  const proof = actions.find(isProof)

  test('fails where it tells nothing, and takes its pods away all the same', () => {
    expect(proof?.expects?.predicate).toBe('tells')
    expect(actions.at(-1)).toMatchObject({ id: 'clear', always: true })
  })

  test('takes no single slow try for an answer, and has the time for several', () => {
    const probe = parseAllDocuments(TEMPLATE).at(-1)?.getIn(['spec', 'template', 'spec', 'containers', 0, 'readinessProbe'])
    const { periodSeconds, timeoutSeconds, failureThreshold } = JSON.parse(JSON.stringify(probe))
    expect(failureThreshold).toBeGreaterThan(1)
    const slowest = failureThreshold * Math.max(periodSeconds, timeoutSeconds)
    // more than half of it is left for the plugin
    expect(proof?.of).toMatchObject({ settles: { predicate: 'cut' }, seconds: expect.toSatisfy((seconds) => seconds > slowest * 2) })
  })
})
