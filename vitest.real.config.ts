import { readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { placeOf, usedBy } from './test/real/support/cluster.ts'

/**
 * Real tools and real nodes. Nearly all of the time is waiting, so files run side by side, and each has the cluster that it uses to
 * itself. What needs no node is a project of its own.
 */

const WITHOUT_NODES = ['audit-evaluator', 'merging', 'sealing', 'snapshot', 'strict-check'].map((name) => `test/real/${name}.test.ts`)

/** The files of each cluster in turn, so that none of them stands in the way of those of another. */
class Order extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const textOf = new Map(files.map((f) => [f, readFileSync(f.moduleId, 'utf8')]))
    const place = (file: TestSpecification) => placeOf(file.moduleId, textOf.get(file) ?? '')
    const lanes = Map.groupBy(files, (f) => `${f.project.name} ${usedBy(textOf.get(f) ?? '')}`)
    const places = new Map<TestSpecification, number>()
    for (const lane of lanes.values())
      for (const [at, file] of lane.toSorted((a, b) => place(a) - place(b) || a.moduleId.localeCompare(b.moduleId)).entries())
        places.set(file, at)
    return files.toSorted((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0) || a.project.name.localeCompare(b.project.name))
  }
}

export default defineConfig({
  test: {
    testTimeout: 240_000,
    hookTimeout: 600_000,
    globalSetup: ['test/real/clusters.ts'],
    setupFiles: ['test/real/support/turn.ts'],
    env: { TZ: 'UTC', LANG: 'C.UTF-8' },
    // what waits for its turn must not keep what could run from starting
    maxWorkers: 24,
    sequence: { sequencer: Order },
    projects: [
      { extends: true, test: { name: 'tools', include: WITHOUT_NODES } },
      ...(['1.13', '1.14'] as const).map((version) => ({
        extends: true as const,
        test: {
          name: version,
          include: ['test/real/**/*.test.ts'],
          exclude: WITHOUT_NODES,
          provide: { version },
        },
      })),
    ],
  },
})
