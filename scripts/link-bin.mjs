// npm links the programs of dependencies, never a checkout's own: `node_modules/.bin/waymark`
// should work there as it does where Waymark is installed.
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const bin = join(import.meta.dirname, '../node_modules/.bin');
try {
  mkdirSync(bin, { recursive: true });
  rmSync(join(bin, 'waymark'), { force: true });
  symlinkSync('../../cli/waymark.mjs', join(bin, 'waymark'));
} catch (error) {
  // Windows without the right to make links: `npx waymark` works there all the same.
  console.warn(`waymark is not linked into node_modules/.bin: ${error.message}`);
}
