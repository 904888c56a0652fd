import type { Look, Sighting } from '../contract.ts'
import { AT_ONCE, evidenceOf, failedLook, lookAtNodes, type NodeRef, sideBySide } from './node-looks.ts'
import { bySpec, type ConfigTexts, configTexts, mapped, present, triesIn } from './parse.ts'
import { unreadable } from './raw.ts'
import { hooks, type Taking } from './taking.ts'

/**
 * Looks at the machine configurations of nodes: the active one, and the one that a node would start with.
 *
 * A node that only started shows no persistent configuration: that object comes to be when the node is written, and trying a change does
 * not write it. The version of the active one tells what happened since: 1 after the start, one more with every try, and one more with
 * every way back.
 * https://github.com/siderolabs/talos/blob/v1.14.1/internal/app/machined/pkg/controllers/config/acquire.go
 */

/** What `read` makes of the configurations of each node. The texts are secret: what it leaves out of them is seen by nobody else. */
export async function configLook<T>(list: readonly NodeRef[], taking: Taking, read: (texts: ConfigTexts) => T): Promise<Sighting<T>[]> {
  const seen = await lookAtNodes(list, {
    call: (a) => taking.caller.run('talosctl.configs', { nodes: a }, hooks(taking)),
    split: (stdout) => present(mapped(bySpec(stdout), configTexts)),
  })
  return sideBySide(
    seen.map(({ object, look }, i) => ({ object, look, node: list[i] as NodeRef })),
    AT_ONCE,
    async ({ object, look: shown, node }): Promise<Sighting<T>> => {
      const look = shown.ok ? await withUnwritten(node, shown, taking) : shown
      return { object, look: look.ok ? readBy(read, look) : look }
    },
  )
}

function readBy<T>(read: (texts: ConfigTexts) => T, look: Seen): Look<T> {
  try {
    return { ...look, value: read(look.value) }
  } catch (error) {
    return { ok: false, reason: unreadable(error), evidence: look.evidence }
  }
}

type Seen = Extract<Look<ConfigTexts>, { ok: true }>

/**
 * What a node that was not written since it started would start with: the active one, unless that is tried. `persistent` stays absent
 * where it is, because what it is tried over is not shown.
 */
async function withUnwritten(node: NodeRef, look: Seen, taking: Taking): Promise<Look<ConfigTexts>> {
  const { active, persistent, versions } = look.value
  if (persistent !== undefined) return look
  const asActive: Seen = { ...look, value: { ...look.value, persistent: active } }
  const replaced = Number(versions.active) - 1
  if (replaced === 0) return asActive
  // a try and its way back are two, so that an odd number has a try without one
  if (replaced % 2 === 1) return look
  const ran = await taking.caller.run('talosctl.machineLog', { node: node.address }, hooks(taking))
  if (!ran.ok) return failedLook(ran)
  const evidence = [...look.evidence, evidenceOf(ran)]
  const { tries, returns } = triesIn(ran.stdout.toString('utf8'))
  // only a log that tells of every replacement proves that each try went back
  if (tries === returns && tries + returns === replaced) return { ...asActive, evidence }
  return {
    ok: false,
    reason: `whether a change is being tried on ${node.name} cannot be seen: its configuration was replaced ${replaced} times since it started, and its log tells of ${tries} tries and ${returns} ways back`,
    remedy: 'find out who tries changes on it; a restart of the node brings back what is on its disk',
    evidence,
  }
}
