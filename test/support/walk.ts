import type { Driver } from './driver.ts'
import { expectFrame, steady } from './golden.ts'
import { type Size, sizeName } from './terminal.ts'

/**
 * One screen of a walk: the key that leads to it, its name, and what only it shows once it is complete. `? r` is a key that the help
 * tells of, `type words` fills the field at hand, `down to ID` and `up to ID` go over the checklist; a screen without a name is passed
 * by, and has no frame.
 */
export type Screen = readonly [key: string, name: string, complete: RegExp]

/** The names of the frames of a walk, in order; `before` is where it starts and `closing` what stays on the normal screen. */
export const framesOf = (screens: readonly Screen[], before: string): string[] =>
  [before, ...screens.map(([, name]) => name).filter(Boolean), 'closing'].map((name, i) => `${String(i + 1).padStart(2, '0')}-${name}`)

/** Walks with keys that the screen shows, and holds every screen on the way against its frame; then quits. */
export async function walk(driver: Driver, size: Size, folder: string, way: { before: string; screens: readonly Screen[] }): Promise<void> {
  const { terminal } = driver
  const frames = framesOf(way.screens, way.before)
  const shown = (screen: string) => expectFrame(`${folder}-${sizeName(size)}/${frames.shift()}`, steady(screen))
  shown(terminal.screen())
  for (const [key, name, complete] of way.screens) {
    const [, how = '', what = ''] = /^(\?|type|down to|up to) (.+)$/.exec(key) ?? []
    if (how === 'type') driver.type(what)
    else if (how.endsWith(' to')) await driver.choose(what, how === 'up to' ? 'up' : 'down')
    else {
      if (how === '?') await driver.readHelp()
      driver.press(what || key)
    }
    const screen = await terminal.until(complete, name || `the screen behind ${key}`)
    if (name) shown(screen)
  }
  driver.press('q')
  await terminal.end()
  shown(terminal.transcript())
}
