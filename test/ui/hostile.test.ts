import { describe, expect, test } from 'vitest'
import type { JudgedFinding, StepResult } from '../../src/engine/evaluate.ts'
import type { StepInfo } from '../../src/ui/host.ts'
import { draw } from '../../src/ui/tui/draw.ts'
import { type Line, width } from '../../src/ui/tui/lines.ts'
import { TABS, type Ui } from '../../src/ui/tui/model.ts'
import { themeFor } from '../../src/ui/tui/theme.ts'
import { SIZES, type Size, sizeName } from '../support/terminal.ts'
import { FIXTURES, type Fixture, type ScreenName } from './fixtures.ts'
import { MADE, NOW, PERFORMING, part, planOf, reviewOf, STEPS, sessionWith, uiWith, viewOf, worldWith } from './states.ts'

const NAMES = Object.keys(FIXTURES) as ScreenName[]
const THEMES = { colours: themeFor({ LANG: 'C.UTF-8' }, true), ascii: themeFor({ LANG: 'C' }, false) }

function drawn({ ui, session, world }: Fixture, size: Size, theme = THEMES.colours): Line[] {
  return draw({ view: viewOf(ui, session), world, host: { product: 'talos-preflight', version: '0.1.0' }, theme, size, now: NOW })
}
const textOf = (lines: Line[]): string => lines.map((l) => l.map((s) => s.text).join('')).join('\n')

function expectToFit(lines: Line[], size: Size): void {
  expect(lines.length).toBe(size.rows)
  for (const line of lines) {
    const text = line.map((s) => s.text).join('')
    expect(width(text), text).toBeLessThanOrEqual(size.columns)
    expect(text).not.toContain('\n')
  }
}

const LONG = 'node-with-a-name-that-nobody-should-have-given-it-'.repeat(6)
const WIDE = '測試叢集的節點名稱非常非常長'.repeat(8)
const EMOJI = '👩‍👩‍👧 e\u0301 🏳️‍🌈 '.repeat(30)

const hostileStep = (id: string, title: string): StepInfo => ({
  ...(STEPS[1] as StepInfo),
  id,
  title,
  why: `${title} ${title}`,
  references: [{ title, url: `https://example.org/${'very-long/'.repeat(30)}`, appliesTo: title }],
  questions: [{ name: 'q', label: title, hint: title, value: () => title, parse: () => undefined }],
})
const hostileFinding = (name: string): JudgedFinding => ({
  object: { kind: 'node', name },
  verdict: 'fail',
  reason: `${name} ${name}`,
  remedy: name,
  evidence: [{ kind: 'command', what: name, takenAt: NOW.toISOString(), sha256: 'f'.repeat(64), exitCode: 1 }],
  waiver: { step: 'X', by: name, why: name, on: '2026-11-01', until: '2027-01-01' },
})
const hostileResult = (id: string, name: string): StepResult => ({
  id,
  category: 'infrastructure',
  title: name,
  severity: 'critical',
  verdict: 'fail',
  count: 'waived',
  findings: [hostileFinding(name), { ...hostileFinding(name), verdict: 'unknown' }],
  canMend: true,
  canUndo: true,
})

describe('data that nobody would draw fits the screen', () => {
  for (const size of SIZES) {
    test.each(NAMES)(`%s fits ${sizeName(size)} exactly`, (name) => {
      for (const theme of Object.values(THEMES)) expectToFit(drawn(FIXTURES[name], size, theme), size)
    })

    test.each([
      ['very long names', LONG],
      ['wide characters', WIDE],
      ['emoji of several code points and accents of their own', EMOJI],
      ['no names at all', ''],
    ])(`%s fit ${sizeName(size)}`, (_, name) => {
      const id = 'INF-02'
      const parts = [part(name), part(`${name}2`)]
      const made = {
        ...MADE,
        plan: planOf('mend', parts, [{ step: id, object: { kind: 'node', name }, reason: name, remedy: name }]),
        reviews: parts.map((p) => reviewOf(p)),
      }
      const world = worldWith({
        header: { cluster: name, environment: name, mode: 'LIVE', as: name },
        workspace: name,
        commandLine: () => name,
      })
      const session = sessionWith({}, [hostileResult(id, name)])
      const failed = { part: parts[0] as (typeof parts)[number], action: parts[0]?.actions[0] as never, reason: name, remedy: name }
      const run = {
        plan: made.plan,
        progress: {},
        log: [{ at: NOW.toISOString(), text: name }],
        result: { done: [], failed, left: parts, stopped: false },
      }
      const { result: _result, ...running } = run
      const at = (ui: Partial<Ui>, s = session): Fixture => ({
        ui: uiWith({ steps: [hostileStep(id, name)], selected: id, ...ui }),
        session: s,
        world,
      })
      const states: Fixture[] = [
        at({}),
        at({ filter: name }),
        ...TABS.map((tab) => at({ opened: id, tab, made }, { ...session, run })),
        at({ opened: id }, sessionWith({ activity: PERFORMING, run: running })),
        at({ overlays: [{ kind: 'error', code: 'bug', message: name, hint: name }] }),
        at({ overlays: [{ kind: 'note', title: name, lines: [name] }] }),
        at({ made, overlays: [{ kind: 'review' }] }),
        at({ made, overlays: [{ kind: 'commands', scroll: 0, copied: false }] }),
        at({ overlays: [{ kind: 'keys', said: [name], info: { identity: name, recipients: [name], missing: true, noRecovery: true } }] }),
        at({ overlays: [{ kind: 'unfinished', said: [name], back: true }] }),
        at({
          overlays: [
            {
              kind: 'form',
              draft: '',
              form: 'waive',
              title: name,
              about: [name],
              fields: [
                { name: 'a', label: name, hint: name, value: name, cursor: [...name].length },
                { name: 'b', label: name, hint: name, value: name, cursor: 0, options: [name] },
              ],
              at: 0,
              error: name,
            },
          ],
        }),
        {
          ui: uiWith({
            door: 1,
            doors: { place: name, contexts: [{ name, file: name, role: name, ends: name, usable: true }], problems: [name] },
          }),
        },
      ]
      for (const state of states) expectToFit(drawn(state, size), size)
      for (const at of [0, 1]) {
        const form = states.at(-2) as Fixture
        const overlay = form.ui.overlays[0] as Extract<Ui['overlays'][number], { kind: 'form' }>
        expectToFit(drawn({ ...form, ui: { ...form.ui, overlays: [{ ...overlay, at }] } }, size), size)
      }
    })

    test(`60 steps and 12 categories at ${sizeName(size)}: the selected one is always on the screen`, () => {
      const steps = Array.from({ length: 60 }, (_, i) => ({
        ...(STEPS[i % STEPS.length] as StepInfo),
        id: `STP-${String(i).padStart(2, '0')}`,
        category: `category ${i % 12}`,
      }))
      for (const { id } of steps) {
        const lines = drawn({ ui: uiWith({ steps, selected: id }), session: sessionWith(), world: worldWith() }, size)
        expectToFit(lines, size)
        expect(textOf(lines)).toMatch(new RegExp(`> . ${id}`))
      }
    })

    test(`500 nodes in a plan at ${sizeName(size)}: what must be known before the change is on the screen`, () => {
      const parts = Array.from({ length: 500 }, (_, i) => part(`worker-${i}.edge.example.org`))
      const blocked = Array.from({ length: 500 }, (_, i) => ({
        step: 'INF-02',
        object: { kind: 'node', name: `silent-${i}` },
        reason: 'it does not answer',
      }))
      const made = { ...MADE, plan: planOf('mend', parts, blocked), reviews: parts.map((p) => reviewOf(p)) }
      const at = (ui: Partial<Ui>): Fixture => ({
        ui: uiWith({ opened: 'INF-02', tab: 'plan', made, ...ui }),
        session: sessionWith(),
        world: worldWith(),
      })
      const review = drawn(at({ overlays: [{ kind: 'review' }] }), size)
      expectToFit(review, size)
      for (const said of [
        'Change 500 objects',
        'Danger: change.',
        'Nothing restarts.',
        'is sealed into',
        'Done when the node has the three rules.',
        'Undo: the three rules are removed',
        'Cancel: after this',
        'Left out:',
      ])
        expect(textOf(review)).toContain(said)
      expectToFit(drawn(at({}), size), size)
      expectToFit(drawn(at({ scroll: 10_000 }), size), size)
      expectToFit(drawn(at({ overlays: [{ kind: 'commands', scroll: 10_000, copied: true }] }), size), size)
    })

    test(`the action that runs stays on the screen of a run of 500 nodes at ${sizeName(size)}`, () => {
      const parts = Array.from({ length: 500 }, (_, i) => part(`worker-${i}`))
      const plan = planOf('mend', parts)
      for (const now of [0, 1, 17, 250, 499]) {
        const progress = Object.fromEntries(
          parts.slice(0, now + 1).flatMap((p, i) =>
            p.actions.slice(0, i === now ? 2 : 3).map((a, j) => [
              `${p.digest} ${a.id}`,
              {
                part: p.digest,
                action: a.id,
                status: i === now && j === 1 ? ('running' as const) : ('done' as const),
                at: NOW.toISOString(),
              },
            ]),
          ),
        )
        const lines = drawn(
          {
            ui: uiWith({ opened: 'INF-02', tab: 'run' }),
            session: sessionWith({ activity: PERFORMING, run: { plan, progress, log: [] } }),
            world: worldWith(),
          },
          size,
        )
        expectToFit(lines, size)
        expect(textOf(lines)).toMatch(new RegExp(`• worker-${String(now).slice(0, 3)}`))
      }
    })

    test(`how a run of 40 nodes ended is read first, at ${sizeName(size)}`, () => {
      const parts = Array.from({ length: 40 }, (_, i) => part(`worker-${i}`))
      const progress = Object.fromEntries(
        parts.flatMap((p) =>
          p.actions.map((a) => [`${p.digest} ${a.id}`, { part: p.digest, action: a.id, status: 'done' as const, at: NOW.toISOString() }]),
        ),
      )
      const failed = {
        part: parts[39] as (typeof parts)[number],
        action: parts[39]?.actions[2] as never,
        reason: 'after 60 s: 6443 is silent',
      }
      const session = sessionWith({
        run: { plan: planOf('mend', parts), progress, log: [], result: { done: parts.slice(0, 39), failed, left: [], stopped: false } },
      })
      const lines = drawn({ ui: uiWith({ opened: 'INF-02', tab: 'run' }), session, world: worldWith() }, size)
      expect(textOf(lines)).toContain('worker-39: after 60 s: 6443 is silent')
    })

    test(`what is wrong with an answer is read to its end at ${sizeName(size)}`, () => {
      const error =
        '"kernel.kptr_restrict" belongs to the protection of the kernel itself, which the operating system holds and nobody else may set'
      const { ui, session, world } = FIXTURES['form-error']
      const overlay = ui.overlays[0] as Extract<Ui['overlays'][number], { kind: 'form' }>
      const lines = drawn(
        { ui: { ...ui, overlays: [{ ...overlay, error }] }, ...(session ? { session } : {}), ...(world ? { world } : {}) },
        size,
      )
      expect(textOf(lines).replace(/\s+/g, ' ')).toContain(error)
    })

    test(`30 contexts at ${sizeName(size)}: how many more there are is said`, () => {
      const contexts = Array.from({ length: 30 }, (_, i) => ({
        name: `cluster-${i}`,
        file: '~/.tool/config',
        role: 'os:reader',
        ends: 'ends in 9 days',
        usable: true,
      }))
      const lines = drawn({ ui: uiWith({ steps: [], door: 1, doors: { place: '', contexts, problems: [] } }) }, size)
      const shown = (textOf(lines).match(/cluster-\d+/g) ?? []).length
      expect(textOf(lines)).toContain(`and ${30 - shown} more`)
    })
  }

  test.each(NAMES)('%s in ASCII is nothing but ASCII', (name) => {
    for (const size of SIZES) expect(textOf(drawn(FIXTURES[name], size, THEMES.ascii))).toMatch(/^[\n\u0020-\u007e]*$/)
  })
})
