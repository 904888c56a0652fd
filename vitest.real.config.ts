import { defineConfig } from 'vitest/config'

/** Real tools and real nodes: one file after the other, because they share two clusters. */
export default defineConfig({
  test: {
    include: ['test/real/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 600_000,
    globalSetup: ['test/real/clusters.ts'],
    env: { TZ: 'UTC', LANG: 'C.UTF-8' },
  },
})
