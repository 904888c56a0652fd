import { createServer, type Server } from 'node:net'
import { expect } from 'vitest'
import type { Ran } from './operator.ts'

/** What a run may say where something stands in its way, and servers that stand there. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not come through
export const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/

export const said = (ran: Ran): string => ran.stdout + ran.stderr

/** No stack, no bug, no character that drives a terminal. */
export function expectCalm(ran: Ran): void {
  expect(said(ran)).not.toMatch(CONTROL)
  expect(said(ran)).not.toMatch(/\n\s+at |\(bug\)|undefined|\[object/)
}

/** Takes connections, and says nothing on them. */
export function listen(host: string, port = 50000): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined))
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })
}
