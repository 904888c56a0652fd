import { readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Real tools and real nodes. Two files run side by side, and each has the nodes of its version to itself: nearly all of their time is
 * waiting. What needs no node is a project of its own.
 */

const WITHOUT_NODES = ['audit-evaluator', 'merging', 'sealing', 'snapshot', 'strict-check'].map((name) => `test/real/${name}.test.ts`)

/** Clusters with Kubernetes come up beside other files, so those that want them come last; the longest come first. */
class Order extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const texts = new Map(files.map((f) => [f, readFileSync(f.moduleId, 'utf8')]))
    const text = (file: TestSpecification) => texts.get(file) ?? ''
    const rank = (file: TestSpecification) =>
      file.project.name === 'tools' ? 0 : text(file).includes("from './support/kubernetes.ts'") ? 2 : 1
    return files.toSorted(
      (a, b) =>
        rank(a) - rank(b) ||
        text(b).length - text(a).length ||
        a.moduleId.localeCompare(b.moduleId) ||
        a.project.name.localeCompare(b.project.name),
    )
  }
}

export default defineConfig({
  test: {
    testTimeout: 240_000,
    hookTimeout: 600_000,
    globalSetup: ['test/real/clusters.ts'],
    env: { TZ: 'UTC', LANG: 'C.UTF-8' },
    maxWorkers: 2,
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
          setupFiles: ['test/real/support/turn.ts'],
        },
      })),
    ],
  },
})
