import { spawn, spawnSync } from 'node:child_process'

/** What openssl says of a port, in the words that we use for it. */

const FLAGS = { TLSv1: '-tls1', 'TLSv1.1': '-tls1_1', 'TLSv1.2': '-tls1_2', 'TLSv1.3': '-tls1_3' } as const
const LIMIT = 10_000

export interface Port {
  host: string
  port: number
  alpn?: string
}

/** A certificate as openssl prints it. */
export interface Printed {
  sha256: string
  subject: string
  issuer: string
  notBefore: string
  notAfter: string
  /** Sorted. */
  names: string[]
}

export interface Seen {
  chain: Printed[]
  protocol: string
  alpn: string | undefined
  accepts: string[]
  authorities: string[]
  asks: 'no' | 'optional' | 'required'
}

/** One connection; `wait` stays until the server has hung up, and `input` is said on it. */
function client({ host, port, alpn }: Port, flags: readonly string[], wait?: { input: string }): Promise<string> {
  const args = ['s_client', '-connect', `${host}:${port}`, '-showcerts', ...(alpn ? ['-alpn', alpn] : []), ...flags]
  return new Promise((resolve, reject) => {
    const child = spawn('openssl', [...args, ...(wait ? ['-ign_eof'] : [])], { timeout: LIMIT })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk))
    child.on('error', reject)
    child.on('close', () => resolve(text))
    child.stdin.on('error', () => undefined)
    child.stdin.end(wait?.input ?? '')
  })
}

function print(pem: string): Printed {
  const args = ['x509', '-noout', '-fingerprint', '-sha256', '-subject', '-issuer', '-dates', '-ext', 'subjectAltName']
  const { stdout } = spawnSync('openssl', args, { input: pem, encoding: 'utf8' })
  const field = (name: string) => new RegExp(`^${name}=(.*)$`, 'mi').exec(stdout)?.[1] ?? ''
  const names = [...stdout.matchAll(/(?:DNS|IP Address):([^,\n]+)/g)].map((m) => (m[1] ?? '').trim())
  return {
    sha256: field('sha256 Fingerprint').replaceAll(':', '').toLowerCase(),
    subject: field('subject').replaceAll(' = ', '='),
    issuer: field('issuer').replaceAll(' = ', '='),
    notBefore: new Date(field('notBefore')).toISOString(),
    notAfter: new Date(field('notAfter')).toISOString(),
    // it writes addresses of IPv6 out in full
    names: names.map((n) => (/^[0-9A-F:]+$/.test(n) && n.includes(':') ? new URL(`http://[${n}]`).hostname.slice(1, -1) : n)).toSorted(),
  }
}

const chainIn = (text: string): string[] => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []

/** Everything that can be seen of a port without a credential. */
export async function opensslSees(at: Port): Promise<Seen> {
  const shown = await client(at, [])
  const asked = shown.includes('Requested Signature Algorithms')
  // a server that lets nobody in says so behind the handshake; one that does answers the request and hangs up
  const behind = asked ? await client(at, [], { input: 'GET / HTTP/1.0\r\n\r\n' }) : ''
  const accepts: string[] = []
  for (const [name, flag] of Object.entries(FLAGS))
    if (chainIn(await client(at, [flag, '-cipher', 'DEFAULT@SECLEVEL=0'])).length > 0) accepts.push(name)
  const authorities = /Acceptable client certificate CA names\n((?:.+ = .+\n)+)/.exec(shown)?.[1] ?? ''
  return {
    chain: chainIn(shown).map(print),
    protocol: /^New, (\S+), Cipher is /m.exec(shown)?.[1] ?? '',
    alpn: /^ALPN protocol: (.+)$/m.exec(shown)?.[1],
    accepts,
    authorities: authorities
      .split('\n')
      .filter(Boolean)
      .map((name) => name.replaceAll(' = ', '=')),
    asks: !asked ? 'no' : behind.includes('alert certificate required') ? 'required' : 'optional',
  }
}
