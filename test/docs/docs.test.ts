import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { helpFor } from '../../src/cli/args.ts'
import { COMMANDS } from '../../src/cli/commands.ts'

const root = new URL('../..', import.meta.url).pathname
const read = (path: string) => readFileSync(join(root, path), 'utf8')

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? sources(join(folder, e.name)) : /\.tsx?$/.test(e.name) ? [read(join(folder, e.name))] : [],
  )
}

test.each(COMMANDS.map((c) => [c.name, c] as const))('the page of %s shows its help', (name, command) => {
  expect(read(`docs/commands/${name}.md`)).toContain(`\`\`\`text\n${helpFor(command)}\`\`\``)
})

test('there is no page of a command that is not there', () => {
  expect(readdirSync(join(root, 'docs/commands')).toSorted()).toEqual(COMMANDS.map((c) => `${c.name}.md`).toSorted())
})

test('every code of an error is explained, and no other', () => {
  const text = [...sources('src'), ...sources('steps'), read('bin/talos-preflight.js'), read('scripts/setup.mjs')].join('\n')
  const thrown = new Set([...text.matchAll(/new (?:Refusal|Failure)\(\s*'([a-z0-9-]+)'/g)].map((m) => m[1]))
  for (const [, code] of text.matchAll(/\((old-node|setup)\)/g)) thrown.add(code)
  thrown.add('bug')
  const explained = new Set(
    [...read('docs/errors.md').matchAll(/^\| (.*?) \|/gm)].flatMap((m) => [...(m[1] ?? '').matchAll(/`([a-z0-9-]+)`/g)].map((c) => c[1])),
  )
  expect([...explained].toSorted()).toEqual([...thrown].toSorted())
})

test('the screen in the README is the one of practice', () => {
  const digits = (text: string) => text.replace(/\b\d\d:\d\d(?= UTC)/g, '00:00')
  expect(digits(read('README.md'))).toContain(`\`\`\`\n${digits(read('test/frames/walk-80x24/02-checklist.txt'))}\`\`\``)
})

test('every command and flag in the README and the pages is there', () => {
  const pages = [
    'README.md',
    ...readdirSync(join(root, 'docs'))
      .filter((f) => f.endsWith('.md'))
      .map((f) => `docs/${f}`),
    ...COMMANDS.map((c) => `docs/commands/${c.name}.md`),
  ]
  const known = new Set(
    COMMANDS.flatMap((c) => [...helpFor(c).matchAll(/--[a-z-]+/g)].map((m) => m[0])).concat(
      [...helpFor(undefined).matchAll(/--[a-z-]+/g)].map((m) => m[0]),
    ),
  )
  // flags of other programs that the pages name
  for (const other of ['--check', '--mode', '--crt-ttl', '--roles', '--recipient', '--nodes', '--patch', '--']) known.add(other)
  for (const page of pages)
    for (const [flag] of read(page).matchAll(/(?<![\w-])--[a-z][a-z-]*/g))
      expect({ page, flag, known: known.has(flag) }).toEqual({ page, flag, known: true })
  for (const page of pages)
    for (const [, name] of read(page).matchAll(/talos-preflight ([a-z]{3,})\b/g))
      if (!['takes', 'does', 'report', 'profile', 'is', 'preflight'].includes(name ?? ''))
        expect({ page, command: COMMANDS.some((c) => c.name === name) ? name : undefined }).toEqual({ page, command: name })
})

test('links between the pages lead somewhere', () => {
  for (const page of [
    'README.md',
    'docs/architecture.md',
    'docs/threat-model.md',
    'docs/adding-a-step.md',
    'docs/errors.md',
    ...COMMANDS.map((c) => `docs/commands/${c.name}.md`),
  ]) {
    for (const [, target = ''] of read(page).matchAll(/\]\(([^)#]+)\)/g))
      if (!target.startsWith('http')) expect(read(join(page, '..', target)).length).toBeGreaterThan(0)
  }
})
