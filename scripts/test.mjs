// npm test and its sisters: sets up where needed, then runs vitest with the packaged Node.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { setUp } from './setup.mjs'

const { root, node } = setUp()
const child = spawnSync(node, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)], {
  stdio: 'inherit',
  cwd: root,
})
process.exit(child.status ?? 1)
