/**
 * Immutable bytes by their SHA-256 (lower-case hex). Everything that a request
 * serves comes from here, never from git.
 */
export interface ArtifactStore {
  has(hex: string): boolean;
  /** Undefined when absent. @throws {WaymarkError} `REG_CORRUPT` when the bytes do not match their name */
  read(hex: string): Promise<Buffer | undefined>;
  /** Bytes `start` (inclusive) to `end` (exclusive), unchecked: for streaming after a check. */
  stream(hex: string, start?: number, end?: number): NodeJS.ReadableStream;
  /**
   * Stores all of them durably before it resolves: one segment file, one fsync.
   * Known ones are skipped. Answers the hex names in order.
   */
  write(contents: readonly Uint8Array[]): Promise<string[]>;
}
