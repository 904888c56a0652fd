import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { PracticeState } from '../../src/practice/state.ts'
import { run } from '../crash/run.ts'
import { cleanUp, temporaryFolder } from '../support/terminal.ts'

afterAll(cleanUp)

test.each(['cp1', 'cp2'])('an API server that starts anew on %s comes back for whoever keeps looking', async (name) => {
  const folder = join(temporaryFolder(), 'practice')
  const file = join(folder, 'practice.json')
  await run(folder, ['doctor'])
  const state: PracticeState = JSON.parse(readFileSync(file, 'utf8'))
  const since = new Date(new Date(state.now).getTime() - 10_000).toISOString()
  const nodes = state.nodes.map((n) => (n.name === name ? { ...n, apiServer: { starts: n.apiServer.starts + 1, since } } : n))
  writeFileSync(file, JSON.stringify({ ...state, nodes }))
  const away = /connection refused/
  expect((await run(folder, ['check', 'ACC-07', '--all'])).said).toMatch(away)
  for (let look = 0; look < 5; look++) await run(folder, ['check'])
  expect((await run(folder, ['check', 'ACC-07', '--all'])).said).not.toMatch(away)
})
