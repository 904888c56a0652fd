// The program, which keeps a copy of its practice folder before and after each line that it writes into a journal: what a SIGKILL at
// that line would leave on the disk. `copies.mjs FOLDER COPIES ARGS..`.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { runBuilt } from '../support/built-main.mjs'

const [folder, copies, ...argv] = process.argv.slice(2)
let lines = 0
const keep = (when) => cpSync(folder, join(copies, `${when}-${lines}`), { recursive: true })

await runBuilt([...argv, '--workspace', folder], process.env, (system) => ({
  ...system,
  files: {
    ...system.files,
    append: async (path, text) => {
      lines++
      keep('before')
      await system.files.append(path, text)
      keep('after')
    },
  },
}))
