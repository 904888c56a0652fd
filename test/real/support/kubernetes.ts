import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { inject } from 'vitest'
import { ALONE, type RealCluster, SHORT_RUN, type Version, WITH_KUBERNETES, wantedOf } from './cluster.ts'
import type { Told } from './nodes.ts'
import { running } from './on-demand.ts'

/** Clusters with Kubernetes: `cp1` and `w1`, each of them ready. They are started for the first file that imports this, beside others. */

export interface KubernetesCluster extends RealCluster {
  kubeconfig: string
}

const checked = (cluster: RealCluster): KubernetesCluster => {
  if (!cluster.kubeconfig) throw new Error(`${cluster.name} has no kubeconfig`)
  return { ...cluster, kubeconfig: cluster.kubeconfig }
}

/** For `beforeAll`: it takes minutes where nobody has begun it yet. */
export const kubernetesOf = async (version: Version): Promise<KubernetesCluster> =>
  checked(await running(wantedOf(WITH_KUBERNETES, version)))

/** The one that has no worker. */
export const aloneOf = async (version: Version): Promise<KubernetesCluster> => checked(await running(wantedOf(ALONE, version)))

/** kubectl as an admin, past the program. */
export function kubectl(cluster: KubernetesCluster, args: readonly string[], input = ''): Told {
  const ran = spawnSync(join(inject('bin'), 'kubectl'), ['--kubeconfig', cluster.kubeconfig, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...SHORT_RUN },
    input,
    timeout: 60_000,
  })
  return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr }
}

/** What it printed. */
export function mustKubectl(cluster: KubernetesCluster, args: readonly string[], input = ''): string {
  const told = kubectl(cluster, args, input)
  if (told.code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${told.code}: ${told.stderr}`)
  return told.stdout
}
