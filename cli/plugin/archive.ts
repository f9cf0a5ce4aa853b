import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { extract, pack } from 'tar-stream';

/** A `tar.gz` that is the same, byte by byte, whoever makes it of these files whenever. */
export async function archiveOf(files: ReadonlyMap<string, Buffer>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    archive.entry({ name, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0 }, content);
  }
  archive.finalize();
  const gzip = gzipSync(await buffer(archive), { level: 9 });
  // The byte of gzip's header that names the system.
  gzip[9] = 255;
  return gzip;
}

/** The files of a package. What in it is unsafe to write is for the server to refuse: nothing is written here. */
export async function filesIn(gzip: Buffer): Promise<Map<string, Buffer>> {
  const archive = extract();
  archive.end(gunzipSync(gzip));
  const files = new Map<string, Buffer>();
  for await (const entry of archive) files.set(entry.header.name, await buffer(entry));
  return files;
}
