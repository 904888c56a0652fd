import { describe, expect, test } from 'vitest'
import { parsePodSecurity } from '../../src/domain/admission.ts'
import {
  AT_THE_NEXT_RESTART,
  goneSentence,
  inBatches,
  type Preview,
  parsePreview,
  parsePrivilegedAnswer,
  previewBlocks,
  previewStops,
  undecided,
} from '../../src/domain/admission-preview.ts'
import { kubectlRecording, TALOS } from './kubectl-recording.ts'

const FAULTS = 'allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile'
const A_AND_TWO = { pod: 'a', others: 2, faults: FAULTS }
const ONLY_USER = { pod: 'only-user', others: 0, faults: 'allowPrivilegeEscalation != false, unrestricted capabilities' }

describe.each(TALOS)('what kubectl said on a cluster of Talos %s', (talos) => {
  const parsed = (name: string, ...asked: string[]) => {
    const { stdout, stderr } = kubectlRecording(talos, name)
    return parsePreview(asked, stdout, stderr)
  }

  test('namespace by namespace, with the pods that would not start again', () => {
    const { previews, again } = parsed(
      'preview-restricted',
      'probe-clean',
      'probe-empty',
      'probe-plain',
      'probe-same',
      'probe-labelled',
      'kube-system',
    )
    expect(previews).toEqual([
      { namespace: 'probe-clean', state: 'keeps it', pods: [] },
      { namespace: 'probe-empty', state: 'keeps it', pods: [] },
      { namespace: 'probe-plain', state: 'violates', pods: [A_AND_TWO, ONLY_USER] },
      { namespace: 'probe-same', state: 'violates', pods: [{ ...A_AND_TWO, others: 0 }] },
      { namespace: 'probe-labelled', state: 'keeps it', pods: [] },
      { namespace: 'kube-system', state: 'exempt', pods: [] },
    ])
    expect(again).toEqual(['probe-same'])
  })

  test('of one that vanished while we looked, and of the others all the same', () => {
    const { previews } = parsed('preview-vanished', 'probe-plain', 'probe-gone', 'probe-same')
    expect(previews.map((p) => `${p.namespace} ${p.state}`)).toEqual(['probe-plain violates', 'probe-gone gone', 'probe-same violates'])
    expect(goneSentence(previews)).toBe('probe-gone was deleted meanwhile: there is nothing to ask about')
    expect(parsed('preview-only-vanished', 'probe-gone').previews).toEqual([{ namespace: 'probe-gone', state: 'gone', pods: [] }])
  })

  test('of pods that a lower level stops too', () => {
    expect(parsed('preview-baseline', 'probe-privileged', 'probe-plain').previews).toEqual([
      { namespace: 'probe-privileged', state: 'violates', pods: [{ pod: 'agent', others: 0, faults: 'host namespaces, privileged' }] },
      { namespace: 'probe-plain', state: 'keeps it', pods: [] },
    ])
  })

  test('of twins, whose second has no names because kubectl says nothing twice', () => {
    expect(parsed('preview-twins', 'probe-same', 'probe-twin')).toEqual({
      previews: [
        { namespace: 'probe-same', state: 'violates', pods: [{ pod: 'a', others: 0, faults: FAULTS }] },
        { namespace: 'probe-twin', state: 'violates', pods: [] },
      ],
      again: ['probe-twin'],
    })
  })

  test('where it may not ask', () => {
    const { previews } = parsed('preview-refused', 'probe-plain', 'probe-same')
    expect(previews.map((p) => [p.state, p.why])).toEqual([
      ['unseen', 'forbidden: User "probe" cannot get resource "namespaces" in API group "" in the namespace "probe-plain"'],
      ['unseen', 'forbidden: User "probe" cannot get resource "namespaces" in API group "" in the namespace "probe-same"'],
    ])
    expect(previewStops(previews, true)?.reason).toMatch(
      /^it is not known whether the pods of probe-plain and probe-same would start again: forbidden/,
    )
    expect(parsed('preview-bad-level', 'probe-plain').previews[0]).toMatchObject({
      state: 'unseen',
      why: expect.stringMatching(/^invalid: metadata/),
    })
  })

  test('of a privileged pod', () => {
    const answer = (name: string) => {
      const { stdout, stderr } = kubectlRecording(talos, name)
      return parsePrivilegedAnswer(stdout, stderr)
    }
    expect(answer('privileged-pod')).toEqual({ answer: 'refused', level: 'baseline:latest' })
    expect(answer('privileged-pod-let-in')).toEqual({ answer: 'let in' })
    expect(answer('privileged-pod-no-namespace')).toEqual({
      answer: 'unclear',
      why: 'Error from server (NotFound): error when creating "STDIN": namespaces "probe-gone" not found',
    })
  })
})

describe('an answer that is not whole', () => {
  const partly = 'Warning: new PodSecurity enforce level only checked against the first 3000 of 3500 existing pods'
  test('of one namespace is not known, or not all of it', () => {
    const stdout = 'namespace/big labeled (server dry run)\n'
    expect(parsePreview(['big'], stdout, partly)).toEqual({
      previews: [{ namespace: 'big', state: 'unseen', pods: [], why: 'only 3000 of its 3500 pods were looked at' }],
      again: [],
    })
    const violates = `${partly}\nWarning: existing pods in namespace "big" violate the new PodSecurity enforce level "restricted:latest"\nWarning: a: x`
    expect(parsePreview(['big'], stdout, violates).previews[0]).toMatchObject({
      state: 'violates',
      why: 'only 3000 of its 3500 pods were looked at',
    })
    expect(
      parsePreview(['big'], stdout, 'Warning: failed to list pods while checking new PodSecurity enforce level').previews[0],
    ).toMatchObject({ state: 'unseen' })
  })

  test('of several does not say of which, so that each is asked alone', () => {
    const stdout = 'namespace/big labeled (server dry run)\nnamespace/small labeled (server dry run)\n'
    expect(parsePreview(['big', 'small'], stdout, partly).again).toEqual(['big', 'small'])
  })

  test('that broke off is unseen, with the line that says why', () => {
    const { previews } = parsePreview(
      ['a', 'b'],
      'namespace/a labeled (server dry run)\n',
      'Unable to connect to the server: dial tcp: i/o timeout\n',
    )
    expect(previews).toEqual([
      { namespace: 'a', state: 'keeps it', pods: [] },
      { namespace: 'b', state: 'unseen', pods: [], why: 'Unable to connect to the server: dial tcp: i/o timeout' },
    ])
    expect(parsePreview(['a'], '', '').previews[0]?.why).toBe('there was no answer')
  })

  test('that names what was not asked changes nothing', () => {
    const stderr =
      'Warning: existing pods in namespace "other" violate the new PodSecurity enforce level "restricted:latest"\nWarning: a: x\n'
    expect(parsePreview(['mine'], 'namespace/mine labeled (server dry run)\n', stderr).previews).toEqual([
      { namespace: 'mine', state: 'keeps it', pods: [] },
    ])
  })

  test('keeps what a pod is called and what is said of it safe to draw', () => {
    const stderr =
      'Warning: existing pods in namespace "a" violate the new PodSecurity enforce level "restricted:latest"\nWarning: p: seccomp\u001b[31mProfile\n'
    expect(parsePreview(['a'], '', stderr).previews[0]?.pods).toEqual([{ pod: 'p', others: 0, faults: 'seccompProfile' }])
  })
})

describe('a cluster of 1,000 namespaces', () => {
  const names = Array.from({ length: 1000 }, (_, i) => `team-${i}`)
  const violating = names.map((namespace): Preview => ({ namespace, state: 'violates', pods: [A_AND_TWO] }))

  test('is asked in batches', () => {
    const batches = inBatches(names)
    expect(batches).toHaveLength(20)
    expect(batches.flat()).toEqual(names)
    expect(inBatches([])).toEqual([])
  })

  test('is shown by its first lines and the number of the others', () => {
    const blocks = previewBlocks(violating)
    expect(blocks[0]).toMatchObject({ type: 'table' })
    expect(blocks[0]?.type === 'table' && blocks[0].rows).toHaveLength(20)
    expect(blocks.slice(1)).toEqual([
      { type: 'text', text: '980 more lines like these.' },
      { type: 'text', text: AT_THE_NEXT_RESTART },
    ])
    expect(previewStops(violating, false)?.reason).toBe('3000 pods of team-0, team-1, team-2 and 997 more would not start again')
  })
})

describe('whether the plan waits', () => {
  const bad: Preview = { namespace: 'a', state: 'violates', pods: [ONLY_USER] }
  test('for pods that would not start again, unless the operator goes on despite them', () => {
    expect(previewStops([bad], false)?.reason).toBe('1 pod of a would not start again')
    expect(previewStops([bad], true)).toBeUndefined()
    expect(previewStops([bad, { ...bad, namespace: 'b', pods: [] }], false)?.reason).toBe('at least 1 pod of a and b would not start again')
    expect(previewStops([{ ...bad, pods: [] }], false)?.reason).toBe('pods of a would not start again')
    expect(previewStops([{ namespace: 'b', state: 'keeps it', pods: [] }], false)).toBeUndefined()
  })

  test('and the plan says what becomes of those that run', () => {
    expect(previewBlocks([bad, { ...bad, namespace: 'b', pods: [] }])).toEqual([
      {
        type: 'table',
        head: ['namespace', 'pods', 'why'],
        rows: [
          ['a', 'only-user', ONLY_USER.faults],
          ['b', 'not named', ''],
        ],
      },
      { type: 'text', text: AT_THE_NEXT_RESTART },
    ])
    expect(previewBlocks([])).toEqual([])
  })

  test('nothing is said of what is still there', () => {
    expect(goneSentence([bad])).toBeUndefined()
  })
})

test('only a namespace without a level of its own is asked about, and none that is exempt', () => {
  const { config } = parsePodSecurity({ exemptions: { namespaces: ['kube-system'] } })
  const labels = { 'pod-security.kubernetes.io/enforce': 'privileged' }
  expect(
    undecided(
      [
        { name: 'kube-system', labels: {} },
        { name: 'storage', labels },
        { name: 'web', labels: { 'pod-security.kubernetes.io/warn': 'restricted' } },
      ],
      config,
    ),
  ).toEqual(['web'])
})
