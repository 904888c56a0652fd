import type { Evidence, Json, Look } from '../contract.ts'
import { parsePodSecurity } from '../domain/admission.ts'
import {
  inBatches,
  type Preview,
  type PrivilegedAnswer,
  parsePreview,
  parsePrivilegedAnswer,
  undecided,
} from '../domain/admission-preview.ts'
import { type NoApiServer, runsNone } from '../domain/hardening-config.ts'
import { admissionLook } from './hardening-looks.ts'
import { AT_ONCE, evidenceOf, failedLook, type NodeRef, sideBySide } from './node-looks.ts'
import { controlPlanes, hooks, type Taking } from './taking.ts'
import { namespacesLook } from './workload-looks.ts'

/** Looks at what pod security admission would say: asked of the API server with dry runs, so that nothing is changed. */

/** What one level would say of these namespaces. One whose answer is not whole is asked alone. */
async function preview(level: string, names: readonly string[], taking: Taking): Promise<{ previews: Preview[]; evidence: Evidence[] }> {
  const evidence: Evidence[] = []
  const ask = async (asked: readonly string[]) => {
    const ran = await taking.caller.run('kubectl.previewLevel', { level, namespaces: [...asked] }, hooks(taking))
    evidence.push(evidenceOf(ran))
    const stderr = ran.ok || ran.exitCode !== undefined ? ran.stderr.toString('utf8') : ran.reason
    return parsePreview(asked, ran.stdout.toString('utf8'), stderr)
  }
  const batches = await sideBySide(inBatches(names), AT_ONCE, ask)
  const again = batches.flatMap((b) => b.again)
  const alone = await sideBySide(again, AT_ONCE, (name) => ask([name]))
  const previews = [...batches.flatMap((b) => b.previews).filter((p) => !again.includes(p.namespace)), ...alone.flatMap((b) => b.previews)]
  return { previews, evidence }
}

/** Each level is asked about, because which one is wanted is an answer and not a look. */
export async function levelPreviewsLook(taking: Taking): Promise<Look<Record<'baseline' | 'restricted', Preview[]>>> {
  const seen = await namespacesLook(taking)
  if (!seen.ok) return seen
  const names = undecided(seen.value, parsePodSecurity(await anyAdmission(taking)).config)
  const [baseline, restricted] = [await preview('baseline', names, taking), await preview('restricted', names, taking)]
  return {
    ok: true,
    value: { baseline: baseline.previews, restricted: restricted.previews },
    evidence: [...seen.evidence, ...baseline.evidence, ...restricted.evidence].slice(0, 50),
  }
}

/** Of any API server; a namespace that is exempt says so by itself when it is asked about. */
async function anyAdmission(taking: Taking): Promise<Json | undefined> {
  const nodes = (await controlPlanes(taking)).map((address): NodeRef => ({ name: address, address }))
  const found = (await admissionLook(nodes, taking)).map((s) => s.look).find((look) => look.ok && !runsNone(look.value))
  return found?.ok ? (found.value as Exclude<typeof found.value, NoApiServer>)[0] : undefined
}

export async function privilegedLook(taking: Taking): Promise<Look<PrivilegedAnswer>> {
  const ran = await taking.caller.run('kubectl.privilegedPod', { namespace: 'default' }, hooks(taking))
  const stderr = ran.stderr.toString('utf8')
  const value = parsePrivilegedAnswer(ran.stdout.toString('utf8'), stderr)
  // a right that is missing is an answer; where none came at all the call itself says why, and what to do
  if (!ran.ok && value.answer === 'unclear' && !/\(Forbidden\)/.test(stderr)) return failedLook(ran)
  return { ok: true, value, evidence: [evidenceOf(ran)] }
}
