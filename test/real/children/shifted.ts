import { runProgram } from './program.ts'

/** The program on a machine whose clock is off: `shifted.ts SECONDS -- ARGUMENTS`. */

const [seconds, , ...argv] = process.argv.slice(2)
await runProgram(argv, (system) => ({
  ...system,
  clock: { ...system.clock, now: () => new Date(system.clock.now().getTime() + Number(seconds) * 1000) },
}))
