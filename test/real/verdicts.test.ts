import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, inject, it, onTestFinished } from 'vitest'
import type { Version } from './support/cluster.ts'
import type { Checked } from './support/document.ts'
import { type KubernetesCluster, kubernetesOf, mustKubectl } from './support/kubernetes.ts'
import { eventually, pristine } from './support/nodes.ts'
import { goHome, Operator } from './support/operator.ts'

/**
 * The expected verdicts of every step, for each version of Talos: of a cluster as it comes, and of the same one after everything that
 * restarts nothing was mended. They are data, in `verdicts.json`. What changes an API server or a firewall has files of its own.
 */

type Verdicts = Record<string, string>
const table: Record<Version, Record<'default' | 'mended', Verdicts>> = JSON.parse(
  readFileSync(new URL('verdicts.json', import.meta.url), 'utf8'),
)
const version = inject('version')
let cluster: KubernetesCluster
beforeAll(async () => {
  cluster = await kubernetesOf(version)
  await pristine(cluster)
})
afterEach(goHome)
afterAll(() => pristine(cluster))

/** Every finding that is not as good as it can be, to tell what a difference comes from. */
const why = (checked: Checked): string =>
  Object.keys(checked.verdicts)
    .flatMap((step) =>
      checked.findings(step).flatMap((f) => (f.verdict === 'pass' ? [] : [`${step} ${f.object}: ${f.verdict}, ${f.reason}`])),
    )
    .join('\n')

/** Again where something could not be looked at that can be: the cluster may just be busy. */
const checkUntil = (me: Operator, wanted: Verdicts): Promise<Checked> => {
  let times = 3
  return eventually(
    'everything can be looked at',
    async () => {
      const checked = await me.check()
      const isMissed = Object.keys(wanted).some((step) => checked.verdicts[step] === 'unknown' && wanted[step] !== 'unknown')
      return isMissed && --times > 0 ? undefined : checked
    },
    180,
  )
}

it('a cluster as it comes has the verdicts of the table, and mended those beside them; Secrets are encrypted in its backup', async () => {
  const me = new Operator(cluster)
  await me.settleApart()
  const fresh = await checkUntil(me, table[version].default)
  expect(fresh.verdicts, why(fresh)).toEqual(table[version].default)
  expect(fresh.code).toBe(1)

  const remove = () => {
    for (const kind of ['secret', 'configmap']) mustKubectl(cluster, ['delete', kind, 'tp-seen', '--ignore-not-found'])
  }
  onTestFinished(remove)
  mustKubectl(cluster, ['create', 'secret', 'generic', 'tp-seen', '--from-literal=word=sw0rdfish-secret'])
  mustKubectl(cluster, ['create', 'configmap', 'tp-seen', '--from-literal=word=sw0rdfish-config'])
  await me.must('secrets', 'adopt')
  await me.must('backup', 'create')
  await me.must('apply', 'INF-10', '--yes')
  const mended = await checkUntil(me, table[version].mended)
  expect(mended.verdicts, why(mended)).toEqual(table[version].mended)

  const [backup = ''] = me.files('backups').filter((name) => name.endsWith('.age'))
  const snapshot = me.openBytes(join('backups', backup), me.recovery('vault').file)
  expect(snapshot.includes('/registry/secrets/default/tp-seen')).toBe(true)
  expect(snapshot.includes('sw0rdfish-config')).toBe(true)
  expect(snapshot.includes('sw0rdfish-secret')).toBe(false)
  expect(mended.findings('K8S-01').find((f) => f.reason.includes('encrypted in the snapshot'))).toMatchObject({
    verdict: 'pass',
    reason: expect.stringMatching(/^all \d+ Secrets lie encrypted .*\(k8s:enc:secretbox:v1:key2:\)/),
  })

  const undone = await me.run('apply', '--undo', 'INF-10', '--yes')
  expect(undone.code, undone.stdout + undone.stderr).toBe(0)
  expect((await me.check('INF-10')).verdicts).toEqual({ 'INF-10': table[version].default['INF-10'] })
})
