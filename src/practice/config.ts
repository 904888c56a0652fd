import { type Answer, DENIED, fails, unknownCall } from './answer.ts'
import { bundleFrom, newBundle } from './bundle.ts'
import { changed } from './course.ts'
import { absentIn, mergeInto, mergeText } from './merge.ts'
import { configOf, inventedSecret, type PracticeNode, type PracticeState } from './state.ts'

/** Changes of machine configurations: tried, kept, or merged without a node. */

function patchesIn(words: readonly string[]): ReturnType<typeof JSON.parse>[] | undefined {
  const patches = []
  for (let i = 0; i < words.length; i += 2) {
    if (words[i] !== '--patch') return undefined
    patches.push(JSON.parse(words[i + 1] ?? 'null'))
  }
  return patches
}

const HEAD = (node: PracticeNode) => `patched MachineConfigs.config.talos.dev/v1alpha1 at the node ${node.address}\n`
const SKIPPED: Answer = { exitCode: 0, stderr: 'Apply was skipped: no changes detected.\n' }

const withNode = (state: PracticeState, node: PracticeNode): PracticeState => ({
  ...state,
  nodes: state.nodes.map((n) => (n.name === node.name ? node : n)),
})

/** `--mode no-reboot`: it stays, also where the same is only tried now. */
export function patch(state: PracticeState, node: PracticeNode, words: readonly string[], isAdmin: boolean): Answer {
  const dryRun = words[0] === '--dry-run'
  const patches = patchesIn(dryRun ? words.slice(1) : words)
  if (!patches || patches.length === 0) return unknownCall('talosctl', ['patch', ...words])
  if (!isAdmin) return fails(`error getting resource on node ${node.address}: ${DENIED}`)
  const merged = mergeInto(node, patches)
  if ('error' in merged) return fails(merged.from === 'node' ? HEAD(node) + merged.error : merged.error)
  if (!merged.changed)
    return { ...SKIPPED, ...(dryRun ? {} : { state: withNode(state, { ...node, tried: null, kept: null, written: true }) }) }
  // the real diff shows keys as context lines; this one does so too, so that a leak of it would be found
  if (dryRun)
    return {
      exitCode: 0,
      stderr: `${HEAD(node)}Dry run summary:\nApplied configuration without a reboot (skipped in dry-run).\nConfig diff:\n\n--- a\n+++ b\n@@ -5,6 +5,7 @@\n     secret: ${inventedSecret('cluster secret')}\n+    (changed)\n\n`,
    }
  return {
    exitCode: 0,
    stderr: `${HEAD(node)}Applied configuration without a reboot\n`,
    state: withNode(state, { ...changed(node, configOf(merged.node), state.now), tried: null, kept: null, written: true }),
  }
}

/** `5m0s`, as Go writes it. */
const goDuration = (seconds: number): string => (seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`)

/** `--mode try --timeout 300s`: it is in effect, and goes back by itself. A second one takes the first one's way back away, and goes back to what that left. */
export function tryPatch(state: PracticeState, node: PracticeNode, words: readonly string[], isAdmin: boolean): Answer {
  const [flag, timeout = '', ...rest] = words
  const seconds = /^(\d+)s$/.exec(timeout)?.[1]
  const patches = patchesIn(rest)
  if (flag !== '--timeout' || !seconds || !patches || patches.length === 0) return unknownCall('talosctl', ['patch', ...words])
  if (!isAdmin) return fails(`error getting resource on node ${node.address}: ${DENIED}`)
  const merged = mergeInto(node, patches)
  if ('error' in merged) return fails(merged.from === 'node' ? HEAD(node) + merged.error : merged.error)
  if (!merged.changed) return SKIPPED
  const tried = {
    until: new Date(new Date(state.now).getTime() + Number(seconds) * 1000).toISOString(),
    before: configOf(node),
  }
  return {
    exitCode: 0,
    stderr: `${HEAD(node)}Applied configuration without a reboot\nThe config is applied in 'try' mode and will be automatically reverted back in ${goDuration(Number(seconds))}\n`,
    state: withNode(state, {
      ...changed(node, configOf(merged.node), state.now),
      tried,
      kept: node.kept ?? configOf(node),
      log: [...node.log, 'try'],
    }),
  }
}

export function merge(args: readonly string[], held: (path: string) => string | undefined): Answer {
  const input = held(args[2] ?? '')
  const patches = args[1] === 'patch' && input !== undefined ? patchesIn(args.slice(3)) : undefined
  if (args[1] === 'patch' && input === undefined) return fails(`open ${args[2]}: no such file or directory`)
  if (!patches || input === undefined) return unknownCall('talosctl', args)
  const absent = absentIn(input, patches)
  if (absent) return fails(absent)
  const text = mergeText(input, patches)
  return text === undefined ? fails('practice does not know this patch') : { exitCode: 0, stdout: text }
}

export function generate(args: readonly string[], held: (path: string) => string | undefined): Answer {
  if (args.join(' ') === 'gen secrets --output-file -') return { exitCode: 0, stdout: newBundle() }
  const config = args[3]
  if (args[1] !== 'secrets' || args[2] !== '--from-controlplane-config' || !config || args.slice(4).join(' ') !== '--output-file -')
    return unknownCall('talosctl', args)
  const text = held(config)
  if (text === undefined) return fails(`failed to load controlplane config: open ${config}: no such file or directory`)
  const bundle = bundleFrom(text)
  return bundle ? { exitCode: 0, stdout: bundle } : fails('failed to load bundle from config: missing secrets')
}
