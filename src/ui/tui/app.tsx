import { Box, Text, useApp, useInput, usePaste, useWindowSize } from 'ink'
import { memo, useEffect, useState, useSyncExternalStore } from 'react'
import type { Controller } from './controller.ts'
import { draw } from './draw.ts'
import { keysOf } from './input.ts'
import type { Line, Span } from './lines.ts'
import type { View } from './model.ts'
import type { Theme } from './theme.ts'

const styleOf = (s: Span) => ({
  ...(s.color ? { color: s.color } : {}),
  bold: s.bold === true,
  dimColor: s.dim === true,
  inverse: s.inverse === true,
})

/** One line; drawn again only when it changed. */
const Row = memo(
  ({ spans }: { spans: Line }) => (
    <Text wrap="truncate">
      {spans.map((s, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: spans have no identity beside their place
        <Text key={i} {...styleOf(s)}>
          {s.text}
        </Text>
      ))}
    </Text>
  ),
  (a, b) => JSON.stringify(a.spans) === JSON.stringify(b.spans),
)

/** Looks at the clock once a second while something runs. */
function useNow(controller: Controller, running: boolean): Date {
  const [, tick] = useState(0)
  useEffect(() => {
    if (!running) return
    const timer = setInterval(() => tick((n) => n + 1), 1000)
    return () => clearInterval(timer)
  }, [running])
  return controller.now()
}

/** How long it lasts already is on the screen. */
const isTimed = ({ ui, session }: View): boolean =>
  session?.activity.kind === 'performing' || (session?.activity.kind === 'looking' && ui.overlays.at(-1)?.kind === 'unfinished')

export function App({ controller, theme }: { controller: Controller; theme: Theme }) {
  const { columns, rows } = useWindowSize()
  const app = useApp()
  const snapshot = useSyncExternalStore(controller.subscribe, controller.snapshot)
  const now = useNow(controller, isTimed(snapshot.view))
  useEffect(() => controller.attach(app), [controller, app])
  useInput((input, key) => {
    for (const press of keysOf(input, key)) controller.press(press)
  })
  usePaste((text) => controller.paste(text))
  const lines = draw({ ...snapshot, host: controller.host, theme, size: { columns, rows }, now })
  useEffect(() => controller.drawn(lines.scrollMost ?? 0, snapshot.view.ui.overlays.at(-1)))
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      {lines.map((spans, i) => (
        <Row
          // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place on the screen
          key={i}
          spans={spans}
        />
      ))}
    </Box>
  )
}
