// npm run docs: puts the help of every command into its page below docs/commands.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { helpFor } from '../src/cli/args.ts'
import { COMMANDS } from '../src/cli/commands.ts'

const folder = fileURLToPath(new URL('../docs/commands', import.meta.url))
mkdirSync(folder, { recursive: true })
const BLOCK = /```text\n[\s\S]*?```/
for (const command of COMMANDS) {
  const path = `${folder}/${command.name}.md`
  const text = existsSync(path) ? readFileSync(path, 'utf8') : `# ${command.name}\n\n\`\`\`text\n\`\`\`\n`
  writeFileSync(
    path,
    text.replace(BLOCK, () => `\`\`\`text\n${helpFor(command)}\`\`\``),
  )
}
