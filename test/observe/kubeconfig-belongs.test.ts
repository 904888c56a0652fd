import { afterAll, describe, expect, test } from 'vitest'
import { kubernetesProblem } from '../../src/observe/kubernetes-looks.ts'
import type { Handshake, Network } from '../../src/system/ports.ts'
import { workshop } from '../system/servers.ts'
import { type Answer, listOf, takingOf } from './taking.ts'

/** A kubeconfig of another cluster would be asked, and changed, in the place of this one. */

const shop = workshop()
afterAll(shop.remove)
const ca = shop.authority('/O=kubernetes', 'Ed25519')
const other = shop.authority('/O=kubernetes', 'Ed25519')
const leaf = ca.issue('/CN=kube-apiserver').der

const nodes = (...addresses: string[]) =>
  listOf(addresses.map((address, i) => ({ metadata: { name: `n${i}` }, status: { addresses: [{ type: 'InternalIP', address }] } })))
const showing = (...certificates: Buffer[]): Partial<Network> => ({
  handshake: async (): Promise<Handshake> => ({
    answer: 'tls',
    protocol: 'TLSv1.3',
    certificates,
    accepts: ['TLSv1.3'],
    unclear: [],
    authorities: [],
    asksForCertificate: 'optional',
  }),
})
const problem = (
  network: Partial<Network>,
  answer: Answer = { stdout: nodes('10.0.0.1', '10.0.0.11') },
  own: readonly Buffer[] = [ca.der],
) => kubernetesProblem(takingOf(() => answer, { network }).taking, own)

describe('a kubeconfig', () => {
  test('belongs to the cluster whose control plane shows a certificate of its CA, and whose nodes it lists', async () => {
    expect(await problem(showing(leaf))).toBeUndefined()
    expect(await problem(showing(leaf, ca.der))).toBeUndefined()
  })

  test('of another CA is of another cluster, also where that CA has the same name', async () => {
    const why = 'the kubeconfig is of another cluster: 6443 of the control planes shows a certificate of another CA'
    expect(await problem(showing(other.issue('/CN=kube-apiserver').der))).toBe(why)
    expect(await problem(showing(leaf), undefined, [other.der])).toBe(why)
  })

  test('whose nodes are none of ours is of another cluster', async () => {
    expect(await problem(showing(leaf), { stdout: nodes('10.9.0.1', '10.9.0.2') })).toBe(
      'the kubeconfig is of another cluster: none of its nodes (n0, n1) is a control plane of this one',
    )
  })

  test('that may not list nodes is judged by its CA alone', async () => {
    expect(await problem(showing(leaf), { exitCode: 1, stderr: 'Error from server (Forbidden): nodes is forbidden\n' })).toBeUndefined()
  })

  test.each<[string, Partial<Network>, readonly Buffer[]]>([
    ['6443 of no control plane answers from here', {}, [ca.der]],
    ['6443 of no control plane answers from here', { handshake: async () => ({ answer: 'mute' }) }, [ca.der]],
    ['it holds no CA of the API server', showing(leaf), []],
  ])('is not used where that is not known: %s', async (why, network, own) => {
    expect(await problem(network, undefined, own)).toBe(`it is not known whether the kubeconfig belongs to this cluster: ${why}`)
  })

  test('is not used where no control plane is known', async () => {
    const { taking } = takingOf(() => ({}), { network: showing(leaf) })
    const caller = { ...taking.caller, access: [] }
    const nobody = { ...taking, caller, members: async () => ({ ok: false as const, reason: 'nobody answers', evidence: [] }) }
    expect(await kubernetesProblem(nobody, [ca.der])).toBe(
      'it is not known whether the kubeconfig belongs to this cluster: no control plane is known',
    )
  })
})
