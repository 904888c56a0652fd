import { createSocket, type Socket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'

/**
 * Runs inside a network namespace. Told ports as arguments, it answers on them, TCP and UDP; then it takes a flow a line and says
 * whether something came back. Ends with its input.
 */

interface Flow {
  id: number
  protocol: 'tcp' | 'udp'
  from: string
  to: string
  port: number
  /** Milliseconds without an answer that say closed. */
  within: number
}

const tcp = ({ from, to, port, within }: Flow): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: to, port, localAddress: from })
    const end = (work: () => void) => {
      clearTimeout(timer)
      socket.destroy()
      work()
    }
    const timer = setTimeout(() => end(() => resolve(false)), within)
    socket.on('connect', () => end(() => resolve(true)))
    // what answers with a reset was let in
    socket.on('error', (error: NodeJS.ErrnoException) => end(() => (error.code === 'ECONNREFUSED' ? resolve(true) : reject(error))))
  })

const udp = ({ from, to, port, within }: Flow): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4')
    const end = (work: () => void) => {
      clearTimeout(timer)
      socket.close()
      work()
    }
    const timer = setTimeout(() => end(() => resolve(false)), within)
    socket.on('message', () => end(() => resolve(true)))
    socket.on('error', (error) => end(() => reject(error)))
    socket.bind({ address: from }, () => socket.send('x', port, to))
  })

const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)
const closers: (() => void)[] = []

function answerOn(port: number): Promise<unknown>[] {
  const server = createServer((socket) => socket.on('error', () => undefined).end())
  const echo: Socket = createSocket('udp6')
  echo.on('message', (message, peer) => echo.send(message, peer.port, peer.address))
  closers.push(
    () => server.close(),
    () => echo.close(),
  )
  return [
    new Promise((done) => server.listen(port, '::', () => done(undefined))),
    new Promise((done) => echo.bind(port, () => done(undefined))),
  ]
}

await Promise.all(process.argv.slice(2).flatMap((port) => answerOn(Number(port))))
say('ready')
for await (const line of createInterface({ input: process.stdin })) {
  const flow: Flow = JSON.parse(line)
  const tried = flow.protocol === 'tcp' ? tcp(flow) : udp(flow)
  tried.then(
    (open) => say({ id: flow.id, open }),
    (error) => say({ id: flow.id, error: String(error) }),
  )
}
for (const close of closers) close()
