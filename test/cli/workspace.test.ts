import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Workspace } from '../../src/cli/workspace.ts'
import { Refusal } from '../../src/engine/errors.ts'
import { cleanEnvironment, cleanUp, PROGRAM, temporaryFolder } from '../support/terminal.ts'
import { machine } from '../tools/fixtures.ts'

/** A workspace that is named and is none, or that cannot be written to. */

afterEach(cleanUp)

let home: string
const run = (...args: string[]) => {
  const options = { cwd: home, env: cleanEnvironment(home), encoding: 'utf8' as const }
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], options)
  return { status, stdout, stderr }
}
beforeEach(() => {
  home = temporaryFolder()
  writeFileSync(join(home, 'file'), '')
})

describe('a workspace that was named and is none', () => {
  test.each([[['check']], [['plan', 'INF-10']], [['doctor']], [['journal', 'verify']], [['keys']], [['waive', 'CRT-01']]])(
    'is refused by %j',
    (args) => {
      for (const folder of ['gone', 'file', '.'])
        expect(run(...args, '--workspace', folder)).toEqual({
          status: 2,
          stdout: '',
          stderr: `talos-preflight: ${join(home, folder)} is no workspace: there is no preflight.yaml in it (no-such-workspace)\n  check the path; a new one: talos-preflight init --workspace FOLDER\n`,
        })
    },
  )

  test('is made by init, and not where a file is', () => {
    expect(run('init', '--name', 'x', '--workspace', 'gone')).toMatchObject({ status: 0, stderr: '' })
    for (const [folder, said] of [
      ['file', 'file: something of that name is there already (name-in-use)'],
      ['file/below', 'file/below: a part of this path is no folder (no-such-file)'],
    ] as const)
      expect(run('init', '--name', 'x', '--workspace', folder)).toMatchObject({ status: 2, stderr: expect.stringContaining(said) })
  })
})

test.each(['EACCES', 'EROFS'])('a workspace that cannot be written to (%s) says that a check writes its evidence', async (code) => {
  const m = machine()
  try {
    writeFileSync(join(m.folder, 'preflight.yaml'), 'version: 1\ncluster: {name: x, environment: lab}\n')
    const create = () => Promise.reject(Object.assign(new Error(code), { code }))
    const opened = await Workspace.open({ ...m.system, files: { ...m.system.files, create } }, m.folder)
    const error = await opened?.lock().catch((e) => e)
    expect(error).toBeInstanceOf(Refusal)
    expect(error.hint).toMatch(/^take a workspace on a writable disk[\s\S]*keeps its evidence/)
  } finally {
    m.remove()
  }
})
