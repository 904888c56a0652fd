import { about, type Conclusion, type Evidence, eachFinding, type Finding, fail, one, pass, step, unknown } from '../../../src/contract.ts'
import { type AnonymousBinding, anonymousBindings } from '../../../src/domain/kubernetes.ts'
import { members } from '../../../src/domain/observations.ts'
import { factsFor } from '../../../src/domain/versions.ts'
import {
  type AnonymousAnswers,
  anonymousAnswers,
  HEALTH_PATHS,
  type KubeletAccess,
  kubeletAccess,
  type NoAnswer,
} from '../../../src/domain/wire.ts'

const REJECTED = 401
/** Somebody was let in as system:anonymous, and only then was it looked whether they may. */
const FORBIDDEN = 403
/** Kubernetes makes this one itself. https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles */
const BUILT_IN = 'system:public-info-viewer'

const WHY: Record<NoAnswer, string> = {
  refused: 'connection refused',
  silent: 'does not open from here',
  mute: 'opens, and nothing comes',
  'not tls': 'speaks no TLS',
  'not http': 'speaks no HTTP',
  'certificate required': 'wants a client certificate before it reads a request',
  aborted: 'stopped',
}

type Service = AnonymousAnswers[number]['service']

const CLOSE: Record<Service, string> = {
  'kube-apiserver':
    'take anonymous-auth out of cluster.apiServer.extraArgs; from Talos 1.14 on let KubeAuthenticationConfig name the three health paths only',
  kubelet: 'take authentication.anonymous out of machine.kubelet.extraConfig',
}

const paths = (list: readonly (readonly [string, unknown])[]): string => list.map(([path]) => path).join(', ')

/** @param healthIsOpen whether this version of Talos opens the health paths; undefined where the version is not known */
function judgeService({ service, answers }: AnonymousAnswers[number], healthIsOpen: boolean | undefined): Conclusion {
  const all = Object.entries(answers)
  const numbers = all.filter((e): e is [string, number] => typeof e[1] === 'number')
  const silent = all.filter((e): e is [string, NoAnswer] => typeof e[1] === 'string')
  const why = [...new Set(silent.map(([, answer]) => WHY[answer]))].join(', ')
  const isHealth = ([path]: readonly [string, unknown]) => service === 'kube-apiserver' && HEALTH_PATHS.includes(path)
  const answered = numbers.filter(([, status]) => status < 400)
  const open = answered.filter((e) => !isHealth(e) || healthIsOpen === false)
  if (open.length > 0) return fail(`${service} answers ${paths(open)} to anybody`, CLOSE[service])
  // where the health paths are open by themselves, these may be refused as long as it starts
  const known = numbers.filter((e) => e[1] === FORBIDDEN && !(isHealth(e) && healthIsOpen !== false))
  if (known.length > 0)
    return fail(
      `${service} lets everybody in as system:anonymous and only then refuses ${paths(known)} (403): one wrong binding opens it`,
      CLOSE[service],
    )
  if (numbers.length === 0) {
    if (silent.length > 0 && silent.every(([, answer]) => answer === 'certificate required')) return pass(`${service} ${why}`)
    return unknown(`${service}: ${why || 'was not asked'}`, 'look from where it can be reached')
  }
  const strange = numbers.filter((e) => e[1] !== REJECTED && !(e[1] === FORBIDDEN || e[1] < 400))
  if (strange.length > 0)
    return unknown(`${service} answers ${strange.map(([path, status]) => `${path} with ${status}`).join(', ')}`, 'look again when it is up')
  if (silent.length > 0)
    return unknown(
      `${service} rejects ${numbers.length} of ${all.length} requests, and there is no answer to ${paths(silent)}: ${why}`,
      'look again',
    )
  if (answered.length === 0) return pass(`${service} rejects every request without a credential`)
  if (healthIsOpen) return pass(`${service} rejects every request without a credential but ${paths(answered)}`)
  return unknown(
    `${service} answers ${paths(answered)} to anybody: right from Talos 1.14 on and wrong before, and the version of the node is not known`,
    'see its version: talosctl version',
  )
}

/** A kubelet that cannot be asked from here, by the configuration that it runs with. */
function judgeConfig({ anonymous, authorization, readOnlyPort }: KubeletAccess): Conclusion {
  if (anonymous) return fail('kubelet does not open from here, and lets in whoever does not sign in', CLOSE.kubelet)
  if (authorization !== 'Webhook')
    return fail(`kubelet does not open from here, and lets everybody do everything (${authorization})`, CLOSE.kubelet)
  if (readOnlyPort > 0)
    return fail(`kubelet has a port ${readOnlyPort} without any sign-in`, 'take readOnlyPort out of machine.kubelet.extraConfig')
  return pass('kubelet does not open from here; what it runs with rejects every request without a credential')
}

/** A ClusterRoleBinding can name a ClusterRole only; a RoleBinding may name a Role of its namespace that is called the same. */
function judgeBinding({ kind, name, role, subject }: AnonymousBinding): Conclusion {
  const object = { kind, name }
  if (role === BUILT_IN && kind === 'ClusterRoleBinding')
    return about(object, pass(`gives ${subject} the version and the health paths, and nothing else`))
  const at = `${kind.toLowerCase()} ${name.split('/').toReversed().join(' -n ')}`
  return about(
    object,
    fail(
      `gives ${role} to everybody (${subject})`,
      `see who else needs it: kubectl get ${at} -o yaml; then take ${subject} out of it, or: kubectl delete ${at}`,
    ),
  )
}

export default step({
  id: 'ACC-07',
  category: 'access',
  title: 'Anonymous requests rejected',
  severity: 'critical',
  why: 'What answers without asking who is there answers to everybody who can reach it.',
  references: [
    {
      title: 'Kubernetes, anonymous requests',
      url: 'https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-requests',
    },
    { title: 'CIS Kubernetes Benchmark 1.2.1, 4.2.1', url: 'https://www.cisecurity.org/benchmark/kubernetes' },
  ],
  observes: { answers: anonymousAnswers, bindings: anonymousBindings, kubelets: kubeletAccess, members },

  evaluate: ({ answers, bindings, kubelets, members: seen }): Finding[] => {
    const known = one(seen)
    const ofConfigs = new Map<string, Evidence[]>()
    const asked = eachFinding({ answers }, ({ answers: services }, node) => {
      const version = known.ok ? known.value.find((m) => m.name === node.name)?.version : undefined
      const config = kubelets.find((k) => k.object.name === node.name)?.look
      return services.map((s) => {
        const port = { kind: 'port', name: `${node.name}:${s.port}` }
        const isShut = s.service === 'kubelet' && Object.values(s.answers).every((a) => a === 'silent')
        if (!isShut || !config?.ok) return about(port, judgeService(s, version ? (factsFor(version)?.anonymousHealth ?? false) : undefined))
        ofConfigs.set(port.name, config.evidence)
        return about(port, judgeConfig(config.value))
      })
    }).map((f) => ({ ...f, evidence: [...f.evidence, ...(ofConfigs.get(f.object.name) ?? [])] }))
    const role = { kind: 'bindings', name: 'bindings to everybody' }
    const bound = eachFinding({ bindings }, ({ bindings: found }) =>
      found.length > 0 ? found.map(judgeBinding) : [about(role, pass('no binding names system:anonymous or system:unauthenticated'))],
    ).map((f) => (f.object.kind === 'cluster' ? { ...f, object: role } : f))
    return [...asked, ...bound]
  },
})
