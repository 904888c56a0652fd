import { about, type Conclusion, eachFinding, fail, notApplicable, pass, step, unknown, wholeNumber } from '../../../src/contract.ts'
import { type TalosContext, talosContexts } from '../../../src/domain/observations.ts'
import { lasting } from '../../../src/domain/remarks.ts'

const DAY = 86_400_000

interface Policy {
  adminDays: number
  operatorDays: number
  readerDays: number
  renewBeforeDays: number
}

/** The longest life that the policy allows to a role. */
function longest(role: string, policy: Policy): number {
  if (role === 'os:admin' || role === 'os:impersonator') return policy.adminDays
  return role === 'os:operator' ? policy.operatorDays : policy.readerDays
}

const ISSUE = 'talosctl config new FILE --roles ROLE --crt-ttl HOURSh'

function judge(context: TalosContext, policy: Policy, now: Date): Conclusion {
  if (context.ofThisCluster === false) return notApplicable(`context ${context.name} belongs to another cluster`)
  if (!context.certificate)
    return context.managedBy
      ? notApplicable(`context ${context.name} ${context.problem}`)
      : unknown(`context ${context.name} ${context.problem}`, `look at it with: talosctl --talosconfig ${context.file} config info`)
  const role = context.roles[0]
  const left = new Date(context.notAfter).getTime() - now.getTime()
  const life = new Date(context.notAfter).getTime() - new Date(context.notBefore).getTime()
  const whole = Math.floor(life / DAY)
  if (left <= 0)
    return fail(`the certificate of ${context.name} ended ${lasting(-left)} ago`, `remove the context, or get a new one: ${ISSUE}`)
  if (!role)
    return fail(
      `the certificate of ${context.name} has no role that the Talos API knows, so it may call nothing`,
      `get one with a role: ${ISSUE}`,
    )
  if (context.roles.includes('os:impersonator'))
    return fail(`${context.name} may act as any role (os:impersonator), which no person should hold`, `replace it: ${ISSUE}`)
  const allowed = longest(role, policy)
  if (whole > allowed) {
    return fail(
      `${context.name} is ${context.roles.join(' and ')} for ${lasting(life)}, the policy allows ${allowed}`,
      `issue shorter ones: talosctl config new FILE --roles ${role} --crt-ttl ${allowed * 24}h; this one stays valid until ${context.notAfter.slice(0, 10)}`,
    )
  }
  // a certificate of a few days cannot have weeks left: its last quarter is when to renew it
  const renewBefore = Math.min(policy.renewBeforeDays, whole / 4)
  if (left < renewBefore * DAY)
    return fail(`the certificate of ${context.name} ends in ${lasting(left)}`, `renew it into a new file: ${ISSUE}`)
  return pass(`${context.name} is ${context.roles.join(' and ')} for ${lasting(life)}, ${lasting(left)} left`)
}

const lifetime = (label: string, days: number) => wholeNumber(label, { default: days, min: 1, max: 3650, unit: 'days' })

export default step({
  id: 'CRT-04',
  category: 'certificates',
  title: 'talosconfig certificates',
  severity: 'high',
  why: 'A talosconfig cannot be revoked: its lifetime is the only thing that ends a leak.',
  references: [
    { title: 'Talos RBAC', url: 'https://docs.siderolabs.com/talos/v1.13/security/rbac' },
    { title: 'Talos certificate management', url: 'https://docs.siderolabs.com/talos/v1.13/security/cert-management' },
  ],
  questions: {
    adminDays: lifetime('How long may an os:admin certificate live?', 7),
    operatorDays: lifetime('How long may an os:operator certificate live?', 30),
    readerDays: lifetime('How long may a certificate with fewer rights live?', 90),
    renewBeforeDays: wholeNumber('How many days before its end should a certificate be renewed?', {
      default: 14,
      min: 1,
      max: 365,
      unit: 'days',
    }),
  },
  observes: { contexts: talosContexts },
  evaluate: ({ contexts }, policy, { now }) =>
    eachFinding({ contexts }, ({ contexts: seen }) =>
      seen.map((context) => about({ kind: 'context', name: context.name }, judge(context, policy, now))),
    ),
})
