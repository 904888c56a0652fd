import { realSystem } from '../../../src/cli/place.ts'
import { createCaller } from '../../../src/tools/caller.ts'

/** Makes an identity and protects it with a passphrase: `protect.ts OUTPUT`. Needs a terminal, on which age asks. */

const caller = createCaller(realSystem({ env: process.env, cwd: process.cwd() }), [])
const made = await caller.run('age.keygen', {})
const ran = await caller.run('age.protect', { output: process.argv[2] ?? '' }, { input: made.stdout })
process.stdout.write(ran.ok ? 'protected\n' : `not protected: ${ran.reason}\n`)
