import { join, resolve } from 'node:path'
import { IGNORED } from '../domain/profile.ts'
import { listed } from '../domain/remarks.ts'
import { EXIT, Interrupted, Refusal } from '../engine/errors.ts'
import type { System } from '../system/ports.ts'
import type { CommandContext } from './command.ts'
import { Workspace } from './workspace.ts'

/** `init`: makes a folder the workspace of a cluster. */

export async function init({ world, out, front, json, leaving }: CommandContext): Promise<number> {
  const { flags, place } = world
  const seen = world.access.length > 0 ? await world.observer.observe(['clusterInfo'], leaving ? { signal: leaving } : {}) : {}
  if (leaving?.aborted) throw new Interrupted()
  const info = seen.clusterInfo?.[0]?.look
  const name = flags.name ?? (info?.ok ? (info.value as { name: string }).name : undefined) ?? world.cluster.name
  if (!name) throw new Refusal('usage', 'the cluster needs a name, and none answered', '--name NAME')
  const environment = flags.environment ?? 'production'
  if (environment !== 'production' && environment !== 'staging' && environment !== 'lab')
    throw new Refusal('usage', `--environment ${environment} is not known`, 'production, staging or lab')
  const delivery = flags.delivery ?? 'live'
  if (delivery !== 'live' && delivery !== 'gitops') throw new Refusal('usage', `--delivery ${delivery} is not known`, 'live or gitops')
  const ca = world.contexts.found.find((c) => c.certificate === world.access[0]?.certificate)?.ca
  const folder = resolve(place.system.files.cwd, place.folder)
  const ignored = await alreadyIgnored(place.system, folder)
  const made = await Workspace.create(place.system, folder, {
    name,
    environment,
    delivery,
    ...(info?.ok && ca ? { identity: { ca, id: (info.value as { id: string }).id } } : {}),
    ...(world.access[0] ? { observe: world.access[0].context } : {}),
  })
  if (json)
    out(
      `${JSON.stringify({ schema: 'talos-preflight/init/v1', mode: world.mode, workspace: made.path, cluster: { name, environment } }, null, 2)}\n`,
    )
  else out(`${made.path} is the workspace of ${name} now: preflight.yaml${ignored ? '' : ', .gitignore'}.\n`)
  const missing = ignored ? IGNORED.filter((line) => !ignored.includes(line)) : []
  if (missing.length > 0) front.say(`.gitignore was there already: add ${listed(missing, IGNORED.length)} to it`)
  if (info && !info.ok) front.say(`The cluster did not say who it is: ${info.reason}. The first check that reaches it will record it.`)
  front.say(`Next: ${world.program.name} keys create, then ${world.program.name} check`)
  return EXIT.ok
}

/** The lines of a `.gitignore` that is there, which is left alone. */
const alreadyIgnored = (system: System, folder: string): Promise<string[] | undefined> =>
  system.files.read(join(folder, '.gitignore')).then(
    (b) => b.toString('utf8').split(/\r?\n/),
    () => undefined,
  )
