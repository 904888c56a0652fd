import { afterEach, expect, test } from 'vitest'
import { cleanUp, Terminal } from '../support/terminal.ts'

afterEach(cleanUp)

test('how long it takes to the first frame, and from q to the restored terminal, is printed and not judged', async () => {
  const first: number[] = []
  const quit: number[] = []
  for (let i = 0; i < 5; i++) {
    const begun = performance.now()
    const terminal = new Terminal()
    await terminal.until('enter practise')
    const shown = performance.now()
    terminal.press('q')
    await terminal.end()
    first.push(shown - begun)
    quit.push(performance.now() - shown)
  }
  const median = (values: number[]) => Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0)
  console.info(`first frame ${median(first)} ms, quit to restored terminal ${median(quit)} ms (medians of ${first.length})`)
  expect(first).toHaveLength(5)
})
