import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CheckDocument } from '../../src/ui/report/document.ts'
import { FRESH } from '../support/driver.ts'
import { ROOT } from './source.ts'

/** The published schema of `check --output json`, held against whole runs of the program. */

const schema = JSON.parse(readFileSync(join(ROOT, 'schemas/check.schema.json'), 'utf8'))
const valid = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile<CheckDocument>(schema)
const complaints = (value: unknown): string[] =>
  valid(value) ? [] : (valid.errors ?? []).map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`)

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'preflight-schema-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { PATH: process.env.PATH, HOME: join(folder, 'home'), XDG_STATE_HOME: join(folder, 'state') }
  return spawnSync(join(ROOT, 'node_modules/.bin/node'), [join(ROOT, 'bin/talos-preflight.js'), ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
}
function checked(...args: string[]): { status: number | null; document: CheckDocument } {
  const { status, stdout, stderr } = run('check', '--output', 'json', ...args)
  expect(stderr).toBe('')
  return { status, document: JSON.parse(stdout) as CheckDocument }
}

const CHECKLIST = [
  'ACC-07',
  'BAK-02',
  'BAK-03',
  'CRT-01',
  'CRT-02',
  'CRT-04',
  'CRT-06',
  'INF-02',
  'INF-10',
  'K8S-01',
  'K8S-02',
  'K8S-04',
  'MON-01',
]

describe('a real document', () => {
  test('of the default practice is valid, with every verdict explained', () => {
    const { status, document } = checked('--practice')
    expect(complaints(document)).toEqual([])
    expect([status, document.mode, document.steps.length]).toEqual([1, 'practice', FRESH.steps])
    expect(document.summary).toMatchObject({ fail: FRESH.fail, unknown: FRESH.unknown })
    expect(document.journalHead).toMatch(/^[0-9a-f]{64}$/)
    expect(document.steps.map((s) => s.id).toSorted()).toEqual(CHECKLIST)
    for (const step of document.steps) {
      expect([step.id, step.findings.length > 0]).toEqual([step.id, true])
      for (const { reason } of step.findings) expect([step.id, reason]).toEqual([step.id, expect.stringMatching(/\S/)])
    }
  })

  test('of the hardened practice is valid, and a waiver in it too', () => {
    expect(complaints(checked('--practice=hardened').document)).toEqual([])
    expect(run('waive', 'CRT-04', '--practice', '--why', 'until the new ones are issued', '--until', '2026-12-31').status).toBe(0)
    const { document } = checked('--practice')
    expect(complaints(document)).toEqual([])
    expect(document.steps.flatMap((s) => s.findings).filter((f) => f.waiver)).not.toEqual([])
  })

  test('of one step holds that step alone', () => {
    const { document } = checked('--practice=hardened', 'INF-10')
    expect(complaints(document)).toEqual([])
    expect(document.steps.map((s) => s.id)).toEqual(['INF-10'])
  })

  test('of a machine without any talosconfig is valid, and says so by what is null', () => {
    const { status, document } = checked('INF-10')
    expect(complaints(document)).toEqual([])
    expect([status, document.cluster, document.journalHead, document.access]).toEqual([4, null, null, []])
  })
})

describe('the schema', () => {
  const whole = () =>
    structuredClone(checked('--practice=hardened').document) as unknown as Record<string, unknown> & {
      steps: Record<string, unknown>[]
      tools: Record<string, unknown>[]
    }

  test('says what everything is', () => {
    expect(schema.description).toMatch(/promise/)
    for (const [name, property] of Object.entries(schema.properties as Record<string, object>))
      expect([name, 'description' in property || '$ref' in property || 'const' in property]).toEqual([name, true])
  })

  test('takes nothing out, puts nothing in, and knows every word', () => {
    const document = whole()
    for (const key of Object.keys(document)) {
      const { [key]: _, ...rest } = document
      expect([key, complaints(rest).length > 0]).toEqual([key, true])
    }
    expect(complaints({ ...document, surprise: 1 })).not.toEqual([])
    expect(complaints({ ...document, schema: 'talos-preflight/check/v2' })).not.toEqual([])
    expect(complaints({ ...document, steps: document.steps.map((s) => ({ ...s, verdict: 'passed' })) })).not.toEqual([])
    expect(complaints({ ...document, steps: document.steps.map((s) => ({ ...s, why: 'so' })) })).not.toEqual([])
    expect(complaints({ ...document, tools: [{ name: 'age' }] })).not.toEqual([])
    expect(complaints({ ...document, startedAt: 'today' })).not.toEqual([])
  })
})
