import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Driver, FRESH_SAID, LineDriver, RED } from '../support/driver.ts'
import { cleanUp, LARGE, practiceFolder, SMALL, Terminal } from '../support/terminal.ts'

afterEach(cleanUp)

async function atChecklist(size = SMALL): Promise<Terminal> {
  const terminal = new Terminal({ args: ['practice'], size })
  await terminal.until(RED, 'the checklist')
  return terminal
}

const profileOf = (terminal: Terminal): string => readFileSync(join(practiceFolder(terminal.home), 'workspace', 'preflight.yaml'), 'utf8')

describe('several keys that arrive in one read are all taken', () => {
  test('two times enter opens the step and then its plan', async () => {
    const terminal = await atChecklist()
    terminal.write('j\r\r')
    await terminal.until(/INF-10.*\[Plan\][\s\S]*enter go on to review/)
  })

  test.each([
    ['jjj', 'CRT-02'],
    ['jjjjjjjjjjjjjjjj', 'BAK-03'],
    ['jjk', 'INF-10'],
    ['jkj', 'INF-10'],
    ['\u001b[B\u001b[B\u001b[A', 'INF-10'],
    ['jj\u001b[Aj', 'CRT-01'],
  ])('%j selects %s', async (keys, selected) => {
    const terminal = await atChecklist()
    terminal.write(keys)
    await terminal.until(new RegExp(`> . ${selected}`))
  })

  test('a form is filled and finished by one chunk, and no carriage return gets into the value', async () => {
    const terminal = await atChecklist()
    terminal.write('jjjj')
    await terminal.until(/> . CRT-04/)
    terminal.write('wkept for an audit\r\r')
    await terminal.until(/CRT-04 .*waived/)
    expect(profileOf(terminal)).toMatch(/why: kept for an audit\n/)
  })

  test('what is typed ahead while the cluster is being opened is not taken for something else', async () => {
    const terminal = new Terminal()
    await terminal.until(/no workspace in[\s\S]*enter practise/)
    terminal.write('\rjw')
    await terminal.until(RED)
    expect(terminal.screen()).not.toContain('Waive')
  })

  test('enter twice in one read on a plan shows the review and agrees to nothing', async () => {
    const terminal = await atChecklist()
    await new Driver(terminal).choose('INF-10')
    for (const complete of ['enter see the plan', 'enter go on to review']) {
      terminal.press('enter')
      await terminal.until(complete)
    }
    terminal.write('\r\r')
    await terminal.until('enter change 5 objects')
    terminal.press('esc')
    await terminal.until(/INF-10 .*fail/)
  })

  test('esc with enter right behind it is no consent', async () => {
    const terminal = await atChecklist()
    await new Driver(terminal).choose('INF-10')
    for (const complete of ['enter see the plan', 'enter go on to review', 'enter change 5 objects']) {
      terminal.press('enter')
      await terminal.until(complete)
    }
    terminal.write('\u001b\r')
    await terminal.until(/enter go on to review/)
    terminal.press('q')
    await terminal.end()
    expect(terminal.transcript()).not.toContain('mended')
    expect(terminal.transcript()).toContain(FRESH_SAID)
  })

  test('backspace in the middle of a chunk takes back what was before it', async () => {
    const terminal = await atChecklist()
    terminal.write('/crt\u007f\u007f\u007finf')
    await terminal.until(/Filter[\s\S]*inf/)
    terminal.write('\r')
    const screen = await terminal.until(/esc show all/)
    expect(screen).toContain('INF-10')
    expect(screen).not.toContain('CRT-01')
  })
})

describe('a private key that is typed or pasted', () => {
  const KEY = `AGE-SECRET-KEY-1${'Q'.repeat(58)}`
  const FILE = `# created: 2026-11-23T14:03:52Z\r# public key: age1qqqqqq\r${KEY}\r`

  test.each([
    ['in one read', KEY],
    ['as a paste of the file', `\u001b[200~${FILE}\u001b[201~`],
    ['without brackets, with line breaks', FILE],
  ])('%s is neither shown nor kept', async (_, typed) => {
    const terminal = await atChecklist()
    terminal.write('jjjj')
    await terminal.until(/> . CRT-04/)
    terminal.write(`w${typed}`)
    await terminal.until(/a private key was typed or pasted here/)
    expect(terminal.raw).not.toContain('KEY-1Q')
    terminal.press('esc')
    terminal.press('q')
    await terminal.end()
    expect(terminal.raw).not.toContain('KEY-1Q')
    expect(profileOf(terminal)).not.toContain('KEY-1Q')
  })

  test('is neither shown nor taken line by line', async () => {
    const terminal = new Terminal({ args: ['practice', '--plain'] })
    const line = new LineDriver(terminal)
    await line.choose('What next?', 'Waive INF-02')
    await line.choose('For', 'the whole step')
    await line.asked('Why')
    terminal.write(`${KEY}\r`)
    await terminal.untilSaid((said) => said.includes('there is a private key in it'), 'the refusal')
    expect(terminal.raw).not.toContain('KEY-1Q')
    terminal.write('\u0015an appliance\r')
    await line.asked('Until')
  })
})

describe('a paste goes into the field as text', () => {
  test('with line breaks, escape codes and characters that reorder text: one clean line, and nothing is submitted', async () => {
    const terminal = await atChecklist()
    terminal.write('jjjj')
    await terminal.until(/> . CRT-04/)
    terminal.press('w')
    await terminal.until('Waive CRT-04')
    terminal.write('\u001b[200~first\r\nsecond\u001b[31m red\u001b[0m\u0007\tend\u202e.\u001b]0;title\u0007\u001b[201~')
    const screen = await terminal.until(/first/)
    expect(screen).toMatch(/ first second red end\.$/m)
    expect(screen).toContain('Waive CRT-04')
    terminal.write('\r\r')
    await terminal.until(/CRT-04 .*waived/)
    expect(profileOf(terminal)).toMatch(/why: first second red end\.\n/)
  })

  test('a long one keeps the end in sight, and what is outside of a field falls away', async () => {
    const terminal = await atChecklist()
    terminal.write('\u001b[200~qqq\u001b[201~')
    terminal.press('/')
    await terminal.until('Filter')
    terminal.write(`\u001b[200~${'0123456789'.repeat(40)}END\u001b[201~`)
    const screen = await terminal.until(/END/)
    for (const row of screen.split('\n')) expect([...row].length).toBeLessThanOrEqual(80)
    terminal.press('esc')
    await terminal.until(RED)
  })
})

describe('the size of the terminal', () => {
  test.each([
    { columns: 79, rows: 24 },
    { columns: 80, rows: 23 },
    { columns: 40, rows: 10 },
    { columns: 20, rows: 5 },
  ])('below 80x24 there is one whole sentence, and the screen comes back: $columns x $rows', async (size) => {
    const terminal = await atChecklist()
    const before = terminal.screen()
    terminal.resize(size)
    const small = await terminal.until(/This needs a/)
    expect(small.replaceAll('\n', ' ')).toBe(
      `This needs a terminal of at least 80x24; it is ${size.columns}x${size.rows}. Make it larger, or use --plain.`,
    )
    terminal.resize(SMALL)
    await terminal.until((screen) => screen === before, 'the screen as it was before')
  })

  test('a larger terminal shows the list and the details side by side, a smaller one one above the other', async () => {
    const terminal = await atChecklist()
    const before = terminal.screen()
    terminal.resize(LARGE)
    await terminal.until(/INF-02 +Ingress firewall +fail +│ +INF-02 +Ingress firewall +high/)
    terminal.resize(SMALL)
    await terminal.until((screen) => screen === before, 'the screen as it was before')
    // nothing of all that is left behind on the normal screen
    terminal.press('ctrl+c')
    await terminal.end()
    expect(terminal.transcript()).toContain(`practice: ${FRESH_SAID}`)
  })

  test('keys go on working below the least size, and what they did is there afterwards', async () => {
    const terminal = await atChecklist()
    terminal.resize({ columns: 60, rows: 20 })
    await terminal.until(/This needs a/)
    terminal.press('j')
    terminal.resize(SMALL)
    await terminal.until(/> . INF-10/)
  })
})
