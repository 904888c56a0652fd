import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { SMALL } from '../../../support/terminal.ts'
import { HERE } from '../cluster.ts'
import { type At, answerOf, type Cases } from './at.ts'

/** What age and git answer, verb by verb. */

/** A repository with two commits; the first version of its file is only in the history. */
function repository(at: At): { folder: string; object: string } {
  const folder = at.me.workspace
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.invalid', '-c', 'commit.gpgsign=false', ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...at.me.env, PATH: process.env.PATH ?? '' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  git('init', '--quiet')
  writeFileSync(join(folder, '.gitignore'), 'ignored.txt\n')
  writeFileSync(join(folder, 'kept.txt'), 'first\n')
  git('add', '.')
  git('commit', '--quiet', '-m', 'one')
  const object = git('rev-parse', 'HEAD:kept.txt').trim()
  writeFileSync(join(folder, 'kept.txt'), 'second\n')
  git('commit', '--quiet', '-am', 'two')
  return { folder, object }
}

export const TOOLS: Cases<`age.${string}` | `git.${string}` | 'kubectl.clientVersion'> = {
  'kubectl.clientVersion': async (at) => {
    const { clientVersion } = JSON.parse(await answerOf(at, 'kubectl.clientVersion', {}))
    expect(clientVersion.gitVersion).toMatch(/^v1\.\d+\.\d+$/)
  },
  'age.version': async (at) => {
    expect(await answerOf(at, 'age.version', {})).toMatch(/^v\d+\.\d+\.\d+/)
  },
  'age.keygen': async (at) => {
    expect(await answerOf(at, 'age.keygen', {})).toMatch(/^# public key: age1[a-z0-9]{58}$/m)
  },
  'age.recipientOf': async (at) => {
    const { file, recipient } = at.me.recovery()
    expect((await answerOf(at, 'age.recipientOf', { identity: file })).trim()).toBe(recipient)
  },
  'age.encrypt': async (at) => {
    const recipients = [at.me.recovery().recipient]
    expect(await answerOf(at, 'age.encrypt', { recipients }, { input: 'words' })).toMatch(/^age-encryption\.org\/v1\n-> X25519 /)
    expect(await at.caller.run('age.encrypt', { recipients: ['age1nobody'] }, { input: 'words' })).toMatchObject({ ok: false, exitCode: 1 })
  },
  'age.decrypt': async (at) => {
    const { file, recipient } = at.me.recovery()
    const sealed = await at.caller.run('age.encrypt', { recipients: [recipient] }, { input: 'words' })
    expect(await answerOf(at, 'age.decrypt', { identity: file }, { input: sealed.stdout })).toBe('words')
    const other = join(at.me.folder, 'other.txt')
    writeFileSync(other, await answerOf(at, 'age.keygen', {}), { mode: 0o600 })
    expect(await at.caller.run('age.decrypt', { identity: other }, { input: sealed.stdout })).toMatchObject({ ok: false, exitCode: 1 })
  },
  // age asks on the terminal of the process that runs it, so a process of its own runs the verb on one
  'age.protect': async (at) => {
    const output = join(at.me.folder, 'protected.txt')
    const terminal = at.me.terminal([], SMALL, [process.execPath, join(HERE, 'children', 'protect.ts'), output])
    await terminal.until('Enter passphrase')
    terminal.write('six words that nobody else knows\r')
    await terminal.until('Confirm passphrase')
    terminal.write('six words that nobody else knows\r')
    await terminal.until('protected')
    await terminal.end()
    expect(terminal.transcript()).not.toContain('not protected')
    expect(readFileSync(output, 'utf8')).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/)
    at.ran.add('age.protect')
  },
  'git.root': async (at) => {
    const { folder } = repository(at)
    expect((await answerOf(at, 'git.root', { folder })).trim()).toBe(folder)
    expect(await at.caller.run('git.root', { folder: at.me.home })).toMatchObject({ ok: false, exitCode: 128 })
  },
  'git.tracked': async (at) => {
    const { folder } = repository(at)
    expect((await answerOf(at, 'git.tracked', { folder })).split('\0').filter(Boolean)).toEqual(['.gitignore', 'kept.txt'])
  },
  'git.ignored': async (at) => {
    const { folder } = repository(at)
    expect(await answerOf(at, 'git.ignored', { folder, paths: [] }, { input: 'ignored.txt\0kept.txt\0' })).toBe('ignored.txt\0')
  },
  'git.objects': async (at) => {
    const { folder, object } = repository(at)
    expect(await answerOf(at, 'git.objects', { folder })).toContain(`${object} blob 6\n`)
  },
  'git.contents': async (at) => {
    const { folder, object } = repository(at)
    expect(await answerOf(at, 'git.contents', { folder }, { input: `${object}\n` })).toBe(`${object} blob 6\nfirst\n\n`)
  },
  'git.whoBrought': async (at) => {
    const { folder, object } = repository(at)
    expect(await answerOf(at, 'git.whoBrought', { folder, object })).toMatch(/^[0-9a-f]{7,}\0\n?kept\.txt\0/)
  },
}
