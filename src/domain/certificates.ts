/** A certificate as a server showed it. Everything in it is public. */
export interface WireCertificate {
  /** Distinguished names as text in the order of the certificate: `O=talos`, `CN=kube-apiserver, O=kube-master`. */
  subject: string
  issuer: string
  /** ISO 8601, UTC. */
  notBefore: string
  notAfter: string
  /** DNS names and IP addresses of the subject alternative name. */
  names: string[]
  /** SHA-256 of the DER, hex. */
  sha256: string
  /** Of the key that signed it; hex, lower case; absent where the certificate does not say. */
  authorityKeyId?: string
}
