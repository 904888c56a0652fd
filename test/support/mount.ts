import { PassThrough, Writable } from 'node:stream'
import xterm from '@xterm/headless'
import { render } from 'ink'
import type { ReactNode } from 'react'
import type { Size } from './terminal.ts'

/** Ink's real way to a terminal, with an emulator at the end of it instead of a pseudo-terminal: what is drawn is what a person sees. */

export interface Mounted {
  /** The rows of the screen, each as long as it was drawn, without trailing blanks. */
  screen: () => Promise<string>
  type: (bytes: string) => Promise<void>
  resize: (size: Size) => Promise<void>
  unmount: () => void
}

export async function mount(node: ReactNode, size: Size): Promise<Mounted> {
  const terminal = new xterm.Terminal({ cols: size.columns, rows: size.rows, allowProposedApi: true, convertEol: true })
  const stdout = Object.assign(
    new Writable({
      write: (chunk, _, done) => terminal.write(chunk, () => done()),
    }),
    { isTTY: true, columns: size.columns, rows: size.rows },
  )
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => stdin, ref: () => stdin, unref: () => stdin })
  const instance = render(node, {
    stdout,
    stdin,
    stderr: new PassThrough(),
    interactive: true,
    alternateScreen: true,
    incrementalRendering: true,
    exitOnCtrlC: false,
    patchConsole: false,
    isScreenReaderEnabled: false,
  })
  const settled = async () => {
    await instance.waitUntilRenderFlush()
    await new Promise<void>((done) => terminal.write('', done))
  }
  await settled()
  return {
    screen: async () => {
      await settled()
      const { active } = terminal.buffer
      return Array.from({ length: terminal.rows }, (_, i) => active.getLine(i)?.translateToString(true).trimEnd() ?? '').join('\n')
    },
    type: async (bytes) => {
      stdin.write(bytes)
      await new Promise((done) => setImmediate(done))
      await settled()
    },
    resize: async (to) => {
      terminal.resize(to.columns, to.rows)
      Object.assign(stdout, to)
      stdout.emit('resize')
      await settled()
    },
    unmount: () => instance.unmount(),
  }
}
