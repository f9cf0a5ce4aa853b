import { rm } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { createArtifactStore } from '../src/database/artifact-store.ts';
import { compileCommit } from '../src/delivery/compiler.ts';
import { openObjectPool } from '../src/git/object-pool.ts';
import { ParsePool } from '../src/registry/parse-pool.ts';
import { readSchemas } from '../src/registry/schema-files.ts';
import { runGit, temporaryFolder } from '../test/support/git.ts';
import { timed } from './sample.ts';

/** Run with `product|yardstick <repository> <commit>`; answers how long it took. */
const [who, repo = '', commit = ''] = process.argv.slice(2);
const elapsedMs = await (who === 'product' ? compileCold() : readPlainly());
process.send!({ elapsedMs });

async function compileCold(): Promise<number> {
  const dir = await temporaryFolder('waymark-cold-');
  const artifacts = await createArtifactStore(dir);
  const pool = openObjectPool(repo);
  const parsers = new ParsePool();
  try {
    return await timed(async () => {
      const result = await compileCommit({ artifacts, parsers }, pool, commit, undefined);
      if (!result.ok) throw new Error(JSON.stringify(result.error[0]));
    });
  } finally {
    parsers.close();
    pool.close();
    await artifacts.close();
    await rm(dir, { recursive: true });
  }
}

/** What a script would do: list, read through one `cat-file`, parse, validate. */
function readPlainly(): Promise<number> {
  return timed(async () => {
    const listed = await runGit(repo, ['ls-tree', '-r', commit]);
    const oids = listed.split('\n').map((line) => line.split(/\s/)[2]!);
    const texts = await runGit(repo, ['cat-file', '--batch'], `${oids.join('\n')}\n`);
    const ajv = createAjv();
    const { kinds } = readSchemas();
    for (const text of splitBatch(Buffer.from(texts))) {
      const document = parse(text) as { kind: string };
      // Compiled at its first use, then known to ajv.
      if (!ajv.validate(kinds.get(document.kind)!, document)) throw new Error(ajv.errorsText());
    }
  });
}

function createAjv(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, schemas: [readSchemas().definitions] });
  // @ts-expect-error ajv-formats is CommonJS: its types name a default export that is the module itself
  addFormats(ajv);
  ajv.addFormat('semver', true);
  ajv.addFormat('semver-range', true);
  return ajv;
}

/** `<oid> blob <size>\n<content>\n`, again and again. */
function* splitBatch(bytes: Buffer): Generator<string> {
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    const size = Number(bytes.toString('latin1', at, end).split(' ')[2]);
    yield bytes.toString('utf8', end + 1, end + 1 + size);
    at = end + 1 + size + 1;
  }
}
