import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Of this package, whose root is one folder up from the sources and two from what is built. */
export const version = versionIn(import.meta.dirname);

function versionIn(dir: string): string {
  const file = join(dir, 'package.json');
  if (!existsSync(file)) return versionIn(dirname(dir));
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
