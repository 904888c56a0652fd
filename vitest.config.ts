import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    exclude: ['test/real/**', 'node_modules/**'],
    // most of them wait for a process of their own, and with one worker on two cores nothing else would run meanwhile
    maxWorkers: 2,
    // whole runs in a pseudo-terminal wait for content, on a machine that may be busy
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env: { TZ: 'UTC', LANG: 'C.UTF-8' },
  },
})
