import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cleanEnvironment, cleanUp, PROGRAM, temporaryFolder } from '../support/terminal.ts'

/** A workspace on a machine that has none of the credentials which its profile names: an auditor's clone, a job of CI. */

afterEach(cleanUp)

let home: string
const at = (...path: string[]) => join(home, 'cluster', ...path)
const run = (...args: string[]) => {
  const options = { cwd: at(), env: cleanEnvironment(home), encoding: 'utf8' as const }
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], options)
  return { status, stdout, stderr }
}

beforeEach(() => {
  home = temporaryFolder()
  mkdirSync(at(), { recursive: true })
  writeFileSync(
    at('preflight.yaml'),
    'version: 1\ncluster: {name: x, environment: lab}\naccess: {observe: reader@x}\nkubernetes: {kubeconfig: ../gone}\n',
  )
})

describe('without the credentials that the profile names', () => {
  test('journals are verified', () => {
    expect(run('journal', 'verify')).toMatchObject({ status: 0, stdout: expect.stringContaining('every chain is whole') })
  })

  test('doctor says what is missing, and looks at everything else', () => {
    const { status, stdout, stderr } = run('doctor')
    expect([status, stderr]).toEqual([1, ''])
    expect(stdout).toContain(
      'problem  talosconfig  there is no context "reader@x" (access.observe in preflight.yaml)\n                      no talosconfig was found; name one with --talosconfig FILE\n',
    )
    expect(stdout).toContain('problem  kubeconfig   there is no kubeconfig ../gone that can be read\n')
    expect(stdout).toMatch(/^ok +workspace /m)
    const { lines } = JSON.parse(run('doctor', '--talosconfig', 'gone', '--output', 'json').stdout)
    const said = lines.filter((l: { what: string }) => l.what === 'talosconfig').map((l: { text: string }) => l.text)
    expect(said).toEqual(['there is no talosconfig gone'])
  })

  test('keys are listed and added', () => {
    expect(run('keys')).toMatchObject({ status: 0, stdout: expect.stringContaining('recipient   none') })
    const recipient = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'
    expect(run('keys', 'add', 'safe', recipient, '--role', 'recovery')).toMatchObject({ status: 0, stderr: '' })
  })

  test('what this machine alone shows is checked and attested, and what a cluster would have to show is refused', () => {
    expect(run('check', 'CRT-01')).toMatchObject({ status: 0, stderr: '' })
    symlinkSync('/etc/hostname', at('out'))
    writeFileSync(at('a.pem'), `-----BEGIN ${'EC PRIVATE'} KEY-----\n${'MHcCAQEE'.repeat(20)}\n-----END ${'EC PRIVATE'} KEY-----\n`)
    for (const kind of ['attest', 'waive']) {
      const word = ['--why', 'looked at by hand', '--until', '2099-01-01']
      expect(run(kind, 'CRT-01', ...word)).toMatchObject({ status: 0, stderr: '' })
      expect(run(kind, 'INF-10', ...word)).toMatchObject({ status: 2, stderr: expect.stringContaining('(no-such-context)') })
    }
    for (const args of [['check'], ['check', 'CRT-01', 'INF-10'], ['plan', 'INF-10'], ['apply', 'INF-10'], ['backup', 'create']])
      expect(run(...args)).toMatchObject({ status: 2, stderr: expect.stringContaining('(no-such-context)') })
  })
})
