import type { SessionState } from '../../src/engine/state.ts'
import type { Door, WizardWorld } from '../../src/ui/host.ts'
import { field, fresh, initForm } from '../../src/ui/tui/forms.ts'
import { DOORS, type Field, type Form, type Overlay, type placeOf, type Tab, type Ui } from '../../src/ui/tui/model.ts'
import { ONE_RECIPIENT, SEAL_RUN, SEAL_UNPROVED, SEALING } from './sealing.ts'
import {
  AS_FILES,
  CONTEXTS,
  LEFT,
  LEFT_NOT_BEGUN,
  LEFT_UNCHECKED,
  LOOKING,
  MADE,
  NOTHING_TO_DO,
  PERFORMING,
  REFUSED,
  RESULTS,
  REVIEWING,
  RUN,
  RUN_DONE,
  RUN_FAILED,
  RUN_STOPPED,
  STOPPING,
  sessionWith,
  TRIED,
  TRIED_STOPPED,
  UNDOING,
  uiWith,
  WAITING,
  worldWith,
} from './states.ts'

/**
 * One state for each screen. The names come from the model: a new door, tab, place, overlay or form without a fixture here does not
 * compile.
 */

type Place = ReturnType<typeof placeOf>

interface PlaceScreens {
  doors: `doors-${Door}` | 'doors-check-one-context' | 'doors-check-many-contexts' | 'doors-check-problem' | 'doors-early' | 'doors-opening'
  checklist:
    | 'checklist-looking'
    | 'checklist-looking-again'
    | 'checklist-done'
    | 'checklist-category'
    | 'checklist-filtered'
    | 'checklist-filtered-empty'
    | 'checklist-attest'
  step: `step-${Tab}` | 'step-answers-none' | 'step-findings-waived' | PlanScreen | RunScreen
  running: 'running' | 'running-stopping' | 'running-tried' | 'running-tried-stopping' | 'running-undo' | 'running-seal'
}
type PlanScreen =
  | 'step-plan-none'
  | 'step-plan-looking'
  | 'step-plan-reviewing'
  | 'step-plan-undo'
  | 'step-plan-files'
  | 'step-plan-nothing'
  | 'step-plan-by-hand'
  | 'step-plan-seal'
type RunScreen = 'step-run-none' | 'step-run-looking' | 'step-run-again' | 'step-run-failed' | 'step-run-stopped' | 'step-run-seal'

interface OverlayScreens {
  help: 'help-doors' | 'help-checklist' | 'help-step'
  error: 'error' | 'error-bug'
  note: 'note'
  contexts: 'contexts'
  review: 'review' | 'review-undo' | 'review-refused' | 'review-files' | 'review-seal'
  commands: 'commands' | 'commands-copied' | 'commands-seal'
  keys: 'keys-looking' | 'keys-missing' | 'keys-complete'
  unfinished:
    | 'unfinished'
    | 'unfinished-waiting'
    | 'unfinished-not-begun'
    | 'unfinished-unchecked'
    | 'unfinished-open'
    | 'unfinished-back'
    | 'unfinished-resolved'
  quit: 'quit' | 'quit-tried'
  form: `form-${Form['form']}` | 'form-error' | 'form-long-value' | 'form-barred'
}

export type ScreenName = { [P in Place]: PlaceScreens[P] }[Place] | { [K in Overlay['kind']]: OverlayScreens[K] }[Overlay['kind']]

export interface Fixture {
  ui: Ui
  session?: SessionState
  world?: WizardWorld
}

const atDoors = (door: Door, more: Partial<Ui> = {}): Fixture => ({
  ui: uiWith({
    steps: [],
    selected: '',
    door: DOORS.indexOf(door),
    doors: { place: 'no workspace in ~/infra', contexts: [], problems: [] },
    ...more,
  }),
})
const atChecklist = (more: Partial<Ui> = {}, session = sessionWith()): Fixture => ({ ui: uiWith(more), session, world: worldWith() })
const atStep = (tab: Tab, more: Partial<Ui> = {}, session = sessionWith(), world = worldWith()): Fixture => ({
  ui: uiWith({ opened: 'INF-02', tab, ...more }),
  session,
  world,
})
const performing = (activity: SessionState['activity'], run = RUN) => atStep('run', {}, sessionWith({ activity, run }))
const over = (fixture: Fixture, ...overlays: Overlay[]): Fixture => ({ ...fixture, ui: { ...fixture.ui, overlays } })
const form = (kind: Form['form'], title: string, about: string, fields: Field[], at = 0, error?: string): Form =>
  fresh({ form: kind, title, about: [about], fields, at, ...(error ? { error } : {}) })
/** A form in whose field at hand a private key began. */
const barred = (of: Form): Form => ({
  ...of,
  fields: of.fields.map((f, i) => (i === of.at ? { ...f, value: '', cursor: 0, barred: true } : f)),
})
const GREEN = sessionWith(
  {},
  RESULTS.map((r) => (r.id === 'INF-02' ? { ...r, count: 'pass', verdict: 'pass' } : r)),
)
const GITOPS = worldWith({ delivery: 'gitops', header: { ...worldWith().header, mode: 'GITOPS' } })

export const FIXTURES: Record<ScreenName, Fixture> = {
  'doors-practise': atDoors('practise'),
  'doors-check': atDoors('check'),
  'doors-setup': atDoors('setup'),
  'doors-incident': atDoors('incident'),
  'doors-check-one-context': atDoors('check', { doors: { place: 'edge-prod in ~/infra', contexts: CONTEXTS.slice(0, 1), problems: [] } }),
  'doors-check-many-contexts': atDoors('check', {
    doors: {
      place: 'edge-prod in ~/infra',
      contexts: Array.from({ length: 12 }, (_, i) => ({
        ...(CONTEXTS[i % 3] as (typeof CONTEXTS)[number]),
        name: `${CONTEXTS[i % 3]?.name}-${i}`,
      })),
      problems: [],
    },
  }),
  'doors-check-problem': atDoors('check', {
    doors: { place: 'no workspace in ~/infra', contexts: [], problems: ['~/.tool/config is not YAML (line 3)'] },
  }),
  'doors-early': atDoors('check', { doors: undefined, early: true }),
  'doors-opening': atDoors('practise', { opening: true }),

  'checklist-looking': atChecklist({ selected: 'INF-01' }, sessionWith({ activity: LOOKING }, null)),
  'checklist-looking-again': atChecklist({}, sessionWith({ activity: LOOKING })),
  'checklist-done': atChecklist(),
  'checklist-category': atChecklist({ category: 'certificates', focus: 'categories', selected: 'CRT-01' }),
  'checklist-filtered': atChecklist({ filter: 'net', selected: 'INF-01' }),
  'checklist-filtered-empty': atChecklist({ filter: 'nothing like it', selected: '' }),
  'checklist-attest': atChecklist({ selected: 'INF-06' }),

  'step-why': atStep('why'),
  'step-answers': atStep('answers'),
  'step-answers-none': atStep('answers', { opened: 'CRT-01', selected: 'CRT-01' }),
  'step-findings': atStep('findings'),
  'step-findings-waived': atStep('findings', { opened: 'INF-10', selected: 'INF-10' }),
  'step-plan': atStep('plan', { made: MADE }),
  'step-plan-none': atStep('plan'),
  'step-plan-looking': atStep('plan', {}, sessionWith({ activity: LOOKING })),
  'step-plan-reviewing': atStep('plan', {}, sessionWith({ activity: REVIEWING })),
  'step-plan-undo': atStep('plan', { made: UNDOING }, GREEN),
  'step-plan-files': atStep('plan', { made: AS_FILES }, sessionWith(), GITOPS),
  'step-plan-nothing': atStep('plan', { made: NOTHING_TO_DO }, GREEN),
  'step-plan-by-hand': atStep('plan', { opened: 'CRT-01', selected: 'CRT-01' }),
  'step-plan-seal': atStep('plan', { made: SEALING }),
  'step-run': atStep('run', {}, { ...GREEN, run: RUN_DONE }),
  'step-run-none': atStep('run'),
  'step-run-looking': atStep('run', { made: MADE }, sessionWith({ activity: LOOKING })),
  'step-run-again': atStep('run', { made: MADE }, { ...GREEN, activity: LOOKING, run: RUN_DONE }),
  'step-run-failed': atStep('run', {}, sessionWith({ run: RUN_FAILED })),
  'step-run-stopped': atStep('run', {}, sessionWith({ run: RUN_STOPPED })),
  'step-run-seal': atStep('run', {}, sessionWith({ run: SEAL_UNPROVED })),
  'step-evidence': atStep('evidence'),

  running: performing(PERFORMING),
  'running-stopping': performing(STOPPING),
  'running-tried': performing(PERFORMING, TRIED),
  'running-tried-stopping': performing(STOPPING, TRIED_STOPPED),
  'running-seal': performing(PERFORMING, SEAL_RUN),
  'running-undo': performing(PERFORMING, { ...RUN, plan: { ...RUN.plan, stage: { kind: 'undo', steps: ['INF-02'] } } }),

  'help-doors': over(atDoors('check'), { kind: 'help' }),
  'help-checklist': over(atChecklist(), { kind: 'help' }),
  'help-step': over(atStep('plan', { made: MADE }), { kind: 'help' }),
  error: over(atStep('plan', { made: REFUSED }), {
    kind: 'error',
    code: 'dry-run-refused',
    message: 'cp1 would refuse the change: rule 2 names a port that is not known',
    hint: 'nothing was changed',
  }),
  'error-bug': over(atChecklist(), {
    kind: 'error',
    code: 'bug',
    message: "cannot read properties of undefined (reading 'parts')",
    hint: 'This is a fault of the program. Nothing is repeated by itself at the next start.',
  }),
  note: over(atDoors('setup'), {
    kind: 'note',
    title: 'Set up: not there yet',
    lines: [
      'This door will take fresh machines to a hardened cluster. There is nothing behind it yet.',
      '',
      'Meanwhile: bring the cluster up by hand.',
    ],
  }),
  contexts: over(atDoors('check', { doors: { place: 'edge-prod in ~/infra', contexts: CONTEXTS, problems: [] } }), {
    kind: 'contexts',
    selected: 1,
  }),
  review: over(atStep('plan', { made: MADE }), { kind: 'review' }),
  'review-undo': over(atStep('plan', { made: UNDOING }, GREEN), { kind: 'review' }),
  'review-refused': over(atStep('plan', { made: REFUSED }), { kind: 'review' }),
  'review-files': over(atStep('plan', { made: AS_FILES }, sessionWith(), GITOPS), { kind: 'review' }),
  'review-seal': over(atStep('plan', { made: SEALING }, sessionWith(), worldWith({ warnings: () => [ONE_RECIPIENT] })), { kind: 'review' }),
  'commands-seal': over(atStep('plan', { made: SEALING }), { kind: 'commands', scroll: 0, copied: false }),
  commands: over(atStep('plan', { made: MADE }), { kind: 'commands', scroll: 0, copied: false }),
  'commands-copied': over(atStep('plan', { made: MADE }), { kind: 'commands', scroll: 4, copied: true }),
  'keys-looking': over(atChecklist(), { kind: 'keys', said: [] }),
  'keys-missing': over(atChecklist(), {
    kind: 'keys',
    said: [],
    info: { identity: 'none at ~/.config/talos-preflight/identity.txt', recipients: [], missing: true, noRecovery: true },
  }),
  'keys-complete': over(atChecklist(), {
    kind: 'keys',
    said: ['safe (recovery, X25519) opens secrets and backups from now on. Files sealed before are not changed.'],
    info: {
      identity: '~/.config/talos-preflight/identity.txt, age1ql3z7hjy54pw3hyww5a…',
      recipients: ['ana, operator, opens secrets and backups', 'safe, recovery, opens secrets and backups'],
      missing: false,
      noRecovery: false,
    },
  }),
  unfinished: over(atChecklist({}, sessionWith({ unfinished: [LEFT] }, null)), {
    kind: 'unfinished',
    said: ['The run of 2026-11-23 13:58:02 (INF-02) did not end by itself. Done: w1. Not finished: cp1, cp2.'],
  }),
  'unfinished-waiting': over(atChecklist({}, sessionWith({ unfinished: [LEFT], activity: WAITING }, null)), {
    kind: 'unfinished',
    said: ['The run of 2026-11-23 13:58:02 (INF-02) did not end by itself. Done: w1. Not finished: cp1, cp2.'],
  }),
  'unfinished-not-begun': over(atChecklist({}, sessionWith({ unfinished: [LEFT_NOT_BEGUN] }, null)), {
    kind: 'unfinished',
    said: ['The run of 2026-11-23 13:58:02 (INF-02) did not end by itself. Done: w1. Not finished: cp1, cp2.'],
  }),
  'unfinished-unchecked': over(atChecklist({}, sessionWith({ unfinished: [LEFT_UNCHECKED] }, null)), {
    kind: 'unfinished',
    said: ['The run of 2026-11-23 13:58:02 (INF-02) did not end by itself. Done: w1. Not finished: cp1, cp2.'],
  }),
  'unfinished-open': over(atChecklist({}, sessionWith({ unfinished: [LEFT] }, null)), {
    kind: 'unfinished',
    said: [
      'The run of 2026-11-23 13:58:02 (INF-02) did not end by itself. Done: w1. Not finished: cp1, cp2.',
      'What became of it: cannot tell. 10.0.7.1 does not answer.',
    ],
    open: LEFT,
  }),
  'unfinished-back': over(atChecklist({}, sessionWith({ unfinished: [LEFT] }, null)), {
    kind: 'unfinished',
    said: [
      'The run of 2026-11-23 13:58:02 (INF-02) did not end by itself. Done: w1. Not finished: cp1, cp2.',
      'What became of it: cannot tell. it is still there though its time is over, and was never kept: something took the way back away, and a restart would undo it.',
      `It would be taken back with: talosctl --nodes 10.0.7.1 patch machineconfig --patch '${'{"ingress":[{"subnet":"10.0.7.0/24"}]},'.repeat(30)}'`,
    ],
    open: LEFT,
    back: true,
  }),
  'unfinished-resolved': over(atChecklist({}, sessionWith({}, null)), {
    kind: 'unfinished',
    said: [
      'The run of 2026-11-23 13:58:02 (INF-02) did not end by itself. Done: w1. Not finished: cp1, cp2.',
      'What became of it: done. the machine config holds 3 rules.',
    ],
  }),
  quit: over(performing(PERFORMING), { kind: 'quit' }),
  'quit-tried': over(performing(PERFORMING, TRIED), { kind: 'quit' }),
  'form-filter': over(
    atChecklist(),
    form('filter', 'Filter', 'Shows the steps whose id, title or category holds this.', [
      field('words', 'Words', 'empty shows all', 'net'),
    ]),
  ),
  'form-attest': over(
    atChecklist({ selected: 'INF-06' }),
    form('attest', 'Attest INF-06', 'Your word for what no program can see. It is kept with your name, and counts until the day you say.', [
      field('object', 'For', 'left and right choose', 'the whole step', ['the whole step', 'node/w2']),
      field('why', 'Why', 'a sentence for whoever reads it later'),
      field('until', 'Until', 'the last day it counts, as in 2026-12-31', '2027-02-21'),
    ]),
  ),
  'form-waive': over(
    atChecklist(),
    form(
      'waive',
      'Waive INF-02',
      'The verdict stays as it is; it is counted apart until the day you say, with your name and reason.',
      [
        field('object', 'For', 'left and right choose', 'node/cp1', ['the whole step', 'node/cp1', 'node/cp2', 'node/cp3']),
        field('why', 'Why', 'a sentence for whoever reads it later', 'appliance, replaced in May'),
        field('until', 'Until', 'the last day it counts, as in 2026-12-31', '2027-05-31'),
      ],
      1,
    ),
  ),
  'form-answer': over(
    atStep('answers'),
    form('answer', 'Answers of INF-02', 'Kept in preflight.yaml; the next look and plan use them.', [
      field('keepMetrics', 'Keep the metrics ports open to the monitoring network?', 'yes or no', 'yes'),
      field('alsoOpen', 'Other ports to keep open', 'PORT=NETWORK, as in 9100=10.0.7.0/24', '9100=10.0.7.0/24'),
    ]),
  ),
  'form-recipient': over(
    atChecklist(),
    form(
      'recipient',
      'A recovery recipient',
      'Made by whoever keeps it, offline: age-keygen. Only its public half comes here; it begins with age1.',
      [
        field('name', 'Name', 'who or where keeps it, as in safe', 'safe'),
        field('recipient', 'Recipient', 'the public half, age1…'),
        field('opens', 'Opens', 'left and right choose', 'backups', ['secrets: bundle and configs', 'backups', 'both']),
      ],
      2,
    ),
  ),
  'form-init': { ...atStep('plan', { made: MADE }), ui: initForm(atStep('plan', { made: MADE }).ui, 'edge-prod', '~/infra/edge-prod', []) },
  'form-barred': over(
    atChecklist({ selected: 'INF-06' }),
    barred(
      form(
        'attest',
        'Attest INF-06',
        'Your word for what no program can see. It is kept with your name, and counts until the day you say.',
        [
          field('why', 'Why', 'a sentence for whoever reads it later'),
          field('until', 'Until', 'the last day it counts, as in 2026-12-31', '2027-02-21'),
        ],
      ),
    ),
  ),
  'form-error': over(
    atStep('answers'),
    form(
      'answer',
      'Answers of INF-02',
      'Kept in preflight.yaml; the next look and plan use them.',
      [
        field('keepMetrics', 'Keep the metrics ports open to the monitoring network?', 'yes or no', 'perhaps'),
        field('alsoOpen', 'Other ports to keep open', 'PORT=NETWORK, as in 9100=10.0.7.0/24', ''),
      ],
      0,
      '"perhaps" is neither yes nor no',
    ),
  ),
  'form-long-value': over(
    atChecklist(),
    form('filter', 'Filter', 'Shows the steps whose id, title or category holds this.', [
      field('words', 'Words', 'empty shows all', 'a long story in many words, '.repeat(8)),
    ]),
  ),
}
