import { once } from 'node:events';
import { createArtifactStore } from '../../src/database/artifact-store.ts';
import { openDatabase } from '../../src/database/open.ts';
import { createStores } from '../../src/database/stores.ts';
import { makeApiKey, makeEntry } from '../support/records.ts';

/**
 * A child of the fault tests: writes to the database or the artifacts in `dir`
 * until that fails, and tells as JSON how many were acknowledged, with what code
 * it ended, whether a read still worked, and what `repair` then made possible.
 */
const [what, dir] = process.argv.slice(2) as ['database' | 'artifacts', string];
const target = what === 'database' ? await databaseTarget() : await artifactTarget();

let acknowledged = 0;
let code: string | undefined;
while (code === undefined) {
  try {
    await target.write(acknowledged);
    acknowledged += 1;
  } catch (error) {
    code = (error as { code?: string }).code ?? String(error);
  }
}
const canRead = await target.canRead(acknowledged - 1);
console.log(JSON.stringify({ acknowledged, code, canRead }));

// The parent frees space, or kills this process.
await once(process.stdin, 'data');
await target.write(acknowledged);
console.log(JSON.stringify({ recovered: await target.canRead(acknowledged) }));
await target.close();
process.exit(0);

async function databaseTarget() {
  const database = await openDatabase({ file: `${dir}/waymark.db` });
  const { apiKeys } = createStores(database);
  const name = 'x'.repeat(20_000);
  return {
    write: (i: number) => apiKeys.insert(makeApiKey(`${i}`, { org: null, name }), makeEntry()),
    canRead: async (i: number) => (await apiKeys.find(`${i}`)) !== undefined,
    close: () => database.close(),
  };
}

async function artifactTarget() {
  const store = await createArtifactStore(dir);
  const content = (i: number) => Buffer.alloc(100_000, i + 1);
  const names: string[] = [];
  return {
    write: async (i: number) => {
      names[i] = (await store.write([content(i)]))[0]!;
    },
    canRead: async (i: number) => (await store.read(names[i]!))?.equals(content(i)) === true,
    close: () => store.close(),
  };
}
