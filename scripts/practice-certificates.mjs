// Makes src/practice/certificates.json anew with the openssl of this machine: certificates of the simulated cluster, whose private
// keys are not kept. `node scripts/practice-certificates.mjs`; only needed where practice is to show other certificates.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = mkdtempSync(join(tmpdir(), 'practice-certificates-'))
const at = (name) => join(folder, name)
const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
const base64 = (name) => readFileSync(at(`${name}.crt`)).toString('base64')

const NODES = { cp1: '10.20.0.11', cp2: '10.20.0.12', cp3: '10.20.0.13', w1: '10.20.0.21', w2: '10.20.0.22' }
const CONTROL_PLANES = ['cp1', 'cp2', 'cp3']
/** Practice begins on 2026-11-23 at 17:00. */
const DAY = { start: '20261123120000Z', end: '20261124120000Z' }
const STUCK = { start: '20261122200000Z', end: '20261123200000Z' }
const YEAR = { start: '20261123155440Z', end: '20271123155440Z' }
const TEN_YEARS = { start: '20261123155440Z', end: '20361120155440Z' }

function key(name, kind) {
  const options = {
    ed25519: ['ed25519'],
    p256: ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
    rsa: ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  }
  openssl('genpkey', '-algorithm', ...options[kind], '-out', `${name}.key`)
}

function sign(name, { kind, subject, by, dates, extensions, serial }) {
  key(name, kind)
  openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`)
  const config = `[ca]\ndefault_ca=d\n[d]\ndatabase=${name}.db\nserial=${name}.srl\nnew_certs_dir=.\ndefault_md=${kind === 'ed25519' ? 'default' : 'sha256'}\npolicy=p\nunique_subject=no\nx509_extensions=e\nemail_in_dn=no\n[p]\norganizationName=optional\ncommonName=optional\n[e]\n${extensions.join('\n')}\n`
  writeFileSync(at(`${name}.cnf`), config)
  writeFileSync(at(`${name}.db`), '')
  writeFileSync(at(`${name}.srl`), serial ?? '1001')
  const signer = by ? ['-cert', `${by}.crt`, '-keyfile', `${by}.key`] : ['-selfsign', '-keyfile', `${name}.key`]
  openssl(
    'ca',
    '-batch',
    '-notext',
    '-config',
    `${name}.cnf`,
    ...signer,
    '-startdate',
    dates.start,
    '-enddate',
    dates.end,
    '-in',
    `${name}.csr`,
    '-out',
    `${name}.crt`,
  )
}

const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,digitalSignature,keyCertSign', 'subjectKeyIdentifier=hash']
const LEAF = ['keyUsage=critical,digitalSignature', 'authorityKeyIdentifier=keyid']
const names = (...list) => `subjectAltName=${list.map((n) => (/^[\d.]+$/.test(n) ? `IP:${n}` : `DNS:${n}`)).join(',')}`
const client = (name, role, end) =>
  sign(name, {
    kind: 'ed25519',
    subject: `/O=${role}`,
    by: 'os',
    dates: { start: YEAR.start, end },
    extensions: [...LEAF, 'extendedKeyUsage=clientAuth'],
  })
const server = (name, options) => sign(name, { ...options, extensions: [...LEAF, 'extendedKeyUsage=serverAuth', names(...options.names)] })

for (const [name, subject, kind] of [
  ['os', '/O=talos', 'ed25519'],
  ['k8s', '/O=kubernetes', 'p256'],
  ['etcd', '/O=etcd', 'p256'],
  ['aggregator', '/CN=front-proxy', 'p256'],
])
  sign(name, { kind, subject, dates: TEN_YEARS, extensions: CA })
client('adminForAYear', 'os:admin', '20271123155440Z')
client('adminForFiveDays', 'os:admin', '20261128155440Z')
client('readerForSixtyDays', 'os:reader', '20270122155440Z')

const wire = {}
for (const [node, address] of Object.entries(NODES)) {
  server(`apid-${node}`, { kind: 'ed25519', subject: `/CN=${node}`, by: 'os', dates: DAY, names: [node, address, '127.0.0.1'] })
  wire[`apid ${node}`] = [base64(`apid-${node}`)]
  sign(`kubelet-ca-${node}`, { kind: 'p256', subject: `/CN=${node}-ca@1795449280`, dates: YEAR, extensions: CA })
  server(`kubelet-${node}`, { kind: 'p256', subject: `/CN=${node}@1795449280`, by: `kubelet-ca-${node}`, dates: YEAR, names: [node] })
  wire[`kubelet ${node}`] = [base64(`kubelet-${node}`), base64(`kubelet-ca-${node}`)]
}
server('apid-w1-stuck', { kind: 'ed25519', subject: '/CN=w1', by: 'os', dates: STUCK, names: ['w1', NODES.w1, '127.0.0.1'] })
wire['apid w1 stuck'] = [base64('apid-w1-stuck')]
for (const node of CONTROL_PLANES) {
  const own = [node, NODES[node], '127.0.0.1']
  server(`trustd-${node}`, { kind: 'ed25519', subject: `/CN=${node}`, by: 'os', dates: DAY, names: own })
  server(`apiserver-${node}`, {
    kind: 'p256',
    subject: '/O=kube-master/CN=kube-apiserver',
    by: 'k8s',
    dates: YEAR,
    names: ['kubernetes', 'localhost', ...own],
  })
  server(`etcd-${node}`, { kind: 'p256', subject: `/CN=${node}`, by: 'etcd', dates: TEN_YEARS, names: ['localhost', ...own] })
  wire[`trustd ${node}`] = [base64(`trustd-${node}`)]
  wire[`apiserver ${node}`] = [base64(`apiserver-${node}`)]
  wire[`etcd ${node}`] = [base64(`etcd-${node}`)]
}

const value = {
  about: 'Certificates of the practice cluster; their private keys were not kept. Made by scripts/practice-certificates.mjs.',
  ca: base64('os'),
  k8s: base64('k8s'),
  etcd: base64('etcd'),
  aggregator: base64('aggregator'),
  adminForAYear: base64('adminForAYear'),
  adminForFiveDays: base64('adminForFiveDays'),
  readerForSixtyDays: base64('readerForSixtyDays'),
  wire,
}
writeFileSync(fileURLToPath(new URL('../src/practice/certificates.json', import.meta.url)), `${JSON.stringify(value, null, 2)}\n`)
rmSync(folder, { recursive: true, force: true })
