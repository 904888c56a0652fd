import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { afterEach, describe, expect, test } from 'vitest'
import { talosconfigFor } from '../support/certificate.ts'
import { Driver } from '../support/driver.ts'
import { cleanUp, Terminal, temporaryFolder } from '../support/terminal.ts'

afterEach(cleanUp)

const PASSPHRASE = 'correct horse battery staple'

/** Stand-ins that talk like the real tools; nothing but a shell is needed. */
const TALOSCTL = `#!/bin/sh
echo 'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:50000: connect: connection refused"' >&2
exit 1
`
// asks on the terminal itself, takes the plaintext from its standard input, and makes its file as os.Create does: 0666 under the umask
const AGE = `#!/bin/sh
umask 022
[ "$1" = --version ] && { echo v1.3.2; exit 0; }
[ "$1 $2 $3" = '--passphrase --armor --output' ] || { echo "age: error: not known here: $*" >&2; exit 1; }
lines=0
while read -r line; do lines=$((lines + 1)); done
printf 'Enter passphrase (leave empty to autogenerate a secure one): ' >/dev/tty
IFS= read -r first </dev/tty
printf 'Confirm passphrase: ' >/dev/tty
IFS= read -r second </dev/tty
[ "$first" = "$second" ] || { echo 'age: error: passphrases did not match' >&2; exit 1; }
printf -- '-----BEGIN AGE ENCRYPTED FILE-----\\nlines %s, passphrase of %s characters\\n-----END AGE ENCRYPTED FILE-----\\n' "$lines" "\${#first}" >"$4"
`

interface Live {
  terminal: Terminal
  driver: Driver
  home: string
  own: { identity: string; recipient: string }
}

/** A workspace of a cluster that does not answer, and the wizard on its keys screen. */
async function atKeys(options: { age: boolean }): Promise<Live> {
  const home = temporaryFolder()
  const bin = join(home, 'bin')
  const cwd = join(home, 'here')
  for (const folder of [bin, cwd, join(home, '.talos')]) mkdirSync(folder, { recursive: true })
  const script = (name: string, text: string) => {
    writeFileSync(join(bin, name), text)
    chmodSync(join(bin, name), 0o755)
  }
  const identity = await generateIdentity()
  const recipient = await identityToRecipient(identity)
  script('talosctl', TALOSCTL)
  if (options.age) {
    script('age', AGE)
    const lines = ['# created: 2026-11-23T17:00:00Z', `# public key: ${recipient}`, identity]
    script('age-keygen', `#!/bin/sh\nprintf '%s\\n' ${lines.map((l) => `'${l}'`).join(' ')}\necho 'Public key: ${recipient}' >&2\n`)
  }
  writeFileSync(join(home, '.talos', 'config'), talosconfigFor({ lab: { roles: ['os:admin'], days: { from: -1, to: 5 } } }), {
    mode: 0o600,
  })
  const init = new Terminal({ home, args: ['init', '--name', 'lab', '--environment', 'lab', '--plain'] })
  expect(await init.end()).toEqual({ exitCode: 0, signal: undefined })

  const terminal = new Terminal({ home })
  const driver = new Driver(terminal)
  await terminal.until(/lab in ~\/here[\s\S]*enter check/, 'the doors')
  await driver.readHelp()
  driver.press('c')
  await terminal.until(/LIVE[\s\S]*looked at[\s\S]*next to do/, 'the checklist')
  await driver.readHelp()
  driver.press('y')
  await terminal.until(/Nobody yet\.[\s\S]*p with passphrase/, 'the keys')
  return { terminal, driver, home, own: { identity, recipient } }
}

/** Everything that could have been written below the home, and the screen. */
const everything = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile() && !e.parentPath.endsWith('/bin'))
    .map((e) => readFileSync(join(e.parentPath, e.name), 'latin1'))
    .join('\n')

describe('an identity with a passphrase', () => {
  test('age asks for it on the terminal, the wizard goes on afterwards, and the identity is nowhere in plain text', async () => {
    const { terminal, driver, home, own } = await atKeys({ age: true })
    driver.press('p')
    await terminal.until(/Enter passphrase \(leave empty to autogenerate a secure one\):/)
    expect(terminal.onAlternateScreen).toBe(false)
    for (const char of PASSPHRASE) terminal.write(char)
    terminal.press('enter')
    await terminal.until(/Confirm passphrase:/)
    terminal.write(`${PASSPHRASE}\r`)
    const screen = await terminal.until(/Your identity is at[\s\S]*enter go on/)
    expect(terminal.onAlternateScreen).toBe(true)

    const path = join(home, '.config', 'talos-preflight', 'identity.txt')
    // no key of the passphrase went astray, and the plaintext came through the pipe
    expect(readFileSync(path, 'utf8')).toContain(`lines 3, passphrase of ${PASSPHRASE.length} characters`)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(screen).toMatch(/identity\.txt, protected with a\n {2}passphrase/)
    expect(readFileSync(join(home, 'here', 'preflight.yaml'), 'utf8')).toContain(own.recipient)
    expect(everything(home)).not.toContain(own.identity)
    expect(terminal.raw).not.toContain(own.identity)

    // keys work as before
    driver.press('r')
    await terminal.until('A recovery recipient')
    const recovery = await identityToRecipient(await generateIdentity())
    terminal.write(`safe\r${recovery}\r`)
    await terminal.until(/> Opens\n +< secrets: bundle and configs >\n +left and right choose/)
    terminal.press('right')
    terminal.press('right')
    await terminal.until(/< both >/)
    terminal.press('enter')
    await terminal.until(/safe, recovery, opens secrets and backups/)
    driver.press('enter')
    await terminal.until(/next to do/)
    driver.press('q')
    expect((await terminal.end()).signal).toBeUndefined()
  })

  test('two different passphrases make nothing, and say so', async () => {
    const { terminal, driver, home } = await atKeys({ age: true })
    driver.press('p')
    await terminal.until(/Enter passphrase/)
    terminal.write('one\r')
    await terminal.until(/Confirm passphrase:/)
    terminal.write('two\r')
    await terminal.until(/not-protected[\s\S]*nothing was kept/)
    expect(readdirSync(join(home, '.config', 'talos-preflight'))).toEqual([])
    driver.press('enter')
    await terminal.until(/Nobody yet\.[\s\S]*p with passphrase/)
    terminal.press('ctrl+c')
    expect((await terminal.end()).exitCode).toBe(130)
  })

  test.each(['pp', 'pc'])('asked for twice in one breath (%s) it is made once', async (keys) => {
    const { terminal, driver, home } = await atKeys({ age: true })
    terminal.write(keys)
    await terminal.until(/Enter passphrase/)
    terminal.write('secret\r')
    await terminal.until(/Confirm passphrase:/)
    terminal.write('secret\r')
    await terminal.until(/Your identity is at[\s\S]*enter go on/)
    driver.press('enter')
    await terminal.until(/looked at[\s\S]*next to do/, 'the checklist')
    expect(readFileSync(join(home, 'here', 'preflight.yaml'), 'utf8').match(/recipient: age1/g)).toHaveLength(1)
  })

  test('without the age binary it says what is missing, and keys without a passphrase can still be made', async () => {
    const { terminal, driver, home } = await atKeys({ age: false })
    driver.press('p')
    await terminal.until(/no-age[\s\S]*a passphrase needs the age binary/)
    driver.press('enter')
    await terminal.until(/Nobody yet\.[\s\S]*c make mine/)
    driver.press('c')
    await terminal.until(/Your identity is at[\s\S]*enter go on/)
    expect(statSync(join(home, '.config', 'talos-preflight', 'identity.txt')).mode & 0o777).toBe(0o600)
  })
})
