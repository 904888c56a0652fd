import { Readable, Writable } from 'node:stream'
import { parse } from '../../src/cli/args.ts'
import { openPlace } from '../../src/cli/place.ts'
import { openWorld, type World } from '../../src/cli/world.ts'
import type { System } from '../../src/system/ports.ts'
import { cleanEnvironment, ROOT, temporaryFolder } from './terminal.ts'

/** The simulated world in this process, in a folder of its own. */
export async function practiceWorld(wrap: (system: System) => System = (s) => s, home = temporaryFolder()): Promise<World> {
  const parsed = parse(['check', '--practice'])
  const io = {
    stdin: Readable.from([]),
    stdout: new Writable(),
    stderr: new Writable(),
    env: cleanEnvironment(home),
    cwd: home,
    onSignal: () => () => undefined,
  }
  const place = await openPlace(parsed, io, wrap)
  return openWorld({ name: 'talos-preflight', version: '0.1.0', root: ROOT }, place, parsed, 'talos-preflight')
}
