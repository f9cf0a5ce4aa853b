/** Answers the distinct primary fingerprints (upper-case hex) that validly signed. */
export async function verifyDetached(_request: {
  body: Uint8Array;
  /** Binary; several signatures may stand one after the other. */
  signature: Uint8Array;
  /** The pinned armored keys: nothing else can count. */
  keys: readonly string[];
  /** How many distinct keys must have signed; default 1. */
  threshold?: number;
}): Promise<string[]> {
  throw new Error('not yet');
}
