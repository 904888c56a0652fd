import { Document, isMap, parseAllDocuments } from 'yaml'
import type { Json } from '../contract.ts'
import { isNew, type PracticeNode } from './state.ts'

/** Merges the patches that our own steps make, nothing more; another patch is not known here. */

type Values = Record<string, string>
type SysctlPatch = { form: 'machine.sysctls' | 'SysctlConfig'; set: Values; remove: string[]; drop: boolean }

function readPatch(patch: Json): SysctlPatch | undefined {
  const p = patch as { machine?: { sysctls?: Record<string, Json> }; kind?: string; params?: Record<string, Json>; $patch?: string }
  const form = p.kind === 'SysctlConfig' ? 'SysctlConfig' : p.machine?.sysctls ? 'machine.sysctls' : undefined
  if (!form) return undefined
  const values = (form === 'SysctlConfig' ? p.params : p.machine?.sysctls) ?? {}
  const set: Values = {}
  const remove: string[] = []
  for (const [key, value] of Object.entries(values)) {
    if (typeof value === 'string') set[key] = value
    else remove.push(key)
  }
  return { form, set, remove, drop: p.$patch === 'delete' }
}

/** An error is talosctl's own, or comes from the node. */
export type Merged = { node: PracticeNode; changed: boolean } | { error: string; from: 'client' | 'node' }

const NOT_REGISTERED =
  'rpc error: code = InvalidArgument desc = error decoding document v1alpha1/SysctlConfig/ (line 71): "SysctlConfig" "v1alpha1": not registered'

function lookupFailed(form: SysctlPatch['form'], key: string): string {
  const [path, document] = form === 'SysctlConfig' ? [`params.${key}`, 'v1alpha1/SysctlConfig'] : [`machine.sysctls.${key}`, '/v1alpha1']
  return `patch delete: path '${path}' in document '${document}': failed to delete path '${path}': lookup failed`
}

/** What talosctl 1.13.9 does where a rule is to be taken out that is not there. */
const RULE_NOT_THERE =
  'panic: reflect.Value.Interface: cannot return value obtained from unexported field or method [recovered, repanicked]'

type Map = { [key: string]: Json }
const asMap = (value: Json | undefined): Map => (value && typeof value === 'object' && !Array.isArray(value) ? value : {})
/** A value that stands for nothing says nothing to a document that is there. */
const isPassedOver = ({ kind, ingress }: Map): boolean => kind === 'NetworkDefaultActionConfig' && ingress === 'accept'
const isSame = (a: Map, b: Map): boolean => a.kind === b.kind && (a.name ?? '') === (b.name ?? '')

/**
 * A document of the firewall, which is merged by its name with its lists replaced, or a setting of the API server: `done`, why not, or
 * nothing for another patch. Changes `next`.
 */
function mergeOther(next: PracticeNode, patch: Json): string | undefined {
  const document = asMap(patch)
  if (document.kind === 'NetworkRuleConfig' || document.kind === 'NetworkDefaultActionConfig') {
    const others = next.firewall.filter((d) => !isSame(asMap(d), document))
    const at = next.firewall.findIndex((d) => isSame(asMap(d), document))
    if (document.$patch === 'delete' && at < 0 && document.kind === 'NetworkRuleConfig' && !isNew(next)) return RULE_NOT_THERE
    if (document.$patch === 'delete') next.firewall = others
    else if (at < 0) next.firewall = [...next.firewall, document]
    else if (!isPassedOver(document)) next.firewall = next.firewall.map((d, i) => (i === at ? { ...asMap(d), ...document } : d))
    return 'done'
  }
  const apiServer = asMap(asMap(document.cluster).apiServer)
  if ('auditPolicy' in apiServer) {
    const policy = apiServer.auditPolicy ?? null
    next.auditPolicy = asMap(policy).$patch === 'delete' ? null : policy
    return 'done'
  }
  const plugin = Array.isArray(apiServer.admissionControl) ? asMap(apiServer.admissionControl[0]) : {}
  if (plugin.name !== 'PodSecurity') return undefined
  if (plugin.$patch !== 'delete') next.podSecurity = plugin.configuration ?? null
  else if (next.podSecurity === null)
    return "patch delete: path 'cluster.apiServer.admissionControl.[0]' in document '/v1alpha1': lookup failed"
  else next.podSecurity = null
  return 'done'
}

export function mergeInto(node: PracticeNode, patches: readonly Json[]): Merged {
  const next: PracticeNode = {
    ...node,
    machineSysctls: node.machineSysctls && { ...node.machineSysctls },
    sysctlDocument: node.sysctlDocument && { ...node.sysctlDocument },
  }
  for (const patch of patches) {
    const other = mergeOther(next, patch)
    if (other === 'done') continue
    if (other) return { error: other, from: 'client' }
    const read = readPatch(patch)
    if (!read) return { error: 'practice does not know this patch', from: 'client' }
    const field = read.form === 'SysctlConfig' ? 'sysctlDocument' : 'machineSysctls'
    if (read.drop) {
      next[field] = null
      continue
    }
    if (read.form === 'SysctlConfig' && !isNew(node)) return { error: NOT_REGISTERED, from: 'node' }
    // a patch of a document that is not there becomes the document, without what it takes out
    const fresh = read.form === 'SysctlConfig' && !next[field]
    const values = { ...next[field] }
    for (const key of read.remove) {
      if (!fresh && !(key in values)) return { error: lookupFailed(read.form, key), from: 'client' }
      delete values[key]
    }
    Object.assign(values, read.set)
    // the map of the old form goes with its last key, the document stays as an empty one
    next[field] = field === 'machineSysctls' && Object.keys(values).length === 0 ? null : values
  }
  return { node: next, changed: JSON.stringify(next) !== JSON.stringify(node) }
}

/** The same in the text of a configuration; tells whether it was such a patch. */
function mergeOtherText(docs: Document[], patch: Json): boolean {
  const document = asMap(patch)
  if (document.kind === 'NetworkRuleConfig' || document.kind === 'NetworkDefaultActionConfig') {
    const at = docs.findIndex((d) => d.get('kind') === document.kind && (d.get('name') ?? '') === (document.name ?? ''))
    if (document.$patch === 'delete') docs.splice(at, at < 0 ? 0 : 1)
    else if (at < 0) docs.push(new Document(document))
    else if (!isPassedOver(document)) for (const [key, value] of Object.entries(document)) docs[at]?.set(key, value)
    return true
  }
  const apiServer = asMap(asMap(document.cluster).apiServer)
  if ('auditPolicy' in apiServer) {
    const path = ['cluster', 'apiServer', 'auditPolicy']
    if (asMap(apiServer.auditPolicy).$patch === 'delete') docs[0]?.deleteIn(path)
    else docs[0]?.setIn(path, apiServer.auditPolicy)
    return true
  }
  const plugin = Array.isArray(apiServer.admissionControl) ? asMap(apiServer.admissionControl[0]) : {}
  if (plugin.name !== 'PodSecurity') return false
  const path = ['cluster', 'apiServer', 'admissionControl']
  if (plugin.$patch === 'delete') docs[0]?.deleteIn(path)
  else docs[0]?.setIn(path, [{ name: 'PodSecurity', configuration: plugin.configuration ?? null }])
  return true
}

/** What `machineconfig patch` prints: the configuration with the patches merged. */
export function mergeText(config: string, patches: readonly Json[]): string | undefined {
  const docs = parseAllDocuments(config).filter((d) => 'contents' in d)
  for (const patch of patches) {
    if (mergeOtherText(docs, patch)) continue
    const read = readPatch(patch)
    if (!read) return undefined
    if (read.form === 'SysctlConfig') {
      const at = docs.findIndex((d) => d.get('kind') === 'SysctlConfig')
      if (read.drop) {
        if (at >= 0) docs.splice(at, 1)
        continue
      }
      if (at < 0)
        docs.push(
          ...parseAllDocuments(JSON.stringify({ apiVersion: 'v1alpha1', kind: 'SysctlConfig', params: {} })).filter((d) => 'contents' in d),
        )
    }
    const doc = read.form === 'SysctlConfig' ? docs.find((d) => d.get('kind') === 'SysctlConfig') : docs[0]
    const path = read.form === 'SysctlConfig' ? ['params'] : ['machine', 'sysctls']
    for (const key of read.remove) doc?.deleteIn([...path, key])
    for (const [key, value] of Object.entries(read.set)) doc?.setIn([...path, key], value)
    const map = doc?.getIn(path)
    if (read.form === 'machine.sysctls' && isMap(map) && map.items.length === 0) doc?.deleteIn(path)
  }
  return docs.map((d) => d.toString({ lineWidth: 0 }).replace(/^---\n/, '')).join('---\n')
}

/** What talosctl says of a patch that takes out of a configuration what is not there, or nothing. */
export function absentIn(config: string, patches: readonly Json[]): string | undefined {
  const docs = parseAllDocuments(config).filter((d) => 'contents' in d)
  for (const patch of patches) {
    const read = readPatch(patch)
    const doc = read?.form === 'SysctlConfig' ? docs.find((d) => d.get('kind') === 'SysctlConfig') : docs[0]
    const path = read?.form === 'SysctlConfig' ? ['params'] : ['machine', 'sysctls']
    const missing = doc && read?.remove.find((key) => !doc.hasIn([...path, key]))
    if (read && missing) return lookupFailed(read.form, missing)
  }
  return undefined
}
