import { chmod, open } from 'node:fs/promises';

/** Changes one bit of a file, at a place from 0 (its first byte) to 1 (its last). */
export async function flipByte(path: string, place: number): Promise<void> {
  // Git's packs are read-only.
  await chmod(path, 0o644);
  const file = await open(path, 'r+');
  const { size } = await file.stat();
  const at = Math.min(Math.floor(size * place), size - 1);
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte[0] = byte[0]! ^ 0x01;
  await file.write(byte, 0, 1, at);
  await file.close();
}
