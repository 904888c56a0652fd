import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** On a fresh clone nothing is known of how long a file takes. */
const LONGEST = ['/test/crash/', '/test/equivalence/', '/test/terminal/', '/test/secrets/']

/** What takes long begins first, so that no worker has it left when the others are done. */
class Order extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.findIndex((folder) => moduleId.includes(folder))
      return at < 0 ? LONGEST.length : at
    }
    return files.toSorted((a, b) => place(a) - place(b) || a.moduleId.localeCompare(b.moduleId))
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    exclude: ['test/real/**', 'node_modules/**'],
    // most of them wait for a process of their own, and with one worker on two cores nothing else would run meanwhile
    maxWorkers: 3,
    sequence: { sequencer: Order },
    // whole runs in a pseudo-terminal wait for content, on a machine that may be busy
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env: { TZ: 'UTC', LANG: 'C.UTF-8' },
  },
})
