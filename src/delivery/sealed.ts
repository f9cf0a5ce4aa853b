/** A body that was encrypted once: `[SEIPD packet]` of the signed tar, without any recipient. */
export interface SealedBody {
  org: string;
  /** What was sealed: content digest, layout, form and signer, hashed. */
  key: string;
  /** SHA-256 hex of the stored file's bytes: its name in the artifact store. */
  bodyDigest: string;
  size: number;
  /** AES-256 session key, wrapped by the master key with `bodyDigest` as associated data. Base64. */
  wrappedKey: string;
  createdAt: string;
}

export interface SealedStore {
  findBody(org: string, key: string): Promise<SealedBody | undefined>;
  /** The first of two concurrent writers wins; answers the one that is stored. */
  insertBody(body: SealedBody): Promise<SealedBody>;
  removeBody(org: string, key: string): Promise<void>;
  /** The session-key packet for one recipient's encryption subkey. */
  findPacket(bodyDigest: string, subkey: string): Promise<Uint8Array | undefined>;
  /** The first writer wins; answers the packet that is stored. */
  insertPacket(bodyDigest: string, subkey: string, packet: Uint8Array): Promise<Uint8Array>;
  /** After a recipient's key was removed: bodies that it could read are sealed anew. */
  removeBodiesReadBy(org: string, subkey: string): Promise<number>;
  /** With their packets. */
  removeBodiesFrom(before: string): Promise<number>;
  /** Of every org: what files there must be. */
  bodyDigests(): Promise<Set<string>>;
}
