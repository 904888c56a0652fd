import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { SHORT_RUN } from './cluster.ts'
import { Etcd } from './etcd.ts'
import { eventually } from './nodes.ts'

/** The status that curl gets without a credential; 0 where there was none. */
export function curl(url: string): number {
  const { stdout } = spawnSync(
    'curl',
    ['--insecure', '--silent', '--max-time', '10', '--output', '/dev/null', '--write-out', '%{http_code}', url],
    {
      encoding: 'utf8',
    },
  )
  return Number(stdout)
}

/** It switches anonymous requests off by itself where everything is allowed, so a policy has to allow it. */
const POLICY = {
  apiVersion: 'abac.authorization.kubernetes.io/v1beta1',
  kind: 'Policy',
  spec: { group: 'system:unauthenticated', nonResourcePath: '*', readonly: true },
}

/** An API server without Talos, on 6443 of this address, that lets everybody in; the returned function ends it. */
export async function anonymousApiServerOn(address: string, opens: 'everything' | 'nothing more'): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'tp-api-server-'))
  const etcd = await Etcd.start('3.6')
  const key = join(folder, 'service-account.key')
  execFileSync('openssl', ['genrsa', '-out', key, '2048'], { stdio: 'ignore' })
  const policy = join(folder, 'policy')
  writeFileSync(policy, JSON.stringify(POLICY))
  const args = {
    'anonymous-auth': 'true',
    ...(opens === 'everything' ? { 'authorization-mode': 'ABAC', 'authorization-policy-file': policy } : { 'authorization-mode': 'RBAC' }),
    'etcd-servers': etcd.url,
    'bind-address': address,
    'secure-port': '6443',
    'cert-dir': folder,
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': key,
    'service-account-signing-key-file': key,
    'service-cluster-ip-range': '10.96.0.0/12',
  }
  const child: ChildProcess = spawn(
    join(inject('bin'), 'kube-apiserver'),
    Object.entries(args).map(([k, v]) => `--${k}=${v}`),
    { stdio: 'ignore', env: SHORT_RUN },
  )
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await etcd.leave()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await eventually('the API server is ready', () => (curl(`https://${address}:6443/readyz`) === 200 ? true : undefined))
  } catch (error) {
    await end()
    throw error
  }
  return end
}
