import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest'
import { parseDocument } from 'yaml'
import { ETCD_VERSIONS, statusOf } from './support/etcd.ts'
import { clusterOf, pristine, triedOn, versionsOf } from './support/nodes.ts'
import { goHome, Operator } from './support/operator.ts'
import { TalosEtcd } from './support/talos-etcd.ts'

/** The bundle and the backup of real nodes, headless: sealed, opened by the real age, and proved; killed once per stage, and resumed. */

const cluster = clusterOf(inject('version'))
beforeEach(() => pristine(cluster))
afterEach(goHome)

const bundleOf = (text: string): unknown => parseDocument(text).toJS()
const ownIdentity = (me: Operator): string => join(me.home, '.config', 'talos-preflight', 'identity.txt')
const sealedBundles = (me: Operator): string[] => me.files('secrets').filter((name) => name.startsWith('bundle-'))
const backups = (me: Operator): string[] => me.files('backups').filter((name) => name.endsWith('.age'))

const opened = (me: Operator, name: string): Buffer => me.openBytes(`backups/${name}`, me.recovery('vault').file)

/** Nothing half done, nothing in plain text in the workspace or in memory, and the journal is whole. */
async function expectTidy(me: Operator): Promise<void> {
  for (const folder of ['secrets', 'backups']) expect(me.files(folder).filter((name) => !/\.age(\.json)?$/.test(name))).toEqual([])
  const own = new Set(me.journal().flatMap((l) => (l.kind === 'opened' ? [String((l.process as { pid: number }).pid)] : [])))
  for (const folder of existsSync('/dev/shm') ? readdirSync('/dev/shm').filter((n) => n.startsWith('talos-preflight-')) : [])
    expect(readdirSync(join('/dev/shm', folder)).filter((n) => own.has(n.split('-')[0] ?? ''))).toEqual([])
  expect((await me.must('journal', 'verify')).stdout).toContain('every chain is whole')
}

/** Somebody who has a cluster, or somebody whose cluster is to be made. */
async function prepared(kind: 'running' | 'new'): Promise<Operator> {
  const me = new Operator(cluster)
  if (kind === 'new') me.talosconfig({ context: '', contexts: {} })
  await me.settleApart(...(kind === 'new' ? ['--name', 'tp-new'] : []))
  return me
}

describe('the secrets bundle', () => {
  const theirs = () => bundleOf(readFileSync(cluster.secrets, 'utf8'))

  it('is adopted from a cluster that runs, opens to what it was made of, and is never made anew', async () => {
    const me = await prepared('running')
    expect((await me.check('CRT-02')).code).toBe(1)
    const before = versionsOf(cluster)
    await me.must('secrets', 'adopt')
    const [name, ...more] = sealedBundles(me)
    expect(more).toEqual([])
    for (const identity of [me.recovery('safe').file, ownIdentity(me)])
      expect(bundleOf(me.open(`secrets/${name}`, identity))).toEqual(theirs())
    expect((await me.check('CRT-02')).verdicts).toEqual({ 'CRT-02': 'pass' })

    // asked for again it is sealed again, to whoever is a recipient by now; what is there is never touched
    await me.must('secrets', 'adopt')
    const [first, second = '', ...others] = sealedBundles(me)
    expect([first, others]).toEqual([name, []])
    expect(bundleOf(me.open(`secrets/${second}`, ownIdentity(me)))).toEqual(theirs())
    // a new one would be of no use here
    const seal = await me.run('secrets', 'seal')
    expect(seal.code).toBe(2)
    expect(seal.stderr).toContain('there is a bundle already')
    expect(sealedBundles(me)).toEqual([first, second])
    expect(versionsOf(cluster)).toEqual(before)
    await expectTidy(me)
  })

  it('is made anew for a cluster that is to be, straight into the sealed file', async () => {
    const me = await prepared('new')
    await me.must('secrets', 'seal')
    const [name, ...more] = sealedBundles(me)
    expect(more).toEqual([])
    const made = bundleOf(me.open(`secrets/${name}`, ownIdentity(me)))
    expect(Object.keys(made as object).toSorted()).toEqual(Object.keys(theirs() as object).toSorted())
    expect(made).not.toEqual(theirs())
    expect((await me.run('secrets', 'seal')).code).not.toBe(0)
    expect(sealedBundles(me)).toEqual([name])
    await expectTidy(me)
  })
})

describe('a backup', () => {
  const manifestOf = (me: Operator, name: string) => JSON.parse(me.file(`backups/${name}.json`))

  it('is taken, checked, sealed, opened again, and what comes out is what etcd says it is', async () => {
    const me = await prepared('running')
    const created = await me.run('backup', 'create', '--output', 'json', '--no-input')
    expect(created.code, created.stdout + created.stderr).toBe(0)
    for (const line of created.stdout.trimEnd().split('\n')) expect(() => JSON.parse(line), line).not.toThrow()
    const [name = '', ...more] = backups(me)
    expect(more).toEqual([])
    expect(name).toMatch(new RegExp(`^etcd-${cluster.name}-\\d+-\\d{4}-.*\\.age$`))
    const snapshot = opened(me, name)
    const manifest = manifestOf(me, name)
    expect(manifest.sha256).toBe(createHash('sha256').update(snapshot).digest('hex'))
    const path = join(me.folder, 'opened.snapshot')
    writeFileSync(path, snapshot, { mode: 0o600 })
    for (const version of ETCD_VERSIONS) expect(statusOf(version, path).revision).toBe(Number(/-(\d+)-\d{4}-/.exec(name)?.[1]))
    const checked = await me.check('BAK-02', 'BAK-03')
    expect(checked.verdicts).toEqual({ 'BAK-02': 'pass', 'BAK-03': 'pass' })
    await expectTidy(me)
  })

  it('that holds a Secret in plain text is red and names it, and one whose older revisions do says so', async () => {
    const me = await prepared('running')
    const etcd = new TalosEtcd(cluster)
    const keys = ['tp-plain', 'tp-sealed'].map((name) => `/registry/secrets/default/${name}`) as [string, string]
    onTestFinished(() => {
      for (const key of keys) etcd.remove(key)
      etcd.leave()
    })
    etcd.put(keys[0], 'k8s\0sw0rdfish')
    etcd.put(keys[1], 'k8s:enc:secretbox:v1:key2:x')
    const proofOf = async () => {
      await me.must('backup', 'create')
      return (await me.check('K8S-01')).findings('K8S-01').find((f) => f.object.startsWith('cluster/') && f.reason.includes('Secret'))
    }
    expect(await proofOf()).toMatchObject({
      verdict: 'fail',
      reason: '1 of 2 Secrets lies in plain text in etcd: default/tp-plain',
      remedy: expect.stringContaining('kubectl replace'),
    })
    etcd.put(keys[0], 'k8s:enc:secretbox:v1:key2:y')
    expect(await proofOf()).toMatchObject({
      verdict: 'pass',
      reason: expect.stringContaining(
        'older revisions of 1 still lie in plain text until etcd is compacted and defragmented: default/tp-plain',
      ),
    })
    // nothing of the value is kept anywhere
    for (const folder of ['evidence/proofs/checkedSnapshot', 'evidence/journal'])
      for (const file of me.files(folder)) expect(me.file(join(folder, file))).not.toContain('sw0rdfish')
  })
})

/** What is under way when it is killed: an action has begun, or its outcome was just written. */
interface Stage {
  command: 'secrets seal' | 'secrets adopt' | 'backup create'
  kind: 'intent' | 'outcome'
  action: string
}
const STAGES: Stage[] = [
  { command: 'secrets seal', kind: 'intent', action: 'seal' },
  { command: 'secrets seal', kind: 'outcome', action: 'seal' },
  { command: 'secrets seal', kind: 'intent', action: 'open' },
  { command: 'secrets adopt', kind: 'intent', action: 'seal' },
  { command: 'secrets adopt', kind: 'intent', action: 'open' },
  { command: 'backup create', kind: 'intent', action: 'snapshot' },
  { command: 'backup create', kind: 'intent', action: 'check' },
  { command: 'backup create', kind: 'intent', action: 'seal' },
  { command: 'backup create', kind: 'intent', action: 'open' },
]

describe('killed', () => {
  // what is sealed does not depend on the nodes, so each is tried on one of the versions
  it.each(STAGES.filter((_, i) => triedOn(i % 2 === 0 ? '1.13' : '1.14')))(
    '$command, after the $kind of $action, comes to the same end the next time',
    async ({ command, kind, action }) => {
      const isNew = command === 'secrets seal'
      const me = await prepared(isNew ? 'new' : 'running')
      const words = command.split(' ')
      const killed = await me.child('killed.ts', 'after', kind, action, '1', '--', ...words)
      expect(killed.signal, killed.stdout + killed.stderr).toBe('SIGKILL')
      expect(me.journal().at(-1)).toMatchObject({ kind, action })
      const left = sealedBundles(me)

      const resumed = await me.run(...words)
      expect(resumed.stdout + resumed.stderr).toContain('ended in the middle')
      const step = command === 'backup create' ? 'BAK-03' : 'CRT-02'
      const checked = await me.check(step, ...(isNew ? ['--answer', 'CRT-02.from=new'] : []))
      expect(checked.verdicts, resumed.stdout + resumed.stderr + JSON.stringify(checked.findings(step))).toEqual({ [step]: 'pass' })
      // a new bundle is never made over one that is there
      if (isNew && left.length > 0) expect(sealedBundles(me)).toEqual(left)
      for (const name of sealedBundles(me)) expect(me.open(`secrets/${name}`, ownIdentity(me))).toContain('trustdinfo')
      for (const name of backups(me)) expect(opened(me, name).length).toBeGreaterThan(10_000)
      await expectTidy(me)
    },
  )
})
