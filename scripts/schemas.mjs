// Writes schemas/preflight.schema.json from the declaration that the program itself reads profiles by.
import { writeFile } from 'node:fs/promises'
import { profileSchema } from '../src/domain/profile.ts'

const path = new URL('../schemas/preflight.schema.json', import.meta.url)
await writeFile(path, `${JSON.stringify(profileSchema(), null, 2)}\n`)
process.stdout.write('wrote schemas/preflight.schema.json\n')
