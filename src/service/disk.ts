import { statfs } from 'node:fs/promises';

export interface DiskSpace {
  /** What a process without privileges may still write. */
  freeBytes: number;
  totalBytes: number;
}

/** Of the volume that the folder is on. */
export async function diskSpaceOf(dir: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(dir);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

const PLENTY_BYTES = 1024 ** 3;

/** A twentieth of a small volume; of a large one that would still be plenty. */
export const isNearlyFull = ({ freeBytes, totalBytes }: DiskSpace): boolean =>
  freeBytes < Math.min(totalBytes / 20, PLENTY_BYTES);
