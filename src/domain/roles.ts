/**
 * The roles of the Talos API, carried as Organization values of a client certificate.
 * https://docs.siderolabs.com/talos/v1.13/security/rbac
 */

/** Strongest first: a certificate with several roles is as strong as the first one it holds. */
const BY_STRENGTH = [
  'os:admin',
  'os:impersonator',
  'os:operator',
  'os:reader',
  'os:etcd:backup',
  'os:meta:writer',
  'os:image:verifier',
] as const

/** Roles that an observation or a change can ask for. */
export type NeededRole = 'os:admin' | 'os:operator' | 'os:reader' | 'os:etcd:backup'

const SATISFIES: Record<NeededRole, readonly string[]> = {
  'os:admin': ['os:admin', 'os:impersonator'],
  'os:operator': ['os:operator', 'os:admin', 'os:impersonator'],
  'os:reader': ['os:reader', 'os:operator', 'os:admin', 'os:impersonator'],
  'os:etcd:backup': ['os:etcd:backup', 'os:operator', 'os:admin', 'os:impersonator'],
}

/** The organizations of a certificate that the API knows as roles, strongest first; others are ignored, as Talos does. */
export function knownRoles(organizations: readonly string[]): string[] {
  return BY_STRENGTH.filter((role) => organizations.includes(role))
}

/** `needed` names roles each of which will do. */
export function mayDo(roles: readonly string[], needed: readonly NeededRole[]): boolean {
  return roles.some((role) => needed.some((n) => SATISFIES[n].includes(role)))
}

/** Orders credentials so that the weakest one that will do is taken first. Lower is weaker. */
export function strength(roles: readonly string[]): number {
  const index = BY_STRENGTH.findIndex((role) => roles.includes(role))
  return index < 0 ? 0 : BY_STRENGTH.length - index
}
