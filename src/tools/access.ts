/** The credentials that calls are made with, each chosen before and named in the call. */

/** A credential that may be used, by its context, and what for; one that is named for several purposes is there for each. */
export interface Access {
  purpose: 'observe' | 'change' | 'backup'
  talosconfig: string
  context: string
  roles: string[]
  endpoints: string[]
  /** Default nodes of the context. */
  nodes: string[]
  /** ISO 8601. */
  notAfter: string
  certificate: string
}

/** The operator's kubeconfig, as far as calls need it. */
export interface KubernetesAccess {
  kubeconfig: string
  context: string
}
