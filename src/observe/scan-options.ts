/** What a look for plaintext secrets is asked for, and how much of what it finds is listed. */

export interface ScanOptions {
  folder: string
  /** Paths below the folder that the profile leaves out. */
  exclude: readonly string[]
  seconds: number
  /** Files in which a tool of ours or of the operator looks by itself, beside the well-known ones. */
  defaultPlaces: readonly string[]
  signal?: AbortSignal
}

/** More places than this are counted, not listed. */
export const MOST_PLACES = 200
