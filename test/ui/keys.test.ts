import { describe, expect, test } from 'vitest'
import { draw } from '../../src/ui/tui/draw.ts'
import { bindingsFor } from '../../src/ui/tui/keys.ts'
import type { Ui, View } from '../../src/ui/tui/model.ts'
import { themeFor } from '../../src/ui/tui/theme.ts'
import { update } from '../../src/ui/tui/update.ts'
import { keysOfFooter, keysOfHelp } from '../support/driver.ts'
import { SIZES, SMALL, sizeName } from '../support/terminal.ts'
import { FIXTURES, type ScreenName } from './fixtures.ts'
import { NOW, RESULTS, sessionWith, viewOf } from './states.ts'

const NAMES = Object.keys(FIXTURES) as ScreenName[]
const theme = themeFor({ LANG: 'C.UTF-8' }, true)

function rowsOf(name: ScreenName, ui: Ui = FIXTURES[name].ui, size = SMALL): string[] {
  const { session, world } = FIXTURES[name]
  const lines = draw({ view: viewOf(ui, session), world, host: { product: 'talos-preflight', version: '0.1.0' }, theme, size, now: NOW })
  return lines.map((line) =>
    line
      .map((s) => s.text)
      .join('')
      .trimEnd(),
  )
}
const viewAt = (name: ScreenName): View => viewOf(FIXTURES[name].ui, FIXTURES[name].session)

describe('the one table of keys', () => {
  test.each(NAMES)('%s: no key is bound twice', (name) => {
    const keys = bindingsFor(viewAt(name)).flatMap((b) => b.keys)
    expect(keys).toEqual([...new Set(keys)])
  })

  // a check that was asked for before the clusters are known is remembered, so asking again changes nothing
  test.each(NAMES.filter((name) => name !== 'doors-early'))('%s: every key of the footer does something', (name) => {
    const view = viewAt(name)
    for (const binding of bindingsFor(view).filter((b) => b.footer)) {
      const { ui, effects } = update(view, binding.command)
      expect(
        effects.length > 0 || JSON.stringify(ui) !== JSON.stringify(view.ui) || atItsEnd(name, binding.command),
        `${binding.keys} ${binding.label}`,
      ).toBe(true)
    }
  })

  /** Keys that move something do nothing where it is at its end already; then their sister in the same pair does. */
  function atItsEnd(name: ScreenName, command: string): boolean {
    const sister = { up: 'down', down: 'up', left: 'right', right: 'left', 'page.up': 'page.down', 'page.down': 'page.up' }[command]
    const { ui } = update(viewAt(name), (sister ?? 'back') as 'up')
    return sister !== undefined && JSON.stringify(ui) !== JSON.stringify(FIXTURES[name].ui)
  }

  for (const size of SIZES)
    test.each(NAMES)(`%s at ${sizeName(size)}: the footer shows what is bound, and the way to the help and back stays in it`, (name) => {
      const bindings = bindingsFor(viewAt(name))
      const footer = rowsOf(name, undefined, size).at(-1) ?? ''
      expect(footer).not.toContain('…')
      const shown = keysOfFooter(footer)
      for (const { keys, label } of shown) {
        const names = keys.map((k) => ({ esc: 'escape', 'page up': 'pageup', 'page down': 'pagedown' })[k] ?? k)
        const bound = bindings.filter((b) => names.some((k) => b.keys.includes(k)))
        expect(bound.length, `${keys}`).toBeGreaterThan(0)
        expect(bound.map((b) => b.label)).toContain(label)
      }
      for (const command of ['enter', 'back', 'help'] as const) {
        const binding = bindings.find((b) => b.command === command && b.footer)
        if (binding) expect(shown.map((s) => s.label)).toContain(binding.label)
      }
    })

  test.each(NAMES.filter((name) => bindingsFor(viewAt(name)).some((b) => b.command === 'help')))(
    '%s: the help lists every key there is',
    (name) => {
      const screen = rowsOf(name, update(viewAt(name), 'help').ui).join('\n')
      const helped = keysOfHelp(screen).flatMap((h) => h.keys)
      for (const binding of bindingsFor(viewAt(name)))
        for (const key of binding.keys) expect(helped).toContain({ escape: 'esc', pageup: 'page up', pagedown: 'page down' }[key] ?? key)
    },
  )

  test('what could do nothing is not there', () => {
    const { ui } = FIXTURES['checklist-done']
    const bound = (view: View) => bindingsFor(view).map((b) => b.command)
    const green = sessionWith(
      {},
      RESULTS.filter((r) => r.count !== 'fail' && r.count !== 'unknown'),
    )
    expect(bound(viewOf(ui, green))).not.toContain('next')
    expect(bound(viewOf(ui, sessionWith()))).toContain('next')
    expect(bound(viewOf({ ...FIXTURES['step-findings'].ui, tab: 'evidence' }, sessionWith()))).not.toContain('right')
    expect(bound(viewOf({ ...FIXTURES['step-findings'].ui, tab: 'why' }, sessionWith()))).not.toContain('left')
    expect(bound(viewAt('running-tried'))).toContain('stop')
    expect(bound(viewAt('running-tried-stopping'))).not.toContain('stop')
    expect(bound({ ...viewAt('step-findings'), scrollMost: 0 })).not.toContain('down')
    expect(bindingsFor(viewAt('help-step')).flatMap((b) => b.keys)).toContain('?')
  })

  test('enter is bound on every screen but where nothing sensible is left to do', () => {
    const without = NAMES.filter((name) => !bindingsFor(viewAt(name)).some((b) => b.keys.includes('enter')))
    expect(without).toEqual([
      'doors-opening',
      'checklist-filtered-empty',
      'step-answers-none',
      'step-plan-looking',
      'step-plan-reviewing',
      'step-plan-nothing',
      'step-plan-by-hand',
      'step-run-looking',
      'step-run-again',
      'running',
      'running-stopping',
      'running-tried',
      'running-tried-stopping',
      'running-seal',
      'running-undo',
      'commands-seal',
      'commands',
      'commands-copied',
      'keys-looking',
      'keys-missing',
      'unfinished-waiting',
      'unfinished-back',
      'form-barred',
    ])
  })
})
