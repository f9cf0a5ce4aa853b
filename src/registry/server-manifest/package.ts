import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { WaymarkError } from '../../model/errors.ts';

/** Of what may lie in a package. */
export const PACKAGE_BOUNDS = { bytes: 2 * 1024 * 1024, files: 64, pathLength: 200 } as const;

/** Headers and padding of so many files, and the archive's end. */
const FRAMING_BYTES = (PACKAGE_BOUNDS.files + 8) * 2048;

const inflate = promisify(gunzip);

/**
 * The files of a `<id>.tar.gz` by their paths, all in memory: nothing of it is
 * written before all of it was looked at.
 *
 * @throws {WaymarkError} `PLG_MANIFEST` for one that is too large, not whole, or
 *   names a place other than its own
 * @see docs/spec/plugin-host.md, "Signatures and packages"
 */
export async function readPackage(gzip: Uint8Array): Promise<Map<string, Buffer>> {
  const tar = await unzip(gzip);
  const files = new Map<string, Buffer>();
  const taken = new Map<string, Header['type']>();
  const archive = extract();
  archive.end(tar);
  try {
    for await (const entry of archive) {
      const path = takePath(entry.header, taken);
      const content = await readEntry(entry as AsyncIterable<Buffer>);
      if (entry.header.type === 'file') files.set(path, content);
    }
  } catch (cause) {
    throw cause instanceof WaymarkError ? cause : refused('it is no whole tar.gz', cause);
  }
  const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  if (bytes > PACKAGE_BOUNDS.bytes) throw tooLarge();
  if (!files.has('plugin.json')) throw refused('it has no plugin.json');
  return files;
}

async function readEntry(entry: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function unzip(gzip: Uint8Array): Promise<Buffer> {
  // The limit holds while it unpacks: a bomb is never in memory.
  const maxOutputLength = PACKAGE_BOUNDS.bytes + FRAMING_BYTES;
  try {
    return await inflate(gzip, { maxOutputLength });
  } catch (cause) {
    const isTooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw isTooLarge ? tooLarge(cause) : refused('it is no gzip', cause);
  }
}

/** One segment: nothing that any system reads as another place, device or stream. */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
/** On Windows a device, whatever its ending. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** The entry's place, if nothing else of the archive has it. */
function takePath({ name, type }: Header, taken: Map<string, Header['type']>): string {
  const shown = JSON.stringify(name.slice(0, PACKAGE_BOUNDS.pathLength));
  if (type !== 'file' && type !== 'directory') throw refused(`${shown} is a ${type}`);
  // As `tar -c .` writes them.
  const path = name.replace(/^\.\//, '').replace(/\/$/, '');
  if (path === '' && type === 'directory') return path;
  if (!isSafe(path)) throw refused(`${shown} is no path of a package`);
  if (taken.size === PACKAGE_BOUNDS.files) {
    throw refused(`it has more than ${PACKAGE_BOUNDS.files} files`);
  }
  // In any case: on some file systems the second would be written over the first.
  const key = path.toLowerCase();
  if (taken.has(key)) throw refused(`${shown} is in it twice`);
  for (const [other, kind] of taken) {
    const isFileWithin = kind === 'file' && key.startsWith(`${other}/`);
    const isFileAround = type === 'file' && other.startsWith(`${key}/`);
    if (isFileWithin || isFileAround) throw refused(`${shown} is a file and a folder`);
  }
  taken.set(key, type);
  return path;
}

function isSafe(path: string): boolean {
  const segments = path.split('/');
  return (
    path.length <= PACKAGE_BOUNDS.pathLength &&
    segments.every(
      (segment) => SEGMENT.test(segment) && !DEVICE.test(segment) && !segment.endsWith('.'),
    )
  );
}

const tooLarge = (cause?: unknown): WaymarkError =>
  refused(`it holds more than ${PACKAGE_BOUNDS.bytes} bytes`, cause);

const refused = (why: string, cause?: unknown): WaymarkError =>
  new WaymarkError('PLG_MANIFEST', `the package is refused: ${why}`, {}, { cause });
