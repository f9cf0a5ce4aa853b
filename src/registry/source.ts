/** One entry of a git tree object, as git stores it. */
export interface TreeEntry {
  /** Octal, as git prints it: `100644`, `40000`, … */
  mode: string;
  name: Buffer;
  oid: string;
}

/** Where a compile reads from: a repository, a quarantine, or a folder on disk. */
export interface TreeSource {
  readTree(oid: string): Promise<readonly TreeEntry[]>;
  /** In bytes, in the order asked for: what would not fit is refused without being read. */
  readSizes(oids: readonly string[]): Promise<number[]>;
  /** In the order asked for. */
  readBlobs(oids: readonly string[]): Promise<Buffer[]>;
}

/** Takes the contents that a compile met, so that they can be stored before they are served. */
export interface ContentSink {
  add(hex: string, bytes: Buffer): Promise<void>;
}

export const isTree = (mode: string): boolean => mode === '40000' || mode === '040000';
