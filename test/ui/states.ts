import { WORDS } from '../../src/cli/words.ts'
import type { Finding, Severity, Verdict, Word } from '../../src/contract.ts'
import { type JudgedFinding, type StepResult, summarize } from '../../src/engine/evaluate.ts'
import type { Unfinished } from '../../src/engine/history.ts'
import type { Progress } from '../../src/engine/perform.ts'
import { digestOf, type Plan, type PlannedPart, type Stage } from '../../src/engine/plan.ts'
import type { PartReview, RunState, SessionState } from '../../src/engine/state.ts'
import type { ContextInfo, StepInfo, WizardWorld } from '../../src/ui/host.ts'
import { initialUi, type MadePlan, type Ui, type View } from '../../src/ui/tui/model.ts'

/** States of the wizard, written by hand: an invented cluster with everything that a screen can show. */

export const TODAY = '2026-11-23'
export const NOW = new Date('2026-11-23T14:03:52Z')
const AT = '2026-11-23T14:02:00.000Z'

/* ---- steps and results ------------------------------------------------------------------------------------ */

const info = (id: string, category: string, title: string, severity: Severity, why: string, canMend = false): StepInfo => ({
  id,
  category,
  title,
  severity,
  why,
  references: [
    { title: `The guide on ${title.toLowerCase()}`, url: `https://example.org/guide/${id.toLowerCase()}`, appliesTo: '<2.0' },
    { title: 'The hardening guide', url: 'https://example.org/hardening' },
  ],
  questions: [],
  canMend,
  canUndo: canMend,
})

const FIREWALL: StepInfo = {
  ...info('INF-02', 'infrastructure', 'Ingress firewall', 'high', 'Anyone who can reach a node can reach etcd and the API on it.', true),
  questions: [
    {
      name: 'keepMetrics',
      label: 'Keep the metrics ports open to the monitoring network?',
      hint: 'yes or no',
      value: (raw) => raw ?? 'yes',
      parse: (text) => (['yes', 'no'].includes(text) ? undefined : `"${text}" is neither yes nor no`),
    },
    {
      name: 'alsoOpen',
      label: 'Other ports to keep open',
      hint: 'PORT=NETWORK, as in 9100=10.0.7.0/24',
      value: (raw) => raw ?? '',
      parse: () => undefined,
    },
  ],
}

export const STEPS: StepInfo[] = [
  info('INF-01', 'infrastructure', 'Networks separated', 'medium', 'A neighbour in the same network is the first to try a door.'),
  FIREWALL,
  info('INF-03', 'infrastructure', 'API not public', 'high', 'What the internet can reach, the internet will try.'),
  info('INF-06', 'infrastructure', 'Disks encrypted', 'medium', 'A disk that is thrown away or stolen takes its secrets along.'),
  info('INF-10', 'infrastructure', 'Network sysctls', 'medium', 'Redirects let a neighbour on the network reroute a node.', true),
  info('INF-11', 'infrastructure', 'Mesh between nodes', 'low', 'Traffic between sites can be read on the way.'),
  info('CRT-01', 'certificates', 'No plaintext secrets', 'critical', 'Whoever reads a plain bundle owns the cluster.'),
  info('CRT-04', 'certificates', 'Client certificates', 'high', 'A long-lived certificate cannot be called back.'),
  info('MON-01', 'monitoring', 'Audit log', 'medium', 'Without a record nobody can tell what was done.'),
]

const evidence = (what: string): Finding['evidence'] => [
  { kind: 'command', what, takenAt: AT, sha256: 'ab12'.repeat(16), exitCode: 0 },
  { kind: 'file', what: '~/infra/edge-prod/inventory.yaml', takenAt: AT, sha256: 'cd34'.repeat(16) },
]

const finding = (name: string, verdict: Verdict, reason: string, more: Partial<JudgedFinding> = {}): JudgedFinding => ({
  object: { kind: 'node', name },
  verdict,
  reason,
  evidence: evidence(`tool --nodes ${name} get rules`),
  ...more,
})

const word = (until: string): Word => ({ step: 'X', by: 'ana@ops', why: 'seen in the data centre, form 7', on: '2026-11-01', until })

const result = (id: string, count: StepResult['count'], findings: JudgedFinding[]): StepResult => {
  const step = STEPS.find((s) => s.id === id) as StepInfo
  const verdict = findings[0]?.verdict ?? 'unknown'
  return {
    id,
    category: step.category,
    title: step.title,
    severity: step.severity as Severity,
    verdict,
    count,
    findings,
    canMend: step.canMend,
    canUndo: step.canUndo,
  }
}

const OPEN = 'no rule blocks anything: 2379 and 50000 answer from here'

export const RESULTS: StepResult[] = [
  result('INF-01', 'attested', [
    finding('cluster', 'unknown', 'the network cannot be seen from here', { attestation: word('2027-02-01') }),
  ]),
  result('INF-02', 'fail', [
    ...['cp1', 'cp2', 'cp3'].map((n) => finding(n, 'fail', OPEN, { remedy: 'talos-preflight plan INF-02' })),
    ...['w1', 'w2'].map((n) => finding(n, 'pass', 'blocked by default, 3 rules')),
  ]),
  result('INF-03', 'pass', [finding('cluster', 'pass', 'no address of a node is public')]),
  result('INF-06', 'unknown', [
    finding('w2', 'unknown', 'needs os:operator; edge-prod is os:reader', { remedy: 'name a context with os:operator: --context NAME' }),
    finding('w1', 'pass', 'STATE and EPHEMERAL are encrypted'),
  ]),
  result('INF-10', 'waived', [finding('w1', 'fail', '13 of 15 keys left to the kernel', { waiver: word('2027-05-31') })]),
  result('INF-11', 'notApplicable', [finding('cluster', 'notApplicable', 'one site only')]),
  result('CRT-01', 'fail', [
    finding('controlplane.yaml', 'fail', 'controlplane.yaml: a machine config in plain text', {
      remedy: 'seal it and remove the plain file',
    }),
  ]),
  result('CRT-04', 'pass', [finding('edge-prod', 'pass', 'os:reader for 41 days, the policy allows 90')]),
  result('MON-01', 'unknown', [finding('cluster', 'unknown', 'needs os:admin to see the policy', { remedy: '--context edge-admin' })]),
]

/* ---- plans ------------------------------------------------------------------------------------------------- */

const UNDO = 'the three rules are removed, and nothing else'

export function part(name: string, more: Partial<PlannedPart> = {}): PlannedPart {
  const given: Omit<PlannedPart, 'digest'> = {
    step: 'INF-02',
    object: { kind: 'node', name },
    summary: 'set 3 rules',
    actions: [
      {
        id: 'seal',
        kind: 'seal',
        danger: 'read',
        title: 'seal the current config',
        source: { call: { verb: 'tool.config', args: { node: name } } },
        path: `secrets/config-${name}-{time}.age`,
        opens: 'secrets',
      },
      {
        id: 'patch',
        kind: 'run',
        danger: 'change',
        title: 'set 3 rules in the firewall document',
        call: { verb: 'tool.patch', args: { node: name } },
        dryRun: { verb: 'tool.patch', args: { node: name, dryRun: true } },
        done: { observation: 'firewall', predicate: 'has', args: null, sentence: 'the node has the three rules' },
        undo: { sentence: UNDO, record: {} },
        cancel: 'after this object',
        restarts: 'nothing',
      },
      {
        id: 'effect',
        kind: 'expect',
        danger: 'read',
        title: '50000 and 6443 answer on new connections',
        condition: { observation: 'ports', predicate: 'open', args: null, sentence: 'both answer' },
        deadlineSeconds: 60,
      },
    ],
    ...more,
  }
  return { ...given, digest: digestOf(given) }
}

export const planOf = (kind: Stage['kind'], parts: PlannedPart[], blocked: Plan['blocked'] = []): Plan => ({
  stage: { kind, steps: ['INF-02'] },
  identity: { ca: 'ca', id: 'id' },
  parts,
  blocked,
})

export const reviewOf = (p: PlannedPart, ok = true): PartReview => ({
  part: p.digest,
  dryRun: ok ? { ok, text: 'accepted, without a reboot' } : { ok, text: 'rule 2 names a port that is not known' },
  preview: [
    {
      type: 'diff',
      title: `machine config of ${p.object.name}`,
      lines: [
        { sign: ' ', text: 'firewall.default: accept' },
        { sign: '-', text: 'firewall.default: accept' },
        { sign: '+', text: 'firewall.default: block' },
        { sign: '+', text: 'firewall.rules[0].ports: 50000, 6443' },
      ],
    },
  ],
})

const PARTS = ['w1', 'cp1', 'cp2'].map((n) => part(n))
const BLOCKED: Plan['blocked'] = [
  { step: 'INF-02', object: { kind: 'node', name: 'cp3' }, reason: 'it does not answer', remedy: 'check that the node runs' },
]

export const MADE: MadePlan = {
  stage: { kind: 'mend', steps: ['INF-02'] },
  plan: planOf('mend', PARTS, BLOCKED),
  reviews: PARTS.map((p) => reviewOf(p)),
}
export const UNDOING: MadePlan = {
  stage: { kind: 'undo', steps: ['INF-02'] },
  plan: planOf('undo', PARTS),
  reviews: PARTS.map((p) => reviewOf(p)),
}
export const REFUSED: MadePlan = { ...MADE, reviews: PARTS.map((p, i) => reviewOf(p, i !== 1)) }
const FILES = PARTS.map((p) =>
  part(p.object.name, {
    actions: [
      {
        id: 'patch',
        kind: 'write',
        danger: 'read',
        title: `write generated/INF-02/${p.object.name}.yaml`,
        path: `generated/INF-02/${p.object.name}.yaml`,
        content: 'kind: Firewall\n',
      },
    ],
  }),
)
export const AS_FILES: MadePlan = {
  ...MADE,
  plan: planOf('mend', FILES),
  reviews: FILES.map((p) => ({ part: p.digest, preview: [] })),
}
export const NOTHING_TO_DO: MadePlan = { ...MADE, plan: planOf('mend', []), reviews: [] }

const at = (second: number): string => `2026-11-23T14:03:${String(second).padStart(2, '0')}.000Z`
const progressed = (
  ...given: [part: number, action: string, status: Progress['status'], second: number, note?: string][]
): RunState['progress'] =>
  Object.fromEntries(
    given.map(([p, action, status, second, note]) => {
      const { digest } = PARTS[p] as PlannedPart
      return [`${digest} ${action}`, { part: digest, action, status, at: at(second), ...(note ? { note } : {}) }]
    }),
  )

const SEALED = 'secrets/config-w1-2026-11-23T14-03-05.age, 2 recipients'

export const RUN: RunState = {
  plan: MADE.plan,
  progress: progressed(
    [0, 'seal', 'done', 5, SEALED],
    [0, 'patch', 'done', 7, 'applied, without a reboot'],
    [0, 'effect', 'done', 9],
    [1, 'seal', 'done', 12, 'secrets/config-cp1-2026-11-23T14-03-12.age, 2 recipients'],
    [1, 'patch', 'done', 14, 'applied, without a reboot'],
    [1, 'effect', 'running', 15, '50000 answers, 6443 not yet, again in 2 s'],
  ),
  log: [
    { at: at(12), text: 'cp1 seal the current config: done, secrets/config-cp1-2026-11-23T14-03-12.age, 2 recipients' },
    { at: at(14), text: 'cp1 set 3 rules in the firewall document: done, applied, without a reboot' },
    { at: at(15), text: 'cp1 50000 and 6443 answer on new connections' },
    { at: at(41), text: 'cp1 50000 and 6443 answer on new connections: 50000 answers, 6443 not yet, again in 2 s' },
  ],
}

const [FIRST, SECOND, THIRD] = PARTS as [PlannedPart, PlannedPart, PlannedPart]

export const RUN_DONE: RunState = {
  ...RUN,
  progress: progressed(
    ...[0, 1, 2].flatMap(
      (p): Parameters<typeof progressed> => [
        [p, 'seal', 'done', 5, SEALED],
        [p, 'patch', 'done', 7, 'applied, without a reboot'],
        [p, 'effect', 'done', 9],
      ],
    ),
  ),
  result: { done: PARTS, left: [], stopped: false },
}

export const RUN_FAILED: RunState = {
  ...RUN,
  progress: {
    ...RUN.progress,
    ...progressed([1, 'effect', 'failed', 59, 'after 60 s: 6443 does not answer; the node says: no such port']),
  },
  result: {
    done: [FIRST],
    failed: {
      part: SECOND,
      action: SECOND.actions[2] as PlannedPart['actions'][number],
      reason: 'after 60 s: 6443 does not answer; the node says: no such port',
      remedy: 'take the change back: talos-preflight apply --undo INF-02',
    },
    left: [THIRD],
    stopped: false,
  },
}

export const RUN_STOPPED: RunState = {
  ...RUN,
  progress: { ...RUN.progress, ...progressed([1, 'effect', 'done', 59]) },
  result: { done: [FIRST, SECOND], left: [THIRD], stopped: true },
}

const NODE = 'worker-eu-west-1a-07'
const TRIED_PARTS = [part(NODE), ...PARTS.slice(1)]
const WAITS = '50000 and 6443 answer on new connections: 6443 does not answer'
const [TRIED_FIRST] = TRIED_PARTS as [PlannedPart]
const tried = (second: number, note: string): RunState['progress'] => ({
  [`${TRIED_FIRST.digest} patch`]: {
    part: TRIED_FIRST.digest,
    action: 'patch',
    status: 'running',
    at: at(second),
    until: '2026-11-23T14:08:02.000Z',
    note,
  },
})
const BACK_IN = `stopped while "${WAITS}" was waited for; nothing is sent, it takes itself back in`

/** Something is being tried, on an object with a long name. */
export const TRIED: RunState = {
  plan: planOf('mend', TRIED_PARTS),
  progress: tried(41, WAITS),
  log: [
    { at: at(5), text: `${NODE} seal the current config: done, ${SEALED}` },
    { at: at(9), text: `${NODE} set 3 rules in the firewall document: tried` },
    { at: at(41), text: `${NODE} set 3 rules in the firewall document: ${WAITS}` },
  ],
}
export const TRIED_STOPPED: RunState = {
  ...TRIED,
  progress: tried(51, `${BACK_IN} 251 s`),
  log: [
    ...TRIED.log,
    ...[45, 50, 51].map((s) => ({ at: at(s), text: `${NODE} set 3 rules in the firewall document: ${BACK_IN} ${302 - s} s` })),
  ],
}

/* ---- sessions ---------------------------------------------------------------------------------------------- */

export function sessionWith(more: Partial<SessionState> = {}, results: StepResult[] | null = RESULTS): SessionState {
  return {
    activity: { kind: 'idle' },
    unfinished: [],
    journalHead: 'ab12'.repeat(16),
    answers: { 'INF-02': { alsoOpen: '9100=10.0.7.0/24' } },
    ...(results
      ? { report: { startedAt: AT, finishedAt: AT, results, summary: summarize(results), observed: {}, identity: { ca: 'ca', id: 'id' } } }
      : {}),
    ...more,
  }
}

export const LOOKING: SessionState['activity'] = { kind: 'looking', since: AT, done: 1, total: 4, now: 'kernel parameters' }
export const WAITING: SessionState['activity'] = {
  kind: 'looking',
  since: '2026-11-23T14:02:31.000Z',
  done: 0,
  total: 1,
  now: 'cp1 was being tried; it takes itself back by 14:08:02 UTC, and nothing is sent to it before',
}
export const REVIEWING: SessionState['activity'] = { kind: 'reviewing', since: AT, done: 2, total: 3 }
export const PERFORMING: SessionState['activity'] = { kind: 'performing', since: at(4), stopping: false }
export const STOPPING: SessionState['activity'] = { kind: 'performing', since: at(4), stopping: true }

export const LEFT: Unfinished = {
  run: '2026-11-23T13-58-02-3fa9c1.jsonl',
  at: '2026-11-23T13:58:02.000Z',
  command: 'talos-preflight apply INF-02',
  process: { pid: 4242, started: '1' },
  intent: {
    seq: 9,
    at: '2026-11-23T13:58:09.000Z',
    prev: null,
    kind: 'intent',
    stage: 'mend',
    step: 'INF-02',
    object: { kind: 'node', name: 'cp1' },
    part: SECOND.digest,
    action: 'patch',
    title: 'set 3 rules in the firewall document',
    repeatable: true,
  },
  done: ['w1'],
  left: ['cp1', 'cp2'],
  steps: ['INF-02'],
  stage: 'mend',
  plan: 'evidence/plans/0123456789abcdef.json',
  digest: '0123456789abcdef'.repeat(4),
}
const { intent: _, ...NOT_BEGUN } = LEFT
export const LEFT_NOT_BEGUN: Unfinished = NOT_BEGUN
export const LEFT_UNCHECKED: Unfinished = {
  ...NOT_BEGUN,
  unchecked: {
    step: 'INF-02',
    object: { kind: 'node', name: 'cp1' },
    digest: SECOND.digest,
    actions: ['patch', 'effect'],
    checks: ['effect'],
  },
}

/* ---- the world around -------------------------------------------------------------------------------------- */

const refuse = async (): Promise<never> => {
  throw new Error('a drawing asks nobody')
}

export function worldWith(more: Partial<WizardWorld> = {}): WizardWorld {
  return {
    session: undefined as never,
    steps: STEPS,
    header: { cluster: 'edge-prod', environment: 'production', mode: 'LIVE', as: 'os:reader, 41 days left' },
    delivery: 'live',
    workspace: '~/infra/edge-prod',
    folder: '~/infra/edge-prod',
    operator: 'ana@ops',
    now: () => NOW,
    sealLine: (action) => `${'call' in action.source ? action.source.call.verb : action.source.held} | seal > ${action.path}`,
    commandLine: ({ verb, args }) =>
      `tool --config ~/.tool/config --context edge-admin --nodes ${args.node} ${verb.split('.')[1]} --patch '{"firewall":{"default":"block","rules":[{"ports":[50000,6443]}]}}'`,
    keys: { info: refuse, create: refuse, protect: refuse, add: refuse },
    product: 'talos-preflight',
    suffix: '',
    warnings: () => [],
    closing: () => [],
    exitCode: () => 0,
    close: refuse,
    ...more,
  }
}

export const uiWith = (more: Partial<Ui> = {}): Ui => ({ ...initialUi, steps: STEPS, selected: 'INF-02', ...more })

export const viewOf = (ui: Ui, session: SessionState | undefined): View => ({ ui, session, today: TODAY, scrollMost: 1000, words: WORDS })

export const CONTEXTS: ContextInfo[] = [
  { name: 'edge-prod', file: '~/.tool/config', role: 'os:admin', ends: 'ends in 11 days', usable: true },
  { name: 'lab', file: '~/.tool/config', role: 'os:reader', ends: 'expired 3 days ago', usable: false },
  { name: 'edge-reader', file: '~/clusters/edge/readers/config', role: 'os:reader', ends: 'ends in 1 day', usable: true },
]
