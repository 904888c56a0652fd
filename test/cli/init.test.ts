import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CommandContext } from '../../src/cli/command.ts'
import { init } from '../../src/cli/init.ts'
import type { Look } from '../../src/contract.ts'
import { accessOf, type Machine, machine } from '../tools/fixtures.ts'

/** What is said where a folder becomes a workspace. */

let m: Machine
beforeEach(() => {
  m = machine()
})
afterEach(() => m.remove())

const SAYS_WHO: Look<unknown> = { ok: true, value: { id: 'id', name: 'lab' }, evidence: [] }

async function made(look: Look<unknown> = SAYS_WHO): Promise<string[]> {
  const lines: string[] = []
  const world = {
    flags: { name: 'lab' },
    place: { system: m.system, folder: m.folder },
    access: [accessOf('reader@lab', ['os:reader'])],
    observer: { observe: async () => ({ clusterInfo: [{ object: { kind: 'cluster', name: 'lab' }, look }] }) },
    cluster: { name: '', environment: '' },
    contexts: { found: [], problems: [] },
    program: { name: 'talos-preflight' },
  }
  const say = (text: string) => void lines.push(text.trim().replace(m.folder, 'FOLDER'))
  const context = { world, out: say, front: { say } } as unknown as CommandContext
  expect(await init(context)).toBe(0)
  return lines
}
const NEXT = 'Next: talos-preflight keys create, then talos-preflight check'

describe('init', () => {
  test('names the files that it wrote', async () => {
    expect(await made()).toEqual(['FOLDER is the workspace of lab now: preflight.yaml, .gitignore.', NEXT])
    expect(existsSync(join(m.folder, '.gitignore'))).toBe(true)
  })

  test('leaves a .gitignore alone that is there, and says what is missing in it', async () => {
    writeFileSync(join(m.folder, '.gitignore'), 'node_modules\n*.tmp\r\n')
    expect(await made()).toEqual([
      'FOLDER is the workspace of lab now: preflight.yaml.',
      '.gitignore was there already: add .preflight.lock, *.part and backups/ to it',
      NEXT,
    ])
    expect(readFileSync(join(m.folder, '.gitignore'), 'utf8')).toBe('node_modules\n*.tmp\r\n')
  })

  test('has nothing to say of one that holds all of it', async () => {
    writeFileSync(join(m.folder, '.gitignore'), 'backups/\n*.part\n*.tmp\n.preflight.lock\n')
    expect(await made()).toEqual(['FOLDER is the workspace of lab now: preflight.yaml.', NEXT])
  })

  test('says that the cluster did not say who it is, and that a check will record it', async () => {
    expect(await made({ ok: false, reason: 'no endpoint answers', evidence: [] })).toContain(
      'The cluster did not say who it is: no endpoint answers. The first check that reaches it will record it.',
    )
  })
})
