import { afterEach, describe, expect, test } from 'vitest'
import { App } from '../../src/ui/tui/app.tsx'
import type { Controller } from '../../src/ui/tui/controller.ts'
import { themeFor } from '../../src/ui/tui/theme.ts'
import { expectFrame, framesIn } from '../support/golden.ts'
import { type Mounted, mount } from '../support/mount.ts'
import { SIZES, type Size, sizeName } from '../support/terminal.ts'
import { FIXTURES, type Fixture, type ScreenName } from './fixtures.ts'
import { NOW, viewOf } from './states.ts'

const THEME = themeFor({ LANG: 'C.UTF-8' }, true)
const NAMES = Object.keys(FIXTURES) as ScreenName[]

let mounted: Mounted | undefined
afterEach(() => mounted?.unmount())

/** A state that nothing happens to, as the component sees one. */
function still({ ui, session, world }: Fixture): Controller {
  const snapshot = { view: viewOf(ui, session), world }
  return {
    host: { product: 'talos-preflight', version: '0.1.0' },
    subscribe: () => () => undefined,
    snapshot: () => snapshot,
    attach: () => () => undefined,
    drawn: () => undefined,
    now: () => NOW,
    press: () => undefined,
    paste: () => undefined,
  } as unknown as Controller
}

async function screenOf(fixture: Fixture, size: Size): Promise<string> {
  mounted = await mount(<App controller={still(fixture)} theme={THEME} />, size)
  return mounted.screen()
}

describe('every screen looks as it was agreed to', () => {
  for (const size of SIZES)
    test.each(NAMES)(`%s at ${sizeName(size)}`, async (name) => {
      expectFrame(`${name}-${sizeName(size)}`, await screenOf(FIXTURES[name], size))
    })

  test.each([
    { columns: 79, rows: 24 },
    { columns: 80, rows: 23 },
    { columns: 30, rows: 6 },
  ])('too small at $columns x $rows', async (size) => {
    expectFrame(`too-small-${sizeName(size)}`, await screenOf(FIXTURES['checklist-done'], size))
  })

  test('there is no frame of a screen that is gone', () => {
    const expected = [
      ...NAMES.flatMap((name) => SIZES.map((size) => `${name}-${sizeName(size)}`)),
      'too-small-30x6',
      'too-small-79x24',
      'too-small-80x23',
    ]
    expect(framesIn('.')).toEqual(expected.toSorted())
  })
})
