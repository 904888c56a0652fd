import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import {
  addToTries,
  answers,
  apiServerAnswers,
  asAtFirst,
  auditLines,
  FULL,
  journalled,
  lane,
  type Poison,
  patched,
  patchesOf,
  poisonsFor,
  secondAddress,
  settled,
  somebodysDryRun,
  tryByHand,
  withoutArgument,
} from './support/changes.ts'
import { aloneOf, type KubernetesCluster, kubectl, kubernetesOf, mustKubectl } from './support/kubernetes.ts'
import { configContent, configOf, configVersion, eventually, nodeOf, talosctl } from './support/nodes.ts'
import { goHome, type Operator, type Ran } from './support/operator.ts'

/** Nearly all of this is waiting for an API server, so what is done to one cluster goes on beside what is done to the other. */

const version = inject('version')
const LIMIT = 1_500_000
const said = (ran: Ran) => ran.stdout + ran.stderr
/** What it said in the end. */
const lastOf = (ran: Ran) => said(ran).slice(-2500)

describe('changes of the API server on real nodes', () => {
  let cluster: KubernetesCluster
  let alone: KubernetesCluster
  const plane = (of: KubernetesCluster) => nodeOf(of, 'cp1')
  const content = (of: KubernetesCluster) => configContent(configOf(of, plane(of)))
  const [onCluster, onAlone] = [lane(), lane()]

  beforeAll(async () => {
    ;[cluster, alone] = await Promise.all([kubernetesOf(version), aloneOf(version)])
    await Promise.all([asAtFirst(cluster), asAtFirst(alone)])
  })
  afterAll(goHome)

  /** Mended with what nobody would plan added to the try: it goes back, and the reason is that of the node's log. */
  const goesBack = async (me: Operator, step: string, { patches, reason }: Poison, ...answers: string[]) => {
    const of = me.cluster as KubernetesCluster
    const before = content(of)
    addToTries(me, patches)
    const applied = await me.run('apply', step, '--yes', '--answer', `${step}.window=75`, ...answers)
    me.tool('talosctl', of.talosctl)
    expect(lastOf(applied)).toMatch(reason)
    expect(lastOf(applied)).toMatch(/; it went back by itself, and cp1 is as before/)
    expect(applied.code, lastOf(applied)).toBe(4)
    expect(content(of)).toEqual(before)
    await apiServerAnswers(of)
    const after = await me.check(step, ...answers)
    expect(after.verdicts).toEqual({ [step]: 'fail' })
    // a later check says it too
    expect(after.findings(step).map((f) => f.reason)).toEqual([expect.stringMatching(reason)])
  }

  /** Mended, the same again, and taken back; `kept` looks at what it does meanwhile. */
  const thereAndBack = async (me: Operator, step: string, kept: () => Promise<void>, ...answers: string[]) => {
    const of = me.cluster as KubernetesCluster
    const before = content(of)
    const applied = await me.run('apply', step, '--yes', ...answers)
    expect(applied.code, lastOf(applied)).toBe(0)
    expect(said(applied)).toContain(`${step} mended on cp1`)
    expect(content(of)).not.toEqual(before)
    expect((await me.check(step, ...answers)).verdicts).toEqual({ [step]: 'pass' })
    await kept()

    const sent = configVersion(of, plane(of))
    const again = await me.run('apply', step, '--yes', ...answers)
    expect(again.stdout).toContain('Nothing to do.')
    expect(again.code).toBe(0)
    expect(configVersion(of, plane(of))).toBe(sent)

    const undone = await me.run('apply', '--undo', step, '--yes')
    expect(undone.code, lastOf(undone)).toBe(0)
    expect(said(undone)).toContain(`${step} taken back on cp1`)
    expect(content(of)).toEqual(before)
    expect((await me.check(step, ...answers)).verdicts).toEqual({ [step]: 'fail' })
  }

  const stoppers = poisonsFor(version, ['doubled exemption', 'unwritable log'])
  it.concurrent.each(stoppers)(
    'MON-01 with a $name in it stops the API server, and both go back by themselves',
    (poison) => onCluster(async () => goesBack(await settled(cluster), 'MON-01', poison)),
    LIMIT,
  )

  it.concurrent(
    'MON-01 is red, is mended, logs who did what and no secret, changes nothing again, and is undone',
    () =>
      onCluster(async () => {
        const me = await settled(cluster)
        await thereAndBack(me, 'MON-01', async () => {
          const [name, value] = [`whispered-${Date.now()}`, `not-to-be-logged-${Date.now()}`]
          mustKubectl(cluster, ['create', 'secret', 'generic', name, `--from-literal=word=${value}`])
          mustKubectl(cluster, ['create', 'clusterrole', name, '--verb=get', '--resource=pods'])
          const lines = await eventually('both are in the audit log', () => {
            const found = auditLines(plane(cluster), name).filter((l) => l.verb === 'create')
            return found.length >= 2 ? found : undefined
          })
          const of = (resource: string) => lines.filter((l) => l.objectRef?.resource === resource)
          expect(of('secrets').map(({ level, stage, requestObject }) => ({ level, stage, requestObject }))).toEqual([
            { level: 'Metadata', stage: 'ResponseComplete', requestObject: undefined },
          ])
          expect(of('clusterroles').map(({ level, requestObject }) => [level, requestObject?.rules])).toEqual([
            ['RequestResponse', [expect.objectContaining({ resources: ['pods'], verbs: ['get'] })]],
          ])
          for (const text of [value, Buffer.from(value).toString('base64')]) expect(auditLines(plane(cluster), text)).toEqual([])
          mustKubectl(cluster, ['delete', 'secret', name])
          mustKubectl(cluster, ['delete', 'clusterrole', name])
        })
      }),
    LIMIT,
  )

  it.concurrent.each(poisonsFor(version, ['misspelt field']))(
    'MON-01 with a $name in it is not rendered by Talos, and goes back by itself',
    (poison) => onAlone(async () => goesBack(await settled(alone), 'MON-01', poison)),
    LIMIT,
  )

  const RESTRICTED = ['--answer', 'K8S-02.level=restricted']
  const DENIED = 'encryption-provider-config'
  const SAID = new RegExp(`extra arg \\\\?"${DENIED}\\\\?" is not allowed`)
  it.runIf(version === '1.13').concurrent(
    'K8S-02 is not rendered by Talos where a denied argument is in the way already, and goes back, or is taken back where somebody made a dry run',
    () =>
      onAlone(async () => {
        const me = await settled(alone)
        const first = content(alone)
        patched(alone, plane(alone), patchesOf('denied argument', version))
        const before = content(alone)
        try {
          const { ended } = me.begin('apply', 'K8S-02', '--yes', '--answer', 'K8S-02.window=75', ...RESTRICTED)
          await journalled(me, 'tried')
          if (FULL) expect(somebodysDryRun(alone, plane(alone)).code).toBe(0)
          const applied = await ended
          expect(lastOf(applied)).toMatch(SAID)
          expect(lastOf(applied)).toContain(
            `it ${FULL ? 'did not go back by itself and was taken back' : 'went back by itself'}, and cp1 is as before`,
          )
          expect(applied.code).toBe(4)
          expect(content(alone)).toEqual(before)
        } finally {
          patched(alone, plane(alone), withoutArgument(DENIED, version))
        }
        expect(content(alone)).toEqual(first)
      }),
    LIMIT,
  )

  it.runIf(FULL).concurrent(
    'a denied argument, sent past the program, changes nothing, and goes back by itself',
    () =>
      onAlone(async () => {
        await apiServerAnswers(alone)
        const before = content(alone)
        const told = tryByHand(alone, plane(alone), patchesOf('denied argument', version), 75)
        expect(told.code, told.stderr).toBe(0)
        expect(content(alone)).not.toEqual(before)
        const look = (...args: string[]) => talosctl(alone, '--nodes', plane(alone).address, ...args).stdout
        try {
          await eventually('the node says why', () => SAID.test(look('logs', 'controller-runtime', '--tail', '200')) || undefined)
          // Talos sets this argument itself
          expect(look('get', 'staticpods', 'kube-apiserver', '-o', 'yaml')).not.toContain('/nowhere/')
        } finally {
          await eventually('the config is as before', () => JSON.stringify(content(alone)) === JSON.stringify(before) || undefined, 150)
        }
      }),
    LIMIT,
  )

  it.concurrent(
    'K8S-02 passes by default and refuses a privileged pod; held to more it is mended, refuses more, changes nothing again, and is undone',
    () =>
      onAlone(async () => {
        const me = await settled(alone)
        const asked = (securityContext: object) => {
          const spec = { containers: [{ name: 'c', image: 'registry.k8s.io/pause:3.10', securityContext }] }
          const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'asked', namespace: 'default' }, spec }
          return kubectl(alone, ['create', '--dry-run=server', '-f', '-'], JSON.stringify(pod))
        }
        expect((await me.check('K8S-02')).verdicts).toEqual({ 'K8S-02': 'pass' })
        expect(asked({ privileged: true }).stderr).toMatch(/Forbidden|forbidden.*violates PodSecurity "baseline:latest": privileged/)
        expect(asked({}).code).toBe(0)
        await thereAndBack(
          me,
          'K8S-02',
          async () => {
            expect(asked({}).stderr).toMatch(/violates PodSecurity "restricted:latest"/)
            expect(asked({ privileged: true }).code).not.toBe(0)
          },
          ...RESTRICTED,
        )
        expect(asked({}).code).toBe(0)
      }),
    LIMIT,
  )

  it.concurrent(
    'a firewall without any rule, sent past the program, shuts everybody out of the node and goes back by itself',
    () =>
      onCluster(async () => {
        const w1 = nodeOf(cluster, 'w1')
        const [mine, other] = [cluster.gateway, secondAddress(cluster)]
        const before = configContent(configOf(cluster, w1))
        const block = { apiVersion: 'v1alpha1', kind: 'NetworkDefaultActionConfig', ingress: 'block' }
        const tried = tryByHand(cluster, w1, [block], 75)
        expect(tried.stderr).toContain("applied in 'try' mode and will be automatically reverted back in 1m15s")
        for (const from of [mine, other])
          await eventually(`w1 is silent to ${from}`, async () => (await answers(from, w1.address, 50000)) === 'silent' || undefined, 30)
        await eventually('w1 lets the operator in again', async () => (await answers(mine, w1.address, 50000)) === 'open' || undefined, 150)
        expect(configContent(configOf(cluster, w1))).toEqual(before)
      }),
    LIMIT,
  )
})
