import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Entry, Line } from '../../src/engine/journal.ts'
import type { CheckDocument } from '../../src/ui/report/document.ts'
import { cleanEnvironment, PROGRAM, practiceFolder } from '../support/terminal.ts'

/** What a session leaves behind in the simulated world, without what differs from run to run or from one front end to another. */

export interface Left {
  /** The simulated cluster: what its nodes hold, its network policies, and what a probe left. */
  world: { nodes: { name: string; machineSysctls: object | null; firewall: unknown[] }[]; policies: unknown[]; probe: unknown }
  profile: Record<string, unknown>
  /** What was said, agreed to and done, in order. Looking changes nothing, so how often it was looked is left out. */
  journal: unknown[]
  /** What a check says afterwards: verdict and, where there is one, waiver or attestation of each finding. */
  findings: Record<string, string[]>
  /** How many sealed files there are of each node, of the bundle and of etcd. */
  sealed: Record<string, number>
}

function normalised(line: Line): unknown {
  switch (line.kind) {
    case 'opened':
    case 'closed':
    case 'observed':
    case 'concluded':
    // what a flag answers is of that run alone, and stands in its plan
    case 'answered':
      return undefined
    case 'identified':
      return { kind: line.kind, identity: line.identity }
    case 'planned':
      return {
        kind: line.kind,
        stage: line.stage,
        parts: line.parts.map(({ step, object, actions }) => ({ step, object, actions })),
        blocked: line.blocked,
      }
    case 'consented':
      return { kind: line.kind, by: line.by }
    case 'intent': {
      const { kind, stage, step, object, action, title, repeatable, done, record } = line
      return { kind, stage, step, object, action, title, repeatable, done, record }
    }
    case 'child':
      return { kind: line.kind, action: line.action, what: line.what }
    case 'tried':
      return { kind: line.kind, action: line.action }
    case 'outcome': {
      const { kind, stage, step, object, action, result, record } = line
      return { kind, stage, step, object, action, result, record }
    }
    case 'said': {
      const { kind, word, step, object, by, why, until } = line
      return { kind, word, step, object, by, why, until }
    }
    default: {
      const rest: Entry = line
      return { kind: rest.kind }
    }
  }
}

/** `check` are the flags of the check afterwards. */
export function sessionLeft(home: string, check: readonly string[] = []): Left {
  const folder = practiceFolder(home)
  const workspace = join(folder, 'workspace')
  const journals = join(workspace, 'evidence', 'journal')
  const lines = readdirSync(journals)
    .map((name) => readFileSync(join(journals, name), 'utf8').trim().split('\n'))
    .map((text) => text.map((line): Line => JSON.parse(line)))
    // in the order of the simulated clock, which stands still between two runs of one world
    .toSorted(([a], [b]) => ((a?.at ?? '') < (b?.at ?? '') ? -1 : 1))
    .flat()
  const sealed: Record<string, number> = {}
  for (const name of ['secrets', 'backups'].flatMap((f) => listed(join(workspace, f)))) {
    const what = /^(?:config-(.+?)-\d{4}-|(bundle)-\d{4}-|(etcd)-.*\.age$)/.exec(name)?.slice(1).find(Boolean)
    if (what) sealed[what] = (sealed[what] ?? 0) + 1
  }
  const { recipients, ...profile } = parse(readFileSync(join(workspace, 'preflight.yaml'), 'utf8'))
  const { nodes, policies, probe } = JSON.parse(readFileSync(join(folder, 'practice.json'), 'utf8'))
  return {
    world: { nodes: nodes.map(withoutClock), policies, probe },
    // every practice world makes identities of its own
    profile: { ...profile, recipients: recipients.map(({ recipient: _, ...r }: { recipient: string }) => r) },
    journal: lines.map(normalised).filter((l) => l !== undefined),
    findings: findingsOf(home, check),
    sealed,
  }
}

/** When an API server was started is told by the simulated clock, which every look moves. */
const withoutClock = ({ apiServer, ...node }: { apiServer: { starts: number } }): object => ({ ...node, starts: apiServer.starts })

function findingsOf(home: string, flags: readonly string[]): Left['findings'] {
  const args = [PROGRAM, 'check', '--practice', '--output', 'json', ...flags]
  const child = spawnSync(process.execPath, args, { cwd: home, env: cleanEnvironment(home), encoding: 'utf8' })
  const { steps }: Pick<CheckDocument, 'steps'> = JSON.parse(child.stdout)
  return Object.fromEntries(
    steps.map((s) => [
      s.id,
      s.findings
        .map(
          (f) =>
            `${f.object.name.replace(home, '~').replace(/(?<=^etcd-practice-).*/, '')} ${f.verdict}${f.waiver ? ' waived' : ''}${f.attestation ? ' attested' : ''}`,
        )
        .toSorted(),
    ]),
  )
}

const listed = (folder: string): string[] => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
