import { parseAllDocuments } from 'yaml'
import certificates from './certificates.json' with { type: 'json' }
import { inventedPem, inventedSecret, inventedToken } from './state.ts'

/** Secrets bundles of the simulated world, in the shape of `talosctl gen secrets`. Their keys are invented and open nothing. */

const base64 = (text: string): string => Buffer.from(text).toString('base64')

interface Values {
  id: string
  secret: string
  bootstrap: string
  secretbox: string
  token: string
  cas: Record<'etcd' | 'k8s' | 'k8saggregator' | 'os', { crt: string; key: string }>
  serviceAccount: string
}

function text(v: Values): string {
  const pair = (name: keyof Values['cas']) => `    ${name}:\n        crt: ${v.cas[name].crt}\n        key: ${v.cas[name].key}\n`
  return [
    `cluster:\n    id: ${v.id}\n    secret: ${v.secret}\n`,
    `secrets:\n    bootstraptoken: ${v.bootstrap}\n    secretboxencryptionsecret: ${v.secretbox}\n`,
    `trustdinfo:\n    token: ${v.token}\n`,
    `certs:\n${pair('etcd')}${pair('k8s')}${pair('k8saggregator')}    k8sserviceaccount:\n        key: ${v.serviceAccount}\n${pair('os')}`,
  ].join('')
}

/** A new bundle has other keys and another CA than the cluster; the certificates are those of its etcd, which nobody compares here. */
export function newBundle(): string {
  const key = (name: string) => base64(inventedPem('EC PRIVATE KEY', `new ${name} key`))
  return text({
    id: inventedSecret('new cluster id'),
    secret: inventedSecret('new cluster secret'),
    bootstrap: inventedToken('new bootstrap token'),
    secretbox: inventedSecret('new secretbox'),
    token: inventedToken('new machine token'),
    cas: {
      etcd: { crt: certificates.etcd, key: key('etcd') },
      k8s: { crt: certificates.k8s, key: key('k8s') },
      k8saggregator: { crt: certificates.aggregator, key: key('aggregator') },
      os: { crt: certificates.etcd, key: base64(inventedPem('ED25519 PRIVATE KEY', 'new os key')) },
    },
    serviceAccount: key('service account'),
  })
}

/** The bundle that is in the config of a control plane; undefined for a config that lacks something, as that of a worker does. */
export function bundleFrom(config: string): string | undefined {
  const doc = parseAllDocuments(config).find((d) => 'contents' in d && d.has('machine'))
  const at = (...path: string[]): string => {
    const found = doc && 'contents' in doc ? doc.getIn(path) : undefined
    return typeof found === 'string' ? found : ''
  }
  const pair = (...path: string[]) => ({ crt: at(...path, 'crt'), key: at(...path, 'key') })
  if (!at('machine', 'ca', 'key') || !at('cluster', 'secretboxEncryptionSecret')) return undefined
  return text({
    id: at('cluster', 'id'),
    secret: at('cluster', 'secret'),
    bootstrap: at('cluster', 'token'),
    secretbox: at('cluster', 'secretboxEncryptionSecret'),
    token: at('machine', 'token'),
    cas: {
      etcd: pair('cluster', 'etcd', 'ca'),
      k8s: pair('cluster', 'ca'),
      k8saggregator: pair('cluster', 'aggregatorCA'),
      os: pair('machine', 'ca'),
    },
    serviceAccount: at('cluster', 'serviceAccount', 'key'),
  })
}
