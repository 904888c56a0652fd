import { type Block, type Call, type Opens, one, plain, plainLine } from '../contract.ts'
import { OBSERVATIONS } from '../domain/all-observations.ts'
import { maskedDiff } from '../domain/masked-diff.ts'
import { clusterInfo, type TalosContext, talosContexts } from '../domain/observations.ts'
import { ADD_RECOVERY, refuseRecipients } from '../domain/recipients.ts'
import type { Verbs } from '../domain/verbs.ts'
import type { CallHooks, CallResult, EnginePorts } from '../engine/ports.ts'
import { lastControllerError, lastPodError } from '../observe/parse.ts'
import type { System } from '../system/ports.ts'
import type { Caller } from '../tools/caller.ts'
import type { Parts } from './parts.ts'
import { secretPorts } from './secret-ports.ts'

/** What the engine needs of the world, made of the system, the tools and the observer. */

/** The engine's ports, made of the system's. */
export function enginePorts(parts: Parts): EnginePorts {
  const { system, caller, observer, workspace } = parts
  const run = (call: Call, options: Parameters<Caller['run']>[2] = {}) => caller.run(call.verb as keyof Verbs, call.args as never, options)

  const call = async (given: Call, hooks: CallHooks = {}): Promise<CallResult> => {
    const ran = await run(given, {
      ...(hooks.signal ? { signal: hooks.signal } : {}),
      ...(hooks.onChild ? { onStart: hooks.onChild } : {}),
    })
    if (!ran.ok) return { ok: false, reason: ran.reason, ...(ran.remedy ? { remedy: ran.remedy } : {}), output: ran.stdout }
    return { ok: true, summary: summaryOf(given, ran.stdout, ran.stderr), output: ran.stdout }
  }

  const recipientsFor = (opens: Opens): { name: string; recipient: string }[] =>
    (workspace?.profile.recipients ?? []).filter((r) => r.opens.includes(opens))

  return {
    clock: system.clock,
    observe: (names, options) => observer.observe(names, options),
    observeOne: (name, object, signal) => observer.observeOne(name, object, signal),
    holds: (observation, predicate, value, args) => {
      const check = OBSERVATIONS[observation]?.predicates[predicate]
      if (!check) throw new Error(`no predicate ${observation}.${predicate}`)
      return check(value as never, args)
    },
    call,
    commandLine: (given) => caller.commandLine(given),
    preview: (given) => previewOf(given, caller, system),
    ...secretPorts(parts, recipientsFor),
    cannotSeal: (opens) => {
      const recipients = recipientsFor(opens)
      const reason =
        recipients.length === 0
          ? `nobody could open what would be sealed: no recipient in preflight.yaml opens ${opens}`
          : refuseRecipients(recipients)
      return reason === undefined ? undefined : { reason, remedy: `talos-preflight keys create, then ${ADD_RECOVERY}` }
    },
    identify: async () => {
      const seen = await observer.observe([clusterInfo.name, talosContexts.name], {})
      const info = one(seen[clusterInfo.name] ?? [])
      const contexts = one(seen[talosContexts.name] ?? [])
      const ours = contexts.ok ? (contexts.value as TalosContext[]).find((c) => c.certificate === caller.access[0]?.certificate) : undefined
      const ca = ours?.ca ?? ''
      if (!info.ok) return { reason: info.reason, ...(info.remedy ? { remedy: info.remedy } : {}), ...(ca ? { partial: { ca } } : {}) }
      return { identity: { ca, id: (info.value as { id: string }).id } }
    },
    processes: system.processes,
    ...(workspace ? { workspace } : {}),
  }
}

/** Which controllers complain about a setting. */
const CONTROLLERS: Record<string, RegExp> = {
  sysctl: /KernelParamSpec/,
  'api-server': /ControlPlane(APIServer|AdmissionControl|AuditPolicy|StaticPod)\w*Controller|RenderConfigsStaticPod/,
}

/** What a call came to, in words that hold nothing of a configuration. */
function summaryOf(call: Call, stdout: Buffer, stderr: Buffer): string {
  if (call.verb === 'talosctl.controllerLog')
    return lastControllerError(plain(stdout.toString('utf8')), CONTROLLERS[String(call.args.about)] ?? /./)
  if (call.verb === 'talosctl.podLog') return lastPodError(plain(stdout.toString('utf8')))
  if (call.verb === 'kubectl.apply' || call.verb === 'kubectl.deletePolicies')
    return plainLine(stdout.toString('utf8').trim().split('\n').join(', '), 200)
  if (call.verb !== 'talosctl.patch' && call.verb !== 'talosctl.try') return ''
  const text = stderr.toString('utf8')
  if (/no changes detected/.test(text)) return 'no changes: it is there already'
  if (/skipped in dry-run/.test(text)) return /without a reboot/.test(text) ? 'accepted, without a reboot' : 'accepted'
  if (/'try' mode/.test(text)) return 'tried, and it goes back by itself'
  return /without a reboot/.test(text) ? 'applied, without a reboot' : 'applied'
}

/** A masked diff of what a patch does to the configuration, made by the operator's own talosctl, in memory. */
async function previewOf(given: Call, caller: Caller, system: System): Promise<Block[]> {
  if (given.verb !== 'talosctl.patch' && given.verb !== 'talosctl.try') return []
  const { node, patches } = given.args as unknown as Verbs['talosctl.patch']
  const problem = await system.memory.problem()
  if (problem) return [{ type: 'text', text: `the diff is unknown: ${problem.reason}; ${problem.remedy}` }]
  const before = await caller.run('talosctl.machineConfig', { node })
  if (!before.ok) return [{ type: 'text', text: `the diff is unknown: ${before.reason}` }]
  const held = await system.memory.keep('config.yaml', before.stdout)
  const after = await caller.run('talosctl.merge', { config: held.path, patches }).finally(held.remove)
  if (!after.ok) return [{ type: 'text', text: `the diff is unknown: ${after.reason}` }]
  return [maskedDiff(`machine config of ${node}`, before.stdout.toString('utf8'), after.stdout.toString('utf8'), patches)]
}
