import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { REGISTRY } from '../../src/tools/registry.ts'
import { SMALL } from '../support/terminal.ts'
import { wantsKubernetes } from './support/calls-kubernetes.ts'
import { clusterOf, pristine } from './support/nodes.ts'
import { goHome, Operator } from './support/operator.ts'
import { begin } from './support/verbs/at.ts'
import { HARDENING } from './support/verbs/hardening.ts'
import { TALOSCTL } from './support/verbs/talosctl.ts'
import { TOOLS } from './support/verbs/tools.ts'

/** Every verb of the registry that needs no Kubernetes against the real tools. A verb that was not run fails the suite. */

const ran = new Set<string>()
const cluster = clusterOf(inject('version'))
afterEach(goHome)

describe('with talosctl and nodes of one version', () => {
  beforeAll(() => pristine(cluster))

  it.each(Object.entries({ ...TALOSCTL, ...HARDENING, ...TOOLS }))('%s answers as we read it', async (_, test) => {
    await test(await begin(cluster, ran))
  })

  it('protects an identity of the operator so that only they can read the file', async () => {
    const me = new Operator(cluster)
    await me.must('init', '--environment', 'lab')
    const terminal = me.terminal(['keys', 'create', '--passphrase', '--name', 'me'], SMALL)
    await terminal.until('Enter passphrase')
    terminal.write('six words that nobody else knows\r')
    await terminal.until('Confirm passphrase')
    terminal.write('six words that nobody else knows\r')
    expect((await terminal.end()).exitCode).toBe(0)
    const identity = join(me.home, '.config', 'talos-preflight', 'identity.txt')
    expect(statSync(identity).mode & 0o777).toBe(0o600)
    expect((await me.must('keys')).stdout).toContain('protected with a passphrase')
  })
})

afterAll(() => {
  const missing = Object.keys(REGISTRY).filter((verb) => !ran.has(verb) && !wantsKubernetes(verb))
  expect(missing, 'verbs that no test ran').toEqual([])
})
