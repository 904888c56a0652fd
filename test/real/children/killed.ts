import type { System } from '../../../src/system/ports.ts'
import { runProgram } from './program.ts'

/**
 * The program, killed by SIGKILL `after` or `before` a line is in its journal: `killed.ts WHEN KIND ACTION COUNT -- ARGUMENTS`, where
 * COUNT says which line of that kind and action it is.
 */

const [when, kind, action, count, , ...argv] = process.argv.slice(2)
let seen = 0

const killedAtLine = (system: System): System => ({
  ...system,
  files: {
    ...system.files,
    append: async (path, text) => {
      const line = path.endsWith('.jsonl') ? (JSON.parse(text) as { kind: string; action?: string }) : undefined
      const isIt = line?.kind === kind && line?.action === action && ++seen === Number(count)
      if (!isIt || when === 'after') await system.files.append(path, text)
      if (!isIt) return
      process.kill(process.pid, 'SIGKILL')
      // nothing more may happen until the signal has come
      await new Promise(() => undefined)
    },
  },
})

await runProgram(argv, killedAtLine)
