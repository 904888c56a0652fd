import type { HeaderInfo, WizardHost, WizardWorld } from '../host.ts'
import { type Screen, scrolling } from './lines.ts'
import { placeOf, type View } from './model.ts'
import { asciiOf, type Theme } from './theme.ts'
import { checklistView } from './views/checklist.ts'
import { doorsView } from './views/doors.ts'
import { LEAST, type Size, tooSmall } from './views/frame.ts'
import { overlayView } from './views/overlay.ts'
import { runningView } from './views/running.ts'
import { stepView } from './views/step.ts'

export interface Drawn {
  view: View
  world: WizardWorld | undefined
  host: Pick<WizardHost, 'product' | 'version'>
  theme: Theme
  size: Size
  now: Date
}

/** The whole screen as lines: a pure function of the state and the size. */
export function draw(drawn: Drawn): Screen {
  const lines = linesOf(drawn)
  return drawn.theme.ascii
    ? scrolling(
        lines.map((l) => l.map((s) => ({ ...s, text: asciiOf(s.text) }))),
        lines.scrollMost ?? 0,
      )
    : lines
}

function linesOf({ view, world, host, theme, size, now }: Drawn): Screen {
  if (size.columns < LEAST.columns || size.rows < LEAST.rows) return tooSmall(size)
  const info: HeaderInfo = world?.header ?? { cluster: `${host.product} ${host.version}`, environment: '', mode: 'OFFLINE', as: '' }
  const overlay = view.ui.overlays.at(-1)
  if (overlay) return overlayView(view, overlay, theme, size, info, world, now)
  const place = placeOf(view.ui, view.session)
  if (place === 'doors' || !world) return doorsView(view, theme, size, { name: host.product, version: host.version })
  if (place === 'running') return runningView(view, theme, size, info, now)
  if (place === 'step') return stepView(view, theme, size, info, world)
  return checklistView(view, theme, size, info)
}
