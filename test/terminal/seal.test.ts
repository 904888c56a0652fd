import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Driver, RED } from '../support/driver.ts'
import { framesIn } from '../support/golden.ts'
import {
  cleanEnvironment,
  cleanUp,
  LARGE,
  PROGRAM,
  practiceFolder,
  SIZES,
  SMALL,
  sizeName,
  Terminal,
  temporaryFolder,
} from '../support/terminal.ts'
import { framesOf, type Screen, walk } from '../support/walk.ts'

afterEach(cleanUp)

const chosen = (step: string): RegExp => new RegExp(`looked at[\\s\\S]*> . ${step} [\\s\\S]*enter open`)

/** What the keys of a plan that changes nothing lead through, from the findings of its step to green findings. */
const sealing = (step: string, plan: RegExp, green = new RegExp(`looked at[\\s\\S]*> ✓ ${step} `)): Screen[] => [
  ['enter', `${step}-findings`, new RegExp(`${step}.*fail.*\\[Findings\\][\\s\\S]*enter see the plan`)],
  ['enter', `${step}-plan`, plan],
  ['enter', `${step}-review`, /Read, seal and prove: 1 object[\s\S]*enter begin with 1 object/],
  ['enter', `${step}-run`, new RegExp(`${step}.*pass.*\\[Run\\][\\s\\S]*Done on practice\\.[\\s\\S]*enter findings`)],
  ['enter', `${step}-findings-green`, new RegExp(`${step}.*pass.*\\[Findings\\][\\s\\S]*enter checklist`)],
  ['esc', `${step}-green`, green],
]

/** From the first door to a sealed bundle and a sealed backup, and to what the backup tells about Secrets. */
const SEAL: Screen[] = [
  ['enter', 'checklist', RED],
  ['down to CRT-02', 'CRT-02-chosen', chosen('CRT-02')],
  ...sealing('CRT-02', /Plan for CRT-02: 1 object\. Nothing is changed[\s\S]*open it again, and compare its CA[\s\S]*enter go on/),
  ['down to CRT-06', '', chosen('CRT-06')],
  ['enter', 'CRT-06-findings', /CRT-06.*fail.*\[Findings\][^\n]*\s+✗ w1:50000: apid shows a certificate with 2 hours left/],
  ['esc', '', chosen('CRT-06')],
  ['down to BAK-02', '', chosen('BAK-02')],
  ...sealing(
    'BAK-02',
    /Plan for BAK-02: 1 object\. Nothing is changed[\s\S]*check it: trailer[\s\S]*open it again[\s\S]*enter go on/,
    // what was proved tells these two something as well
    /looked at[\s\S]*Backup +2\/2[\s\S]*✗ K8S-01 [\s\S]*> ✓ BAK-02 /,
  ),
  ['down', 'BAK-03-chosen', chosen('BAK-03')],
  ['enter', 'BAK-03-findings', /BAK-03.*pass.*\[Findings\][^\n]*\s+✓ etcd-practice-\d+-[\s\S]*opened again within the last hour/],
  ['esc', '', chosen('BAK-03')],
  ['up to K8S-01', 'K8S-01-red', chosen('K8S-01')],
  [
    'enter',
    'K8S-01-findings',
    /K8S-01.*fail.*\[Findings\][^\n]*\s+✗ practice: 1 of 5 Secrets lies in plain text in etcd: legacy\/api-token/,
  ],
  ['enter', 'K8S-01-blocked', /Nothing can be done now\.[\s\S]*this program writes\s+no Secrets/],
]

/** A review says who alone could open it. */
const ONE_RECIPIENT: Screen[] = [
  ['enter', 'findings', /BAK-02.*\[Findings\][\s\S]*enter see the plan/],
  ['enter', 'plan', /Plan for BAK-02[\s\S]*enter go on to review/],
  ['enter', 'review', /Warning: what is sealed now can be opened by you only[\s\S]*enter begin with 1 object/],
  ['esc', '', /\[Plan\][\s\S]*enter go on to review/],
]

const sealedIn = (home: string, folder: 'secrets' | 'backups'): string[] =>
  readdirSync(join(practiceFolder(home), 'workspace', folder)).toSorted()

describe('a bundle and a backup are sealed with nothing but the keys that are shown', () => {
  test.each(SIZES.map((size) => [sizeName(size), size] as const))('at %s', async (_, size) => {
    const terminal = new Terminal({ size })
    await terminal.until(/no workspace in ~\/here[\s\S]*enter practise/, 'the doors')
    await walk(new Driver(terminal), size, 'seal', { before: 'doors', screens: SEAL })
    expect(await terminal.ended).toEqual({ exitCode: 1, signal: undefined })
    expect(sealedIn(terminal.home, 'secrets')).toEqual([expect.stringMatching(/^bundle-.*\.age$/)])
    expect(sealedIn(terminal.home, 'backups')).toEqual([
      expect.stringMatching(/^etcd-practice-\d+-.*\.age$/),
      expect.stringMatching(/^etcd-practice-\d+-.*\.age\.json$/),
    ])
  })

  test.each(SIZES.map((size) => [sizeName(size), size] as const))(
    'a review warns where one identity alone opens it, at %s',
    async (_, size) => {
      const home = temporaryFolder()
      const removed = spawnSync(process.execPath, [PROGRAM, 'keys', 'remove', 'vault', '--practice'], { env: cleanEnvironment(home) })
      expect(removed.status).toBe(0)
      const terminal = new Terminal({ home, size, args: ['practice'] })
      const driver = new Driver(terminal)
      await terminal.until(RED, 'the checklist')
      await driver.choose('BAK-02')
      await walk(driver, size, 'one-recipient', { before: 'checklist', screens: ONE_RECIPIENT })
      expect(terminal.transcript()).not.toContain('mended')
    },
  )

  test('every committed frame is one that is walked over', () => {
    for (const size of [SMALL, LARGE]) {
      expect(framesIn(`seal-${sizeName(size)}`)).toEqual(framesOf(SEAL, 'doors'))
      expect(framesIn(`one-recipient-${sizeName(size)}`)).toEqual(framesOf(ONE_RECIPIENT, 'checklist'))
    }
  })
})
