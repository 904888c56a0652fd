/** The simulated worlds there are. */
export const SCENARIOS = ['default', 'hardened'] as const
export type Scenario = (typeof SCENARIOS)[number]
