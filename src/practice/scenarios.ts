/** The simulated worlds there are. */
export const SCENARIOS = ['default', 'hardened'] as const
export type Scenario = (typeof SCENARIOS)[number]

/** The code of the error where something outside of practice's folder is named: nothing there is read or written. */
export const OUTSIDE = 'EOUTSIDE'
