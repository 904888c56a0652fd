import { afterEach, describe, expect, test } from 'vitest'
import { cleanUp } from '../support/terminal.ts'
import { sameSession } from './drivers.ts'
import { answer, changeByLine, goThrough, open, type Scenario, sayByLine, takeBack, UNTIL, waiveByKeyboard } from './scenarios.ts'

/** What is sealed, what can hurt, and what is said of what cannot be seen. */

afterEach(cleanUp)

const PLANES = ['cp1', 'cp2', 'cp3']
const NODES = [...PLANES, 'w1', 'w2']
const all = (names: readonly string[], n: number) => Object.fromEntries(names.map((name) => [name, n]))
const DRILL = 'a drill, nothing is lost here'
const WAIVED = ['waive', 'BAK-02', '--why', DRILL, '--until', UNTIL]
const FIREWALL = ['--answer', 'INF-02.admins=none', '--answer', 'INF-02.allow=9100/tcp=10.20.7.20']
const PAYMENTS = ['--answer', 'K8S-04.namespace=payments']

const SCENARIOS: Record<string, Scenario> = {
  'adopt the bundle, CRT-02': {
    keyboard: async (driver) => {
      await open(driver, 'CRT-02')
      await goThrough(driver, 1, 'begin with')
    },
    line: async (driver) => {
      await driver.choose('What next?', 'Mend CRT-02')
      await driver.asked('What next?')
    },
    flags: [[['apply', 'CRT-02'], 0]],
    left: (left) => {
      expect(left.sealed).toEqual({ bundle: 1 })
      expect(left.findings['CRT-02']?.every((f) => f.endsWith(' pass'))).toBe(true)
    },
  },

  'a backup, BAK-02 and BAK-03': {
    keyboard: async (driver) => {
      await open(driver, 'BAK-02')
      await goThrough(driver, 1, 'begin with')
    },
    line: async (driver) => {
      await driver.choose('What next?', 'Mend BAK-02')
      await driver.asked('What next?')
    },
    flags: [[['apply', 'BAK-02', '--yes'], 0]],
    left: (left) => {
      expect(left.sealed).toEqual({ etcd: 1 })
      expect(left.findings['BAK-02']).toEqual(['practice pass'])
      expect(left.findings['BAK-03']?.every((f) => f.endsWith(' pass'))).toBe(true)
    },
  },

  'answer and mend INF-02, and take it back': {
    keyboard: async (driver) => {
      await open(driver, 'INF-02')
      await answer(
        driver,
        'INF-02',
        [
          ['Second way in', 'none'],
          ['What else is let in', '9100/tcp=10.20.7.20'],
        ],
        7,
      )
      await goThrough(driver, 5)
      await takeBack(driver, 'INF-02', 5)
    },
    line: async (driver) => {
      // a plan that waits for an answer asks for it
      await driver.choose('What next?', 'Mend INF-02')
      await driver.type('Answer it now?', 'y')
      await driver.type('Second way in', 'none')
      await driver.type('Answer it now?', 'y')
      await driver.type('What else is let in', '9100/tcp=10.20.7.20')
      await driver.type('Apply to', 'yes')
      await driver.asked('What next?')
      await changeByLine(driver, 'Take back INF-02')
    },
    flags: [
      [['apply', 'INF-02', '--yes', ...FIREWALL], 0],
      [['apply', 'INF-02', '--undo', '--yes'], 0],
    ],
    flagsAnswer: FIREWALL,
    kept: { 'INF-02': { admins: 'none', allow: '9100/tcp=10.20.7.20' } },
    left: (left) => {
      expect(left.findings['INF-02']).toEqual(NODES.map((n) => `${n} fail`))
      expect(left.sealed).toEqual(all(NODES, 2))
      expect(left.world.nodes.every((n) => n.firewall.length === 0)).toBe(true)
    },
  },

  'waive BAK-02, then mend K8S-02': {
    keyboard: async (driver) => {
      await waiveByKeyboard(driver, 'BAK-02', DRILL)
      await driver.choose('K8S-02', 'up')
      await open(driver, 'K8S-02')
      await goThrough(driver, 3)
    },
    line: async (driver) => {
      await sayByLine(driver, 'Waive BAK-02', 'the whole step', DRILL)
      await changeByLine(driver, 'Mend K8S-02')
    },
    flags: [
      [WAIVED, 0],
      [['apply', 'K8S-02', '--yes'], 0],
    ],
    left: (left) => {
      expect(left.findings['K8S-02']?.filter((f) => !f.endsWith(' pass'))).toEqual([])
      expect(left.sealed).toEqual(all(PLANES, 1))
    },
  },

  'waive BAK-02, then mend MON-01 and take it back': {
    keyboard: async (driver) => {
      await waiveByKeyboard(driver, 'BAK-02', DRILL)
      await driver.choose('MON-01', 'up')
      await open(driver, 'MON-01')
      await goThrough(driver, 3)
      await takeBack(driver, 'MON-01', 3)
    },
    line: async (driver) => {
      await sayByLine(driver, 'Waive BAK-02', 'the whole step', DRILL)
      await changeByLine(driver, 'Mend MON-01')
      await changeByLine(driver, 'Take back MON-01')
    },
    flags: [
      [WAIVED, 0],
      [['apply', 'MON-01', '--yes'], 0],
      [['apply', 'MON-01', '--undo', '--yes'], 0],
    ],
    left: (left) => {
      expect(left.findings['MON-01']).toEqual(PLANES.map((n) => `${n} fail`))
      expect(left.sealed).toEqual(all(PLANES, 2))
    },
  },

  'prove that policies are enforced, then answer and mend K8S-04': {
    keyboard: async (driver) => {
      await open(driver, 'K8S-04')
      await goThrough(driver, 1)
      driver.press('enter')
      await driver.terminal.until(/K8S-04.*\[Findings\]/)
      await answer(driver, 'K8S-04', [['Which namespace is to be shut', 'payments']], 4)
      await goThrough(driver, 1)
    },
    line: async (driver) => {
      await changeByLine(driver, 'Mend K8S-04')
      await driver.choose('What next?', 'Answers of K8S-04')
      await driver.type('Which namespace is to be shut', 'payments')
      await driver.type('What does that namespace allow', '')
      await driver.type('Which image has busybox', '')
      await driver.type('For how many days', '')
      await changeByLine(driver, 'Mend K8S-04')
    },
    flags: [
      [['apply', 'K8S-04', '--yes'], 1],
      [['apply', 'K8S-04', '--yes', ...PAYMENTS], 0],
    ],
    flagsAnswer: PAYMENTS,
    kept: { 'K8S-04': { namespace: 'payments' } },
    left: (left) => {
      expect(left.findings['K8S-04']).toContain('payments pass')
      expect(left.findings['K8S-04']).toContain('enforcement pass')
      expect(left.world.probe).toBeNull()
    },
  },

  'attest K8S-01, and one object of K8S-04': {
    keyboard: async (driver) => {
      await driver.choose('K8S-01')
      driver.press('a')
      await driver.terminal.until(/Attest K8S-01[\s\S]*> Why/)
      driver.type(DRILL)
      driver.press('enter')
      await driver.terminal.until(new RegExp(`> Until\\n +${UNTIL}`))
      driver.press('enter')
      await driver.terminal.until(/K8S-01 .*attested/)
      await open(driver, 'K8S-04')
      driver.press('w')
      await driver.terminal.until(/Waive K8S-04[\s\S]*> Why/)
      driver.press('up')
      await driver.terminal.until(/> For/)
      driver.press('right')
      await driver.terminal.until(/< namespace\/payments >/)
      driver.press('enter')
      await driver.terminal.until(/> Why/)
      driver.type(DRILL)
      driver.press('enter')
      await driver.terminal.until(/> Until/)
      driver.press('enter')
      await driver.terminal.until(/K8S-04.*\[Findings\][\s\S]*waived/)
    },
    line: async (driver) => {
      await sayByLine(driver, 'Attest K8S-01', 'the whole step', DRILL)
      await sayByLine(driver, 'Waive K8S-04', 'namespace/payments', DRILL)
    },
    flags: [
      [['attest', 'K8S-01', '--why', DRILL, '--until', UNTIL], 0],
      [['waive', 'K8S-04', '--object', 'namespace/payments', '--why', DRILL, '--until', UNTIL], 0],
    ],
    left: (left) => {
      expect(left.findings['K8S-01']).toContain('practice unknown attested')
      expect(left.findings['K8S-04']).toContain('payments fail waived')
      expect(left.journal.slice(-2)).toMatchObject([
        { kind: 'said', word: 'attested', step: 'K8S-01' },
        { kind: 'said', word: 'waived', step: 'K8S-04', object: 'namespace/payments' },
      ])
    },
  },
}

describe('by keyboard, line by line and by flags it is the same session', () => {
  test.each(Object.entries(SCENARIOS))('%s', (_, scenario) => sameSession(scenario), 120_000)
})
