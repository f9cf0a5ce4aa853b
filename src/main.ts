import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// A start loads 500 files, and stripping their types and compiling them takes a third of its time.
// Where the folder cannot be written, that is done anew.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/waymark'));
const { runProcess } = await import('./service/process.ts');
await runProcess(process.argv.slice(2));
