import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Driver, LineDriver, RED } from '../support/driver.ts'
import { cleanEnvironment, cleanUp, LARGE, PROGRAM, practiceFolder, Terminal, temporaryFolder } from '../support/terminal.ts'
import { inTheMiddle, journalLines, patched } from './held.ts'

afterEach(cleanUp)

/** The rest of the plan, from the checklist to green. */
async function mendTheRest(driver: Driver, objects: number): Promise<void> {
  for (const complete of [
    'enter see the plan',
    'enter go on to review',
    `enter change ${objects} objects`,
    /INF-10.*pass.*\[Run\][\s\S]*enter findings/,
  ]) {
    driver.press('enter')
    await driver.terminal.until(complete)
  }
}

describe('a wizard that was killed in the middle of a run', () => {
  test('says at its next start what was under way, finds out what became of it, and goes on with the rest', async () => {
    const { terminal: killed } = await inTheMiddle()
    killed.signal('SIGKILL')
    await killed.ended
    expect(patched(killed.home)).toEqual(['w1', 'w2'])

    const terminal = new Terminal({ home: killed.home, args: ['practice'] })
    const driver = new Driver(terminal)
    const screen = await terminal.until(/An earlier run ended in the middle[\s\S]*enter find out/)
    expect(screen.replace(/\s+/g, ' ')).toContain('It was at "set 13 keys in SysctlConfig" on w2.')
    expect(screen.replace(/\s+/g, ' ')).toContain('Done: w1. Not finished: w2, cp1, cp2, cp3.')
    driver.press('enter')
    await terminal.until(/What became of it: done\.[\s\S]*enter go on/)
    driver.press('enter')
    await terminal.until(/looked at[\s\S]*> ✗ INF-02/)
    await driver.choose('INF-10')
    await mendTheRest(driver, 3)
    expect(patched(terminal.home).toSorted()).toEqual(['cp1', 'cp2', 'cp3', 'w1', 'w2'])
    driver.press('q')
    await terminal.end()
  })

  test('between two nodes goes on as well: nothing was under way', async () => {
    const { terminal: killed } = await inTheMiddle('"kind":"intent".*"name":"cp1"', /• +cp1|w2 +set 13 keys/)
    killed.signal('SIGKILL')
    await killed.ended

    const terminal = new Terminal({ home: killed.home, args: ['practice'] })
    const driver = new Driver(terminal)
    await terminal.until(/Nothing was under way; cp1, cp2, cp3 had not begun[\s\S]*enter find out/)
    driver.press('enter')
    await terminal.until(/Nothing is left open[\s\S]*enter go on/)
    driver.press('enter')
    await terminal.until(/looked at[\s\S]*> ✗ INF-02/)
    await driver.choose('INF-10')
    await mendTheRest(driver, 3)
    driver.press('q')
    await terminal.end()
  })

  test('two times enter in one breath finds out once', async () => {
    const { terminal: killed } = await inTheMiddle()
    killed.signal('SIGKILL')
    await killed.ended
    const terminal = new Terminal({ home: killed.home, args: ['practice'] })
    await terminal.until(/An earlier run ended in the middle[\s\S]*enter find out/)
    terminal.write('\r\r')
    await terminal.until(/What became of it: done\.[\s\S]*enter go on/)
    expect(terminal.screen().match(/What became of it/g)).toHaveLength(1)
    terminal.press('ctrl+c')
    await terminal.end()
    const resolved = journalLines(terminal.home).filter((l) => l.kind === 'resolved')
    expect(resolved).toMatchObject([{ action: 'patch', object: { name: 'w2' }, result: 'done' }])
  })

  test('line by line says so too', async () => {
    const { terminal: killed } = await inTheMiddle()
    killed.signal('SIGKILL')
    await killed.ended
    const terminal = new Terminal({ home: killed.home, args: ['practice', '--plain'], size: LARGE })
    const driver = new LineDriver(terminal)
    await driver.asked('What next?')
    const said = terminal.transcript().replace(/\s+/g, ' ')
    expect(said).toContain('ended in the middle: it was at "set 13 keys in SysctlConfig" on w2. Not finished: w2, cp1, cp2, cp3.')
    expect(said).toContain('What became of it: done.')
    await driver.choose('What next?', 'Mend INF-10')
    await driver.type('Apply to cp1, cp2, cp3', 'yes')
    await driver.choose('What next?', 'Quit')
    await terminal.end()
    expect(patched(terminal.home).toSorted()).toEqual(['cp1', 'cp2', 'cp3', 'w1', 'w2'])
  })

  test('keeps open what nobody can tell, by keyboard, line by line and by flags, and begins nothing else', async () => {
    const { terminal: killed } = await inTheMiddle()
    killed.signal('SIGKILL')
    await killed.ended
    const journals = join(practiceFolder(killed.home), 'workspace', 'evidence', 'journal')
    const last = join(journals, readdirSync(journals).toSorted().at(-1) ?? '')
    // nothing tells whether it was done
    const lines = readFileSync(last, 'utf8').trimEnd().split('\n')
    const { done: _, ...intent } = JSON.parse(lines.findLast((l) => l.includes('"kind":"intent"')) ?? '')
    writeFileSync(last, `${[...lines.slice(0, intent.seq - 1), JSON.stringify({ ...intent, repeatable: false })].join('\n')}\n`)
    const [keyboard, byLine, flags] = [0, 1, 2].map(() => {
      const home = temporaryFolder()
      cpSync(killed.home, home, { recursive: true })
      return home
    }) as [string, string, string]
    const told = 'it cannot be told whether "set 13 keys in SysctlConfig" on w2 was done'

    const terminal = new Terminal({ home: keyboard, args: ['practice'] })
    const driver = new Driver(terminal)
    await terminal.until(/An earlier run ended in the middle[\s\S]*enter find out/)
    driver.press('enter')
    await terminal.until(/What became of it: cannot tell\.[\s\S]*It stays open[\s\S]*esc leave it open/)
    driver.press('esc')
    await terminal.until(/looked at[\s\S]*> ✗ INF-02/)
    await driver.choose('INF-10')
    for (const complete of ['enter see the plan', 'enter go on to review', /enter change \d objects/, 'cannot-tell']) {
      driver.press('enter')
      await terminal.until(complete)
    }
    terminal.press('ctrl+c')
    await terminal.end()

    const lined = new Terminal({ home: byLine, args: ['practice', '--plain'], size: LARGE })
    const liner = new LineDriver(lined)
    await liner.choose('What next?', 'Mend INF-10')
    expect(lined.transcript()).toContain('What became of it: cannot tell.')
    await liner.type('Apply to', 'yes')
    await liner.choose('What next?', 'Quit')
    await lined.end()
    expect(lined.transcript().split(`${told} (cannot-tell)`)).toHaveLength(3)

    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, 'apply', 'INF-10', '--yes', '--practice'], {
      cwd: flags,
      env: cleanEnvironment(flags),
      encoding: 'utf8',
    })
    expect([status, stderr]).toEqual([4, expect.stringContaining(told)])
    for (const home of [keyboard, byLine, flags]) expect(patched(home)).toEqual(patched(killed.home))
  }, 60_000)

  test('a workspace that another wizard holds is refused, and taken over once that one is dead', async () => {
    const holder = new Terminal({ args: ['practice'] })
    await holder.until(/looked at/)
    const second = new Terminal({ home: holder.home, args: ['practice'] })
    await second.until(/workspace-busy[\s\S]*uses this workspace since/)
    second.press('enter')
    await second.until(/What do you want to do\?[\s\S]*enter (practise|check)/)
    second.press('q')
    expect((await second.end()).exitCode).toBe(2)
    holder.signal('SIGKILL')
    await holder.ended
    const third = new Terminal({ home: holder.home, args: ['practice'] })
    await third.until(RED)
  })
})
