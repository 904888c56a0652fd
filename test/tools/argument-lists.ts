import type { VerbName, Verbs } from '../../src/domain/verbs.ts'
import type { Verb } from '../../src/tools/verb.ts'

/** The argument lists that are run, as they are run. Node calls get `--talosconfig --context --nodes` in front. */

type Marks = Partial<Pick<Verb<unknown>, 'needs' | 'secret' | 'terminal' | 'kubernetes'>> & {
  nodes?: string[]
  cwd?: string
  changes?: boolean
  input?: string
}

export type Expected<N extends VerbName = VerbName> = { [V in N]: [Verbs[V], string[], Marks] }

export const patches = [{ machine: { sysctls: { 'net.ipv4.tcp_syncookies': '1' } } }, { kind: 'SysctlConfig', $patch: 'delete' }]

export const OF_TALOSCTL: Expected<Extract<VerbName, `talosctl.${string}`>> = {
  'talosctl.clientVersion': [{}, ['talosctl', 'version', '--client', '--short'], {}],
  'talosctl.version': [{ node: '10.0.0.1' }, ['talosctl', 'version', '--short'], { needs: ['os:reader'], nodes: ['10.0.0.1'] }],
  'talosctl.members': [
    { node: '10.0.0.1' },
    ['talosctl', 'get', 'members.cluster.talos.dev', '-o', 'json'],
    { needs: ['os:reader'], nodes: ['10.0.0.1'] },
  ],
  'talosctl.infos': [{}, ['talosctl', 'get', 'infos.cluster.talos.dev', '-o', 'json'], { needs: ['os:reader'], nodes: [] }],
  'talosctl.kernelParams': [
    { nodes: ['10.0.0.1', '10.0.0.2'] },
    ['talosctl', 'get', 'kernelparamstatuses.runtime.talos.dev', '-o', 'json'],
    { needs: ['os:reader'], nodes: ['10.0.0.1', '10.0.0.2'] },
  ],
  'talosctl.list': [
    { nodes: ['10.0.0.1'], path: '/proc/sys/net/ipv4' },
    ['talosctl', 'list', '/proc/sys/net/ipv4'],
    { needs: ['os:reader'], nodes: ['10.0.0.1'] },
  ],
  'talosctl.machineConfig': [
    { node: '10.0.0.1' },
    ['talosctl', 'get', 'machineconfigs.config.talos.dev', 'v1alpha1', '-o', 'jsonpath={.spec}'],
    { needs: ['os:admin'], nodes: ['10.0.0.1'], secret: true },
  ],
  'talosctl.etcdMembers': [
    { node: '10.0.0.1' },
    ['talosctl', 'etcd', 'members'],
    { needs: ['os:reader', 'os:etcd:backup'], nodes: ['10.0.0.1'] },
  ],
  'talosctl.etcdStatus': [
    { nodes: ['10.0.0.1'] },
    ['talosctl', 'etcd', 'status'],
    { needs: ['os:reader', 'os:etcd:backup'], nodes: ['10.0.0.1'] },
  ],
  'talosctl.staticPods': [
    { nodes: ['10.0.0.1'] },
    ['talosctl', 'get', 'staticpods.kubernetes.talos.dev', '-o', 'json'],
    { needs: ['os:reader'], nodes: ['10.0.0.1'] },
  ],
  'talosctl.snapshot': [
    { node: '10.0.0.1', path: '/memory/db.snapshot' },
    ['talosctl', 'etcd', 'snapshot', '/memory/db.snapshot'],
    { needs: ['os:etcd:backup'], nodes: ['10.0.0.1'] },
  ],
  'talosctl.newBundle': [{}, ['talosctl', 'gen', 'secrets', '--output-file', '-'], { secret: true }],
  'talosctl.bundleFrom': [
    { config: '/memory/controlplane.yaml' },
    ['talosctl', 'gen', 'secrets', '--from-controlplane-config', '/memory/controlplane.yaml', '--output-file', '-'],
    { secret: true },
  ],
  'talosctl.controllerLog': [
    { node: '10.0.0.1', about: 'sysctl' },
    ['talosctl', 'logs', 'controller-runtime', '--tail', '200'],
    { needs: ['os:reader'], nodes: ['10.0.0.1'] },
  ],
  'talosctl.patch': [
    { node: '10.0.0.1', patches, dryRun: false },
    [
      'talosctl',
      'patch',
      'machineconfigs.config.talos.dev',
      'v1alpha1',
      '--mode',
      'no-reboot',
      '--patch',
      '{"machine":{"sysctls":{"net.ipv4.tcp_syncookies":"1"}}}',
      '--patch',
      '{"kind":"SysctlConfig","$patch":"delete"}',
    ],
    { needs: ['os:admin'], nodes: ['10.0.0.1'], secret: true, changes: true },
  ],
  'talosctl.merge': [
    { config: '/memory/config.yaml', patches: patches.slice(0, 1) },
    ['talosctl', 'machineconfig', 'patch', '/memory/config.yaml', '--patch', '{"machine":{"sysctls":{"net.ipv4.tcp_syncookies":"1"}}}'],
    { secret: true },
  ],
  'talosctl.machineLog': [{ node: '10.0.0.1' }, ['talosctl', 'logs', 'machined'], { needs: ['os:reader'], nodes: ['10.0.0.1'] }],
  'talosctl.podLog': [
    { node: '10.0.0.1', pod: 'kube-apiserver-cp1', container: 'kube-apiserver' },
    ['talosctl', 'logs', '--kubernetes', 'kube-system/kube-apiserver-cp1:kube-apiserver', '--tail', '50'],
    { needs: ['os:reader'], nodes: ['10.0.0.1'] },
  ],
  'talosctl.configs': [
    { nodes: ['10.0.0.1', '10.0.0.2'] },
    ['talosctl', 'get', 'machineconfigs.config.talos.dev', '-o', 'json'],
    { needs: ['os:admin'], nodes: ['10.0.0.1', '10.0.0.2'], secret: true },
  ],
  'talosctl.sockets': [
    { nodes: ['10.0.0.1'] },
    ['talosctl', 'netstat', '--all', '--tcp', '--udp', '--programs', '--pods'],
    { needs: ['os:reader'], nodes: ['10.0.0.1'] },
  ],
  'talosctl.firewallChains': [
    { nodes: ['10.0.0.1', '10.0.0.2'] },
    ['talosctl', 'get', 'nftableschains.net.talos.dev', '-o', 'json'],
    { needs: ['os:reader'], nodes: ['10.0.0.1', '10.0.0.2'] },
  ],
  'talosctl.admission': [
    { nodes: ['10.0.0.1', '10.0.0.2'] },
    ['talosctl', 'get', 'admissioncontrolconfigs.kubernetes.talos.dev', '-o', 'json'],
    { needs: ['os:reader'], nodes: ['10.0.0.1', '10.0.0.2'] },
  ],
  'talosctl.auditPolicy': [
    { nodes: ['10.0.0.1', '10.0.0.2'] },
    ['talosctl', 'get', 'auditpolicyconfigs.kubernetes.talos.dev', '-o', 'json'],
    { needs: ['os:admin'], nodes: ['10.0.0.1', '10.0.0.2'] },
  ],
  'talosctl.networks': [
    { nodes: ['10.0.0.1', '10.0.0.2'] },
    ['talosctl', 'get', 'controllermanagerconfigs.kubernetes.talos.dev', '-o', 'json'],
    { needs: ['os:reader'], nodes: ['10.0.0.1', '10.0.0.2'] },
  ],
  'talosctl.operators': [
    { nodes: ['10.0.0.1', '10.0.0.2'] },
    ['talosctl', 'get', 'operatorspecs.net.talos.dev', '-o', 'json'],
    { needs: ['os:admin'], nodes: ['10.0.0.1', '10.0.0.2'] },
  ],
  'talosctl.try': [
    { node: '10.0.0.1', patches, seconds: 75 },
    [
      'talosctl',
      'patch',
      'machineconfigs.config.talos.dev',
      'v1alpha1',
      '--mode',
      'try',
      '--timeout',
      '75s',
      '--patch',
      '{"machine":{"sysctls":{"net.ipv4.tcp_syncookies":"1"}}}',
      '--patch',
      '{"kind":"SysctlConfig","$patch":"delete"}',
    ],
    { needs: ['os:admin'], nodes: ['10.0.0.1'], secret: true, changes: true },
  ],
}

export const OF_OTHERS: Expected<Extract<VerbName, `age.${string}` | `git.${string}`>> = {
  'age.version': [{}, ['age', '--version'], {}],
  'age.encrypt': [
    { recipients: ['age1a', 'ssh-ed25519 AAAA ann@desk'] },
    ['age', '--recipient', 'age1a', '--recipient', 'ssh-ed25519 AAAA ann@desk'],
    {},
  ],
  'age.decrypt': [{ identity: '/home/identity' }, ['age', '--decrypt', '--identity', '/home/identity'], { secret: true }],
  'age.keygen': [{}, ['age-keygen'], { secret: true }],
  'age.recipientOf': [{ identity: '/home/identity' }, ['age-keygen', '-y', '/home/identity'], {}],
  'age.protect': [{ output: '/home/identity' }, ['age', '--passphrase', '--armor', '--output', '/home/identity'], { terminal: true }],
  'git.root': [{ folder: '/w' }, ['git', 'rev-parse', '--show-toplevel'], { cwd: '/w' }],
  'git.tracked': [{ folder: '/w' }, ['git', 'ls-files', '-z'], { cwd: '/w' }],
  'git.ignored': [{ folder: '/w', paths: [] }, ['git', 'check-ignore', '-z', '--stdin'], { cwd: '/w' }],
  'git.objects': [
    { folder: '/w' },
    ['git', 'cat-file', '--batch-all-objects', '--unordered', '--batch-check=%(objectname) %(objecttype) %(objectsize)'],
    { cwd: '/w' },
  ],
  'git.contents': [{ folder: '/w' }, ['git', 'cat-file', '--batch', '--buffer'], { cwd: '/w' }],
  'git.whoBrought': [
    { folder: '/w', object: '0123abcd' },
    [
      'git',
      'log',
      '--all',
      '--reverse',
      '--format=%h',
      '--name-only',
      '-z',
      '--find-object=0123abcd',
      '--diff-filter=AM',
      '--max-count=20',
    ],
    { cwd: '/w' },
  ],
}
