import { Document } from 'yaml'
import { canonical, type Json } from '../contract.ts'
import type { ApiServerForm } from './hardening-config.ts'
import { listed } from './remarks.ts'

/** How the settings of an API server are written and taken back; and where control planes of one cluster are not alike in them. */

/** What an undo has to know. */
export type ApiServerRecord = {
  form: ApiServerForm
  /** Null: there was none, and where Talos has one of its own that counted. */
  before: Json
  set: Json
}

const takesOut = (patch: Json): boolean => JSON.stringify(patch).includes('"$patch":"delete"')

/**
 * Patches as one file, with a comment above the first. In a file all that is taken out of `cluster` goes before all that is set (talosctl
 * 1.13.9 and 1.14.1), so what a call sets only to take it out again is not in it.
 */
export const patchDocuments = (patches: readonly Json[], comment?: string): string =>
  patches
    .slice(Math.max(0, patches.findLastIndex(takesOut)))
    .map((patch, i) => {
      const doc = new Document(patch)
      if (comment !== undefined && i === 0) doc.commentBefore = comment
      return doc.toString({ lineWidth: 0, flowCollectionPadding: false })
    })
    .join('---\n')

/** A patch as a file: its configuration is that of a filled template, with the comments. `path` is where the old form has it. */
export function patchFile(patch: Json, form: ApiServerForm, path: readonly (string | number)[], filled: Document): string {
  const doc = new Document(patch)
  doc.setIn(form === 'documents' ? ['configuration'] : path, filled.contents)
  doc.commentBefore = filled.commentBefore
  return doc.toString({ lineWidth: 0, flowCollectionPadding: false })
}

export interface FormOfNode {
  name: string
  /** `v1.13.9`, or empty. */
  version: string
  form: ApiServerForm
}

/** How the nodes keep the settings, where they do not all do so in the same way. Each then gets a patch in its own form. */
export function mixedForms(nodes: readonly FormOfNode[]): string | undefined {
  const ways = [...new Set(nodes.map((n) => n.form))].toSorted()
  if (ways.length < 2) return undefined
  const each = ways.map(
    (form) => `${listed(nodes.filter((n) => n.form === form).map((n) => n.name + (n.version ? ` (${n.version})` : '')))} in ${form}`,
  )
  return `the nodes keep it in two forms, ${each.join(', ')}: each is changed in its own`
}

/** Which nodes hold another value than most; undefined where all hold the same. An answer then depends on who is asked. */
export function unlike(nodes: readonly { name: string; value: Json | undefined }[], what: string): string | undefined {
  const groups = new Map<string, string[]>()
  for (const { name, value } of nodes) groups.set(canonical(value ?? null), [...(groups.get(canonical(value ?? null)) ?? []), name])
  const [most, ...others] = [...groups.values()].toSorted((a, b) => b.length - a.length)
  if (!most || others.length === 0) return undefined
  return `${listed(others.flat())} ${others.flat().length === 1 ? 'has' : 'have'} another ${what} than ${listed(most)}`
}
