import { apiServerPod } from '../domain/kubernetes.ts'
import { clockOffset } from '../domain/wire.ts'
import type { Report } from '../engine/state.ts'
import { CHECK_SCHEMA, type CheckDocument, stepsOf } from '../ui/report/document.ts'
import { checkText, nodesSeen, tookSeconds } from '../ui/report/text.ts'
import { accessLine, type CommandContext, exitOf, failOn, practiceFlag, tellUnfinished } from './command.ts'
import { toolsUsed } from './doctor.ts'
import { wordsOfNoObject } from './stray-words.ts'
import type { World } from './world.ts'

/** `check`: looks and says what is missing. */

export async function check({ world, note, json, out, words, columns }: CommandContext): Promise<number> {
  const severity = failOn(world)
  await tellUnfinished({ world, note })
  const report = await world.session.look(words.length > 0 ? words : undefined)
  for (const sentence of wordsOfNoObject(world.workspace?.profile, report.results)) note(`${sentence}\n`)
  const exitCode = exitOf(world, report)
  if (json) out(`${JSON.stringify(await documentOf(world, report), null, 2)}\n`)
  else {
    out(
      checkText(
        report.results,
        report.summary,
        {
          product: world.program.name,
          suffix: practiceFlag(world),
          cluster: world.cluster.name,
          environment: world.cluster.environment,
          mode: world.mode,
          as: accessLine(world),
          nodes: nodesSeen(report),
          seconds: tookSeconds(report),
        },
        { all: world.flags.all === true, failOn: severity, exitCode, columns },
      ),
    )
  }
  return exitCode
}

const valuesOf = <T>(report: Report, name: string): T[] =>
  (report.observed[name] ?? []).flatMap((s) => (s.look.ok ? [s.look.value as T] : []))

/** Of the clocks of the nodes that tell it, the one in the middle; null where none was asked. */
function offsetIn(report: Report): number | null {
  const seconds = valuesOf<{ seconds: number }>(report, clockOffset.name)
    .map((v) => v.seconds)
    .toSorted((a, b) => a - b)
  return seconds[Math.floor(seconds.length / 2)] ?? null
}

/** The oldest that an API server runs. */
const kubernetesVersionIn = (report: Report): string | null =>
  valuesOf<{ version?: string }>(report, apiServerPod.name)
    .flatMap((v) => (v.version ? [v.version] : []))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))[0] ?? null

async function documentOf(world: World, report: Report): Promise<CheckDocument> {
  const versions = new Set(
    Object.values(await world.observer.observe(['members'], {}))
      .flat()
      .flatMap((s) => (s.look.ok ? (s.look.value as { version: string }[]).map((m) => m.version) : []))
      .filter(Boolean),
  )
  return {
    schema: CHECK_SCHEMA,
    mode: world.mode,
    tool: { name: world.program.name, version: world.program.version },
    tools: await toolsUsed(world),
    operator: world.operator,
    access: world.access.map((a) => ({ purpose: a.purpose, role: a.roles.join(' '), certificateSha256: a.certificate })),
    startedAt: report.startedAt,
    finishedAt: report.finishedAt,
    clockOffsetSeconds: offsetIn(report),
    cluster:
      world.cluster.name || report.identity
        ? {
            ...world.cluster,
            identity: report.identity ?? null,
            talosVersions: [...versions].toSorted(),
            kubernetesVersion: kubernetesVersionIn(report),
          }
        : null,
    steps: stepsOf(report.results, world.program.name),
    summary: report.summary,
    journalHead: world.session.state().journalHead,
  }
}
