import {
  type Blocked,
  blocked,
  eachFinding,
  eachPart,
  fail,
  type Json,
  one,
  type Part,
  pairs,
  pass,
  type Remediation,
  step,
  yesNo,
} from '../../../src/contract.ts'
import { configOwner, etcdMembers, kernelKeys, kernelParams, members, sysctlConfig } from '../../../src/domain/observations.ts'
import { patchConfig, type Surroundings, stopsChange, stopsWhileTried } from '../../../src/domain/patch-config.ts'
import { partsInOrder } from '../../../src/domain/rollout.ts'
import {
  folderOf,
  nameKeys,
  notInEffect,
  refuseSysctl,
  type SysctlForm,
  type SysctlRecord,
  sysctlForm,
  takeBack,
  valuesOf,
  wantedSysctls,
} from '../../../src/domain/sysctl.ts'
import { asPatch, fillMap } from '../../../src/domain/templates.ts'
import { factsFor } from '../../../src/domain/versions.ts'

const PATHS: Record<SysctlForm, string[]> = { 'machine.sysctls': ['machine', 'sysctls'], SysctlConfig: ['params'] }

const isSixKey = (key: string): boolean => key.startsWith('net.ipv6.')

/** Wanted keys that this kernel does not have. A kernel without IPv6 has no use for its keys. */
function missingKeys(
  wanted: Record<string, string>,
  kernel: { folders: string[]; keys: string[] },
): { without6: boolean; unknown: string[]; notListed: string[] } {
  const listed = (key: string) => kernel.folders.includes(folderOf(key))
  const absent = Object.keys(wanted).filter((key) => listed(key) && !kernel.keys.includes(key))
  const without6 = !kernel.keys.some(isSixKey) && absent.some(isSixKey)
  return {
    without6,
    unknown: absent.filter((key) => !(without6 && isSixKey(key))),
    notListed: Object.keys(wanted).filter((key) => !listed(key)),
  }
}

const without6 = (wanted: Record<string, string>, kernel: { keys: string[] } | undefined): Record<string, string> =>
  kernel && !kernel.keys.some(isSixKey) ? Object.fromEntries(Object.entries(wanted).filter(([key]) => !isSixKey(key))) : wanted

const FORMS: SysctlForm[] = ['machine.sysctls', 'SysctlConfig']
const DROP_DOCUMENT: Json = { apiVersion: 'v1alpha1', kind: 'SysctlConfig', $patch: 'delete' }

/** A patch in either form; a null value takes the key out. */
function patchOf(form: SysctlForm, values: Record<string, string | null>): Json {
  const map = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value ?? { $patch: 'delete' }]))
  return form === 'SysctlConfig' ? { apiVersion: 'v1alpha1', kind: 'SysctlConfig', params: map } : { machine: { sysctls: map } }
}

export default step({
  id: 'INF-10',
  category: 'infrastructure',
  title: 'Network sysctls',
  severity: 'medium',
  why: 'Redirects and source routes let a neighbour on the network reroute a node.',
  references: [
    { title: 'Kernel documentation, ip-sysctl', url: 'https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html' },
    {
      title: 'machine.sysctls',
      url: 'https://docs.siderolabs.com/talos/v1.13/reference/configuration/v1alpha1/config',
      appliesTo: '<1.14',
    },
    {
      title: 'SysctlConfig',
      url: 'https://docs.siderolabs.com/talos/v1.14/reference/configuration/runtime/sysctlconfig',
      appliesTo: '>=1.14',
    },
  ],
  questions: {
    logMartians: yesNo('Log packets with impossible addresses?', { default: true }),
    alsoSet: pairs('Other network keys to hold', { hint: 'KEY=VALUE, as in net.ipv4.tcp_rfc1337=1', check: refuseSysctl }),
  },
  observes: { params: kernelParams, kernel: kernelKeys },
  plansWith: { config: sysctlConfig, members, etcd: etcdMembers, owners: configOwner },

  evaluate: ({ params, kernel }, answers) =>
    eachFinding({ params, kernel }, ({ params: set, kernel: has }, node) => {
      const wanted = without6(wantedSysctls(answers), has)
      const unknown = missingKeys(wanted, has).unknown
      if (unknown.length > 0)
        return fail(
          `${node.name}: its kernel does not have ${nameKeys(unknown)}`,
          'take the key out of the answers of INF-10: on the node it would block every later change',
        )
      const off = notInEffect(wanted, set)
      const left = off.filter((o) => o.current === undefined)
      const other = off.filter((o) => o.current !== undefined)
      if (off.length === 0)
        return pass(`${Object.keys(wanted).length} keys as wanted${Object.keys(wanted).some(isSixKey) ? '' : ', no IPv6 in this kernel'}`)
      const parts = [
        ...(other.length > 0
          ? [
              `${other.length} of ${Object.keys(wanted).length} keys not as wanted (${nameKeys(other.map((o) => `${o.key} is ${o.current}`))})`,
            ]
          : []),
        ...(left.length > 0
          ? [
              `${left.length} of ${Object.keys(wanted).length} keys left to the kernel (${nameKeys(left.map((o) => o.key))}); only os:admin can read their values`,
            ]
          : []),
      ]
      return fail(parts.join('; '))
    }),

  remediate: ({ params, kernel, config, members: seen, etcd, owners }, answers, context): Remediation => {
    const around: Surroundings = { members: one(seen), etcd: one(etcd), owners: one(owners), context }
    const { parts, blocked: stopped } = eachPart(
      { params, kernel, config },
      ({ params: set, kernel: has, config: now }, node): Part | Blocked | undefined => {
        const wanted = without6(wantedSysctls(answers), has)
        const { unknown, notListed } = missingKeys(wanted, has)
        const off = notInEffect(wanted, set)
        if (off.length === 0) return undefined
        if (unknown.length > 0)
          return blocked(
            node,
            `its kernel does not have ${nameKeys(unknown)}: on the node that would block every later change, the undo too`,
            'take the key out of the answers of INF-10',
          )
        if (notListed.length > 0) return blocked(node, `it is not known whether its kernel has ${nameKeys(notListed)}`)
        const stop = stopsChange(around, node) ?? (now.tried && stopsWhileTried(node, around))
        if (stop) return stop
        const version = around.members.ok ? around.members.value.find((m) => m.name === node.name)?.version : undefined
        const facts = factsFor(version ?? '')
        if (!facts)
          return blocked(
            node,
            `Talos ${version || 'of an unknown version'} is older than what this program knows (1.12)`,
            'upgrade Talos first',
          )
        const form = sysctlForm(now, facts)
        const set_ = Object.fromEntries(off.map((o) => [o.key, o.value]))
        const have = valuesOf(now, form)
        const before = Object.fromEntries(Object.keys(set_).flatMap((key) => (have[key] === undefined ? [] : [[key, have[key]]])))
        const record: SysctlRecord = { form, set: set_, before, documentIsOurs: form === 'SysctlConfig' && !now.document }
        const yaml = fillMap(context.template(`INF-10/${form}.yaml`), PATHS[form], set_)
        return patchConfig(node, around, {
          stepId: 'INF-10',
          summary: `set ${off.length} ${off.length === 1 ? 'key' : 'keys'} in ${form}`,
          patches: [asPatch(yaml)],
          yaml,
          done: {
            observation: 'sysctlConfig',
            predicate: 'holds',
            args: { form, params: set_ },
            sentence: `the machine config holds ${off.length} keys in ${form}`,
          },
          effect: { observation: 'kernelParams', predicate: 'inEffect', args: set_, sentence: `${off.length} keys are in effect` },
          about: 'sysctl',
          undo: { sentence: 'takes out only the keys that it added, and puts back the values of those it changed', record },
        })
      },
    )
    return { parts: around.members.ok ? partsInOrder(parts, around.members.value) : parts, blocked: stopped }
  },

  undo: ({ config, members: seen, etcd, owners }, applied, context): Remediation => {
    const around: Surroundings = { members: one(seen), etcd: one(etcd), owners: one(owners), context }
    const { parts, blocked: stopped } = eachPart({ config }, ({ config: now }, node): Part | Blocked | undefined => {
      const records = applied.filter((a) => a.object.name === node.name).map((a) => a.record as SysctlRecord)
      const last = records.at(-1)
      if (!last) return undefined
      const stop = stopsChange(around, node) ?? (now.tried && stopsWhileTried(node, around))
      if (stop) return stop
      const takes = FORMS.map((form) => takeBack(form, records, now)).filter((t) => t.ours.length > 0)
      if (takes.length === 0) return undefined
      const count = takes.reduce((n, t) => n + t.ours.length, 0)
      const theirs = takes.reduce((n, t) => n + t.theirs, 0)
      const patches = takes.map((t) =>
        t.dropsDocument ? DROP_DOCUMENT : patchOf(t.form, { ...Object.fromEntries(t.absent.map((key) => [key, null])), ...t.back }),
      )
      const keys = `${count} ${count === 1 ? 'key' : 'keys'}`
      return patchConfig(node, around, {
        stepId: 'INF-10',
        summary: `take back ${keys} from ${takes.map((t) => t.form).join(' and ')}${theirs > 0 ? `, leave ${theirs} that somebody else changed since` : ''}`,
        patches,
        yaml: patches.map((patch) => JSON.stringify(patch, null, 2)).join('\n---\n'),
        done: {
          observation: 'sysctlConfig',
          predicate: 'restored',
          args: takes.map(({ form, absent, back }) => ({ form, absent, params: back })),
          sentence: `the machine config is as before in ${keys}`,
        },
        effect: {
          observation: 'kernelParams',
          predicate: 'notHeld',
          args: Object.assign({}, ...takes.map((t) => t.held)),
          sentence: `${keys} are given back`,
        },
        about: 'sysctl',
        undo: { sentence: 'mend INF-10 again', record: last },
      })
    })
    return { parts: around.members.ok ? partsInOrder(parts, around.members.value) : parts, blocked: stopped }
  },
})
