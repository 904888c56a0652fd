import { connect } from 'node:net'
import type { Network } from './ports.ts'

export const network: Network = {
  connect: (host, port, timeoutMs) =>
    new Promise((resolve) => {
      const socket = connect({ host, port })
      const end = (answer: 'open' | 'refused' | 'silent') => {
        clearTimeout(timer)
        socket.destroy()
        resolve(answer)
      }
      const timer = setTimeout(() => end('silent'), timeoutMs)
      socket.once('connect', () => end('open'))
      socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED' ? 'refused' : 'silent'))
    }),
}
