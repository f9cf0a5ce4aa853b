import { pipeline } from 'node:stream';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { ZipFile } from 'yazl';

/** One entry of a bundle; its content is read when its turn comes. */
export interface BundleEntry {
  path: string;
  mode: '0644' | '0755';
  size: number;
  read: () => Promise<Buffer>;
}

export type BundleFormat = 'tar.gz' | 'zip';

/** Fixed, so that equal entries give equal bytes. DOS time, which zip stores, starts in 1980. */
const TAR_TIME = new Date(0);
const ZIP_TIME = new Date(Date.UTC(1980, 0, 1, 12));

/** Entries in the order given, as one archive: at no time more than one entry is in memory. */
export function archive(
  entries: readonly BundleEntry[],
  format: BundleFormat,
): AsyncIterable<Buffer> {
  return format === 'zip' ? zip(entries) : tarGz(entries);
}

function tarGz(entries: readonly BundleEntry[]): AsyncIterable<Buffer> {
  const tar = pack();
  const gzip = createGzip({ level: 6 });
  // A failure of either end reaches the reader, who iterates over the last.
  pipeline(tar, gzip, () => {});
  void (async () => {
    try {
      for (const { path, mode, size, read } of entries) {
        const header = { name: path, mode: Number.parseInt(mode, 8), size, mtime: TAR_TIME };
        const content = await read();
        await new Promise<void>((resolve, reject) => {
          const entry = tar.entry({ ...header, uid: 0, gid: 0 }, (error) =>
            error ? reject(error) : resolve(),
          );
          entry.end(content);
        });
      }
      tar.finalize();
    } catch (error) {
      tar.destroy(error as Error);
      gzip.destroy(error as Error);
    }
  })();
  return gzip as AsyncIterable<Buffer>;
}

async function* zip(entries: readonly BundleEntry[]): AsyncGenerator<Buffer> {
  const file = new ZipFile();
  for (const { path, mode, read } of entries) {
    file.addBuffer(await read(), path, {
      mtime: ZIP_TIME,
      mode: 0o100000 | Number.parseInt(mode, 8),
      forceDosTimestamp: true,
    });
  }
  file.end();
  for await (const chunk of file.outputStream) yield chunk as Buffer;
}
