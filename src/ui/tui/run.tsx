import { render } from 'ink'
import type { WizardHost } from '../host.ts'
import { App } from './app.tsx'
import { Controller } from './controller.ts'
import { themeFor } from './theme.ts'

export interface TerminalStreams {
  stdin: NodeJS.ReadableStream
  stdout: NodeJS.WritableStream
  stderr: NodeJS.WritableStream
  onSignal: (listener: (signal: string) => void) => () => void
}

/** Runs the wizard on the full screen; returns the exit code when it is left. */
export async function runWizard(host: WizardHost, io: TerminalStreams): Promise<number> {
  const controller = new Controller(host, { stdin: io.stdin as never, write: (text) => void io.stdout.write(text) })
  const instance = render(<App controller={controller} theme={themeFor(host.env, host.color)} />, {
    stdin: io.stdin,
    stdout: io.stdout,
    stderr: io.stderr,
    exitOnCtrlC: false,
    patchConsole: false,
    alternateScreen: true,
    incrementalRendering: true,
    // a key shows within 17 ms instead of 33
    maxFps: 60,
    interactive: true,
    isScreenReaderEnabled: false,
  })
  let signalled = false
  const off = io.onSignal(() => {
    signalled = true
    controller.leave()
    instance.unmount()
  })
  await instance.waitUntilRenderFlush()
  void controller.begin()
  await instance.waitUntilExit()
  controller.left = true
  const { world } = controller
  // a change under way is finished, and its outcome written, before the program ends; a signal only ends the waiting
  if (controller.changing) {
    io.stdout.write('finishing the object at hand\n')
    await controller.settled()
  }
  off()
  const stopped = signalled || controller.interrupted
  const exitCode = stopped ? 130 : world?.session.state().report ? world.exitCode() : controller.withoutReport
  if (!world) return exitCode
  await world.close(exitCode)
  for (const text of world.closing(controller.last?.made.plan, controller.last?.done ?? [])) io.stdout.write(`${text}\n`)
  return exitCode
}
