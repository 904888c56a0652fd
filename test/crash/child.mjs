// The program, which kills itself at the n-th line that it writes into a journal: `child.mjs N before|after ARGS..`.
import { runBuilt } from '../support/built-main.mjs'

const [at, when, ...argv] = process.argv.slice(2)
let lines = 0

function die() {
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => undefined)
}

await runBuilt(argv, process.env, (system) => ({
  ...system,
  files: {
    ...system.files,
    append: async (path, text) => {
      lines++
      if (lines === Number(at) && when === 'before') await die()
      await system.files.append(path, text)
      if (lines === Number(at) && when === 'after') await die()
    },
  },
}))
