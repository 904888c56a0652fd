import { plain, plainLine } from '../contract.ts'
import { ADD_RECOVERY } from '../domain/recipients.ts'
import { TRIED_VERSIONS } from '../domain/versions.ts'
import { EXIT } from '../engine/errors.ts'
import { sha256Of } from '../system/sha256.ts'
import type { CommandContext } from './command.ts'
import { describeIdentity } from './identity.ts'
import { identityPath, type World } from './world.ts'

/** Looks at this machine: tools, credentials, workspace, keys. Asks no node. */

interface ToolInfo {
  name: 'talosctl' | 'kubectl' | 'age' | 'git'
  version: string
  path: string
}

async function versionOf(world: World, name: ToolInfo['name']): Promise<string> {
  const { caller } = world
  if (name === 'git') return ''
  const ran =
    name === 'talosctl'
      ? await caller.run('talosctl.clientVersion', {})
      : name === 'age'
        ? await caller.run('age.version', {})
        : await caller.run('kubectl.clientVersion', {})
  const text = plain(ran.stdout.toString('utf8'))
  return /v?\d+\.\d+\.\d+[^\s"]*/.exec(text)?.[0] ?? ''
}

async function findTools(world: World): Promise<ToolInfo[]> {
  const names: ToolInfo['name'][] = ['talosctl', 'kubectl', 'age', 'git']
  const found = await Promise.all(
    names.map(async (name) => {
      const path = await world.place.system.processes.find(name)
      return path ? { name, path: plainLine(path), version: await versionOf(world, name) } : undefined
    }),
  )
  return found.filter((t) => t !== undefined)
}

/** The tools that a report was made with, each with the digest of its file. */
export async function toolsUsed(world: World): Promise<{ name: string; version: string; path: string; sha256: string }[]> {
  const tools = await findTools(world)
  return Promise.all(tools.map(async (tool) => ({ ...tool, sha256: await sha256Of(world.place.system.files, tool.path).catch(() => '') })))
}

type Line = { ok: boolean; what: string; text: string; hint?: string }

async function linesOf(world: World): Promise<Line[]> {
  const { system } = world.place
  const tools = await findTools(world)
  const lines: Line[] = []
  const tool = (name: ToolInfo['name']) => tools.find((t) => t.name === name)
  const talosctl = tool('talosctl')
  const minor = /(\d+\.\d+)\./.exec(talosctl?.version ?? '')?.[1] ?? ''
  if (!talosctl)
    lines.push({
      ok: false,
      what: 'talosctl',
      text: 'is not on PATH',
      hint: 'install the version that your nodes run: https://docs.siderolabs.com/talos/v1.13/getting-started/talosctl',
    })
  else if (TRIED_VERSIONS.includes(minor)) lines.push({ ok: true, what: 'talosctl', text: `${talosctl.version}, ${talosctl.path}` })
  else
    lines.push({
      ok: Number(minor.split('.')[1]) >= 12,
      what: 'talosctl',
      text: `${talosctl.version || 'of an unknown version'}, ${talosctl.path}; tested with ${TRIED_VERSIONS.join(' and ')}`,
      hint: 'older than 1.12 is not supported',
    })
  const age = tool('age')
  lines.push(
    age
      ? { ok: true, what: 'age', text: `${age.version}, ${age.path}` }
      : {
          ok: true,
          what: 'age',
          text: 'is not on PATH: the built-in library seals instead, for recipients of kind age1… and age1pq1… only',
        },
  )
  const git = tool('git')
  lines.push(
    git ? { ok: true, what: 'git', text: git.path } : { ok: true, what: 'git', text: 'is not on PATH: git history cannot be looked at' },
  )
  const kubectl = tool('kubectl')
  lines.push(
    kubectl
      ? { ok: true, what: 'kubectl', text: `${kubectl.version}, ${kubectl.path}` }
      : { ok: true, what: 'kubectl', text: 'is not on PATH: what only the Kubernetes API shows stays unknown' },
  )
  for (const problem of world.contexts.problems) lines.push({ ok: false, what: 'talosconfig', text: problem })
  for (const { what, why } of world.refused) lines.push({ ok: false, what, text: why.message, ...(why.hint ? { hint: why.hint } : {}) })
  const refused = (what: string) => world.refused.some((r) => r.what === what)
  if (world.contexts.found.length === 0 && world.contexts.problems.length === 0 && !refused('talosconfig'))
    lines.push({ ok: false, what: 'talosconfig', text: 'none was found', hint: 'name one with --talosconfig FILE, or set TALOSCONFIG' })
  for (const context of world.contexts.found) {
    const used = world.access.filter((a) => a.certificate === context.certificate && a.context === context.name).map((a) => a.purpose)
    const ended = context.notAfter !== '' && new Date(context.notAfter) <= system.clock.now()
    lines.push({
      ok: !context.problem && !ended,
      what: 'context',
      text: `${context.name}: ${context.problem ?? `${context.roles.join(' and ') || 'no role'}, ${ended ? 'ended' : 'until'} ${context.notAfter.slice(0, 10)}`}${used.length > 0 ? `, used to ${used.join(' and ')}` : ''}`,
    })
  }
  const { kubernetes } = world
  if (kubernetes)
    lines.push({
      ok: true,
      what: 'kubeconfig',
      text: `${kubernetes.access.context} in ${kubernetes.access.kubeconfig}, signs in with a ${kubernetes.signsIn}${kubernetes.ca.length === 0 ? '; it holds no CA, so it cannot be told whose it is' : ''}`,
    })
  else if (!refused('kubeconfig'))
    lines.push({ ok: true, what: 'kubeconfig', text: 'none was found: what only the Kubernetes API shows stays unknown' })
  lines.push(
    world.workspace
      ? { ok: true, what: 'workspace', text: world.workspace.path }
      : { ok: true, what: 'workspace', text: `none in ${system.files.cwd}`, hint: 'talos-preflight init' },
  )
  const plain = await system.memory.problem()
  lines.push(
    plain
      ? { ok: false, what: 'memory', text: plain.reason, hint: plain.remedy }
      : { ok: true, what: 'memory', text: 'secrets can be held in it: no swap is active that is not encrypted' },
  )
  const identity = await describeIdentity(world, world.flags.identity ?? (await identityPath(system)))
  lines.push({ ok: identity.ok, what: 'identity', text: identity.text, ...(identity.hint ? { hint: identity.hint } : {}) })
  const recipients = world.workspace?.profile.recipients ?? []
  if (world.workspace)
    lines.push({
      ok: recipients.length > 1,
      what: 'recipients',
      text: recipients.map((r) => `${r.name} (${r.role})`).join(', ') || 'none',
      ...(recipients.length > 1
        ? {}
        : {
            hint: `talos-preflight keys create; ${ADD_RECOVERY}`,
          }),
    })
  return lines
}

export async function doctor({ world, json, out }: CommandContext): Promise<number> {
  const lines = await linesOf(world)
  if (json) out(`${JSON.stringify({ schema: 'talos-preflight/doctor/v1', mode: world.mode, lines }, null, 2)}\n`)
  else
    for (const line of lines)
      out(
        `${line.ok ? 'ok     ' : 'problem'}  ${line.what.padEnd(12)} ${line.text}\n${!line.ok && line.hint ? `${' '.repeat(22)}${line.hint}\n` : ''}`,
      )
  return lines.every((l) => l.ok) ? EXIT.ok : EXIT.failed
}
