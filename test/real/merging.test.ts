import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, inject, it } from 'vitest'
import type { Json } from '../../src/contract.ts'
import { ALWAYS_EXEMPT, podSecurityFile, podSecurityPatches, podSecurityUndo, wantedPodSecurity } from '../../src/domain/admission.ts'
import { patchDocuments } from '../../src/domain/api-server-forms.ts'
import { auditPatches, auditPatchYaml, auditPolicyYaml, auditUndo } from '../../src/domain/audit-additions.ts'
import { formOf } from '../../src/domain/change-api-server.ts'
import type { FirewallConfig, FirewallRule } from '../../src/domain/firewall-config.ts'
import { firewallPatches, firewallUndo } from '../../src/domain/firewall-documents.ts'
import type { HardeningConfig } from '../../src/domain/hardening-config.ts'
import { asPatch } from '../../src/domain/templates.ts'
import { configTexts } from '../../src/observe/parse.ts'
import { parseBothConfigs } from '../../src/observe/parse-hardening.ts'
import { MEMBERS, rulesOn } from '../domain/firewall-world.ts'
import { removeTemporaryFolders, temporaryFolder } from '../support/terminal.ts'
import { configContent } from './support/nodes.ts'

/**
 * The patches of the steps that can hurt, merged by each real talosctl into a config of each form: what comes out is what was meant,
 * valid, and the same once more. Back leads to where it began.
 */

const template = (path: string): string => readFileSync(new URL(`../../templates/${path}`, import.meta.url), 'utf8')

afterAll(removeTemporaryFolders)

const FORMS = [
  { talosctl: '1.13', contract: 'v1.13', form: 'cluster.apiServer' },
  { talosctl: '1.14', contract: 'v1.13', form: 'cluster.apiServer' },
  { talosctl: '1.14', contract: 'v1.14', form: 'documents' },
] as const

describe.each(FORMS)('talosctl $talosctl, a config of $contract', ({ talosctl, contract, form }) => {
  const tool = join(inject('bin'), `talosctl-${talosctl}`)
  const folder = temporaryFolder()
  const run = (...args: string[]) => execFileSync(tool, args, { encoding: 'utf8', cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  run('gen', 'config', 'lab', 'https://10.0.0.11:6443', '--talos-version', contract, '--output', folder)

  function mergedBy(text: string, given: readonly string[]) {
    const file = join(folder, 'merging.yaml')
    writeFileSync(file, text, { mode: 0o600 })
    return spawnSync(tool, ['machineconfig', 'patch', file, ...given.flatMap((p) => ['--patch', p])], { encoding: 'utf8' })
  }
  function mergeGiven(text: string, given: readonly string[]): string {
    const ran = mergedBy(text, given)
    expect(ran.stderr).toBe('')
    expect(ran.status).toBe(0)
    return ran.stdout
  }
  const merge = (text: string, patches: readonly Json[]) =>
    mergeGiven(
      text,
      patches.map((p) => JSON.stringify(p)),
    )
  /** As whoever keeps the configuration in git does it. */
  const mergeFile = (text: string, content: string) => {
    const file = join(folder, 'change.yaml')
    writeFileSync(file, content)
    return mergeGiven(text, [`@${file}`])
  }
  /** The file comes to what the calls come to, and to the same where it is merged once more. */
  function fileComesTo(start: string, content: string, once: string): void {
    const merged = mergeFile(start, content)
    expect(configContent(merged)).toEqual(configContent(once))
    expect(configContent(mergeFile(merged, content))).toEqual(configContent(once))
  }
  /** As it comes back from a merge, which drops what is empty. */
  const first = (type: 'controlplane' | 'worker') => merge(readFileSync(join(folder, `${type}.yaml`), 'utf8'), [{ machine: { type } }])
  const changesNothing = (text: string, patches: readonly Json[]) =>
    expect(configContent(merge(text, patches))).toEqual(configContent(text))
  /** It is valid, and the same patches once more change nothing. */
  function holds(text: string, patches: readonly Json[]): void {
    changesNothing(text, patches)
    writeFileSync(join(folder, 'valid.yaml'), text, { mode: 0o600 })
    for (const mode of ['container', 'metal'])
      expect(
        spawnSync(tool, ['validate', '--strict', '--mode', mode, '--config', join(folder, 'valid.yaml')], { encoding: 'utf8' }),
      ).toMatchObject({
        status: 0,
        stdout: expect.stringContaining(`is valid for ${mode} mode`),
      })
  }
  const read = (text: string): HardeningConfig => {
    const object = { node: '', version: '1', spec: text }
    const texts = configTexts([
      { ...object, id: 'v1alpha1' },
      { ...object, id: 'persistent' },
    ])
    return texts ? parseBothConfigs(texts).active : expect.fail('no machine config')
  }

  it('has the form that it is known by', () => expect(formOf(read(first('controlplane')), contract)).toBe(form))

  const others: FirewallRule[] = [
    { name: 'bastion', protocol: 'tcp', ports: ['22', '8000-8010'], ingress: [{ subnet: '192.0.2.0/24', except: '192.0.2.8/29' }] },
    { name: 'preflight-kubelet', protocol: 'tcp', ports: ['10250', '10255'], ingress: [{ subnet: '10.0.0.0/8' }] },
    { name: 'preflight-left', protocol: 'udp', ports: ['7'], ingress: [{ subnet: '::/0' }] },
  ]
  const documentsOf = ({ ingress, rules }: FirewallConfig): Json[] => [
    ...(ingress ? [{ apiVersion: 'v1alpha1', kind: 'NetworkDefaultActionConfig', ingress }] : []),
    ...rules.map((r) => ({
      apiVersion: 'v1alpha1',
      kind: 'NetworkRuleConfig',
      name: r.name,
      portSelector: { ports: r.ports.map((p) => (p.includes('-') ? p : Number(p))), protocol: r.protocol },
      ingress: r.ingress,
    })),
  ]

  it.each([
    ['controlplane', 'without a firewall', { rules: [] }],
    ['worker', 'without a firewall', { rules: [] }],
    ['controlplane', 'that lets in, with rules', { ingress: 'accept', rules: others }],
    ['worker', 'that blocks, with rules', { ingress: 'block', rules: others }],
  ] as ['controlplane' | 'worker', string, FirewallConfig][])('INF-02 on a %s %s', (type, _, before) => {
    const start = before.rules.length > 0 ? merge(first(type), documentsOf(before)) : first(type)
    expect(read(start).firewall).toEqual(before)
    const change = {
      kubespan: true,
      dhcp6: MEMBERS.map((m) => m.name),
      answers: { allow: { '30000-32767/tcp': ['anyone'], '9100/tcp': ['10.0.7.0/24'] } },
    }
    const wanted = rulesOn(type === 'controlplane' ? 'cp1' : 'w1', change)
    const { patches, yaml, after, record } = firewallPatches(before, wanted, template, (subnet) => `who has ${subnet}`)
    const once = merge(start, patches)
    expect(read(once).firewall).toEqual(after)
    expect(after.rules.map((r) => r.name)).toEqual(
      [...wanted.map((r) => r.name), ...(before.rules.length > 0 ? ['bastion'] : [])].toSorted(),
    )
    holds(once, patches)
    expect(configContent(mergeFile(start, yaml))).toEqual(configContent(once))
    const back = firewallUndo([record], read(once).firewall)
    const undone = merge(once, back.patches)
    expect(configContent(undone)).toEqual(configContent(start))
    changesNothing(undone, back.patches)
  })

  it('K8S-02, with the exemptions that are there and others', () => {
    const start = first('controlplane')
    const live = read(start).podSecurity
    const wanted = wantedPodSecurity(live, { level: 'restricted', exempt: [...ALWAYS_EXEMPT, 'monitoring'] })
    const patches = podSecurityPatches(form, live, wanted)
    const once = merge(start, patches)
    expect(read(once).podSecurity).toEqual(wanted)
    holds(once, patches)
    fileComesTo(start, podSecurityFile(form, template('K8S-02/PodSecurity.yaml'), wanted), once)
    const back = podSecurityUndo(wanted, { form, before: live ?? null, set: wanted }) ?? expect.fail('no way back')
    const undone = merge(once, back)
    expect(read(undone).podSecurity).toEqual(live)
    changesNothing(undone, back)
    fileComesTo(once, patchDocuments(back), undone)
  })

  it('K8S-02, where nothing is configured', () => {
    const set = wantedPodSecurity(undefined, { level: 'baseline', exempt: ALWAYS_EXEMPT })
    const back = podSecurityUndo(set, { form, before: null, set }) ?? expect.fail('no way back')
    const start = merge(first('controlplane'), back)
    expect(read(start).podSecurity).toBeUndefined()
    const patches = podSecurityPatches(form, undefined, set)
    const once = merge(start, patches)
    expect(read(once).podSecurity).toEqual(set)
    holds(once, patches)
    const undone = merge(once, back)
    expect(configContent(undone)).toEqual(configContent(start))
    changesNothing(undone, back)
    expect(configContent(mergeFile(once, patchDocuments(back)))).toEqual(configContent(start))
    const file = podSecurityFile(form, template('K8S-02/PodSecurity.yaml'), set)
    if (form === 'documents') return fileComesTo(start, file, once)
    expect(mergedBy(start, [file]).stderr).toContain('lookup failed')
    // without its first document, as it says itself
    expect(configContent(mergeFile(start, file.slice(file.indexOf('---'))))).toEqual(configContent(once))
    fileComesTo(once, file, once)
  })

  it('MON-01, in place of the policy of Talos', () => {
    const start = first('controlplane')
    const before = read(start).auditPolicy ?? null
    const yaml = auditPolicyYaml(template('MON-01/policy.yaml'), { bodies: true, alsoLog: [], drop: { users: [], paths: [] } })
    const policy = asPatch(yaml)
    const patches = auditPatches(form, policy)
    const once = merge(start, patches)
    expect(read(once).auditPolicy).toEqual(policy)
    holds(once, patches)
    fileComesTo(start, auditPatchYaml(form, yaml), once)
    const back = auditUndo({ form, before, set: policy })
    const undone = merge(once, back)
    expect(read(undone).auditPolicy ?? null).toEqual(before)
    changesNothing(undone, back)
    fileComesTo(once, patchDocuments(back), undone)
  })
})
