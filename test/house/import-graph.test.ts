import { describe, expect, test } from 'vitest'
import { foreignWords, importersOf, wrongArrows, wrongHabits } from './rules.ts'
import { sourceFiles } from './source.ts'

const files = sourceFiles(['src', 'steps'])
const below = (...folders: string[]) => files.filter((f) => folders.some((folder) => f.path.startsWith(`${folder}/`)))

describe('the house', () => {
  test('every import follows an arrow of the architecture', () => {
    expect(files.length).toBeGreaterThan(50)
    expect(wrongArrows(files)).toEqual([])
  })

  test('there is no enum, no parameter property, no option "shell" and no default export beside the steps', () => {
    expect(wrongHabits(files)).toEqual([])
  })

  test('one file runs processes', () => {
    expect(importersOf(files, ['execa'])).toEqual(['src/system/processes.ts'])
    expect(importersOf(files, ['node:child_process', 'child_process'])).toEqual([])
  })

  test('files are read and written in the system folder, and the templates of the program are read by the world', () => {
    expect(importersOf(files, ['node:fs', 'node:fs/promises', 'fs', 'fs/promises'])).toEqual([
      'src/cli/world.ts',
      'src/system/files.ts',
      'src/system/memory.ts',
      'src/system/processes.ts',
      'src/system/swap.ts',
    ])
    const world = files.find((f) => f.path === 'src/cli/world.ts')?.text ?? ''
    expect(/import \{([^}]*)\} from 'node:fs\/promises'/.exec(world)?.[1]?.trim()).toBe('readdir, readFile')
  })

  test('sockets are opened in one file', () => {
    expect(importersOf(files, ['node:net', 'node:tls', 'node:http', 'node:https', 'node:http2', 'node:dgram'])).toEqual([
      'src/system/network.ts',
    ])
  })

  test('the engine does not know what it looks after', () => {
    expect(foreignWords(below('src/engine'))).toEqual([])
  })

  test('the user interface does not know what it looks after', () => {
    expect(foreignWords(below('src/ui'))).toEqual([])
  })
})

describe('the checker', () => {
  const file = (path: string, text: string) => ({ path, text })

  test('names file, line and reason of an import against the arrows', () => {
    expect(
      wrongArrows([
        file('src/ui/tui/bad.ts', "import { STEPS } from '../../../steps/index.ts'\nimport { x } from '../../system/files.ts'\n"),
        file('src/engine/bad.ts', "import { readFile } from 'node:fs/promises'\nconst v = await import('../ui/host.ts')\n"),
        file('steps/a/X-01/step.ts', "import { join } from 'node:path'\nexport * from '../../../src/observe/parse.ts'\n"),
        file('src/contract.ts', "import type { Member } from './domain/observations.ts'\n"),
        file('src/domain/bad.ts', "type Caller = import('../tools/caller.ts').Caller\n"),
        file('src/elsewhere/bad.ts', "import 'yaml'\n"),
      ]),
    ).toEqual([
      'src/ui/tui/bad.ts:1: ui does not import steps (steps/index.ts)',
      'src/ui/tui/bad.ts:2: ui does not import system (src/system/files.ts)',
      'src/engine/bad.ts:1: engine does not import node:fs/promises',
      'src/engine/bad.ts:2: engine does not import ui (src/ui/host.ts)',
      'steps/a/X-01/step.ts:1: steps does not import node:path',
      'steps/a/X-01/step.ts:2: steps does not import observe (src/observe/parse.ts)',
      'src/contract.ts:1: contract does not import domain (src/domain/observations.ts)',
      'src/domain/bad.ts:1: domain does not import tools (src/tools/caller.ts)',
      'src/elsewhere/bad.ts:1: lies in no layer of the house',
    ])
  })

  test('tells types from values where only types may pass', () => {
    expect(
      wrongArrows([
        file('src/practice/good.ts', "import type { Files } from '../system/ports.ts'\nimport { type Exit } from '../system/ports.ts'\n"),
        file('src/practice/bad.ts', "import { type Exit, files } from '../system/files.ts'\n"),
      ]),
    ).toEqual(['src/practice/bad.ts:1: practice imports of system its types alone, not src/system/files.ts'])
  })

  test('sees imports that a search of the text would miss, and none that only a comment speaks of', () => {
    const text = "// import { x } from '../ui/a.ts'\nconst s = \"from '../ui/b.ts'\"\nimport {\n  x,\n}\nfrom\n'../ui/c.ts'\n"
    expect(wrongArrows([file('src/engine/odd.ts', text)])).toEqual(['src/engine/odd.ts:3: engine does not import ui (src/ui/c.ts)'])
  })

  test('finds enums, parameter properties, shells and default exports', () => {
    const text = [
      'enum Colour { Red }',
      'class A { constructor(private readonly name: string) {} }',
      "run('ls', { shell: true })",
      'export default 1',
    ].join('\n')
    expect(wrongHabits([file('src/cli/bad.ts', text), file('steps/a/X-01/step.ts', 'export default 1\n')])).toEqual(
      [
        'src/cli/bad.ts:4: a default export',
        'src/cli/bad.ts:1: an enum',
        'src/cli/bad.ts:2: a parameter property',
        'src/cli/bad.ts:3: an option "shell"',
      ].toSorted((a, b) => a.localeCompare(b)),
    )
  })

  test('finds a word of the field, and leaves page, message, manage and the name of the program alone', () => {
    const text = 'page message manage talosVersions\ntalos-preflight/check/v1\nthe Talos API\nsealed by age-keygen\n'
    expect(foreignWords([file('src/engine/a.ts', text)])).toEqual(['src/engine/a.ts:3: says "talos"', 'src/engine/a.ts:4: says "age"'])
  })
})
