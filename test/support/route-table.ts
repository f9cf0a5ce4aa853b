import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Route } from '../../src/http/route.ts';

/** A table of routes, and where `main.ts` mounts it. */
export interface Mounted {
  at: string;
  rows: Route[];
}

const folder = join(import.meta.dirname, '../../src/http');
const DELIVERY = '/:orgId/delivery';

/** A table's rows need nothing until a request comes, so nothing has to be there. */
const nothing = new Proxy({}, { get: () => undefined });

function placeOf(file: string): string {
  if (file.startsWith('delivery-')) return '/v1/orgs';
  return /^(?:git|webhook|well-known)-/.test(file) ? '/' : '/api/v1';
}

/** The rows of every `src/http/*-routes.ts`, each once, but for the probes, which are no rows. */
export async function routeTables(): Promise<Mounted[]> {
  const tables = new Map<string, Map<string, Route>>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('-routes.ts'))) {
    const at = placeOf(file);
    const rows = tables.get(at) ?? new Map<string, Route>();
    // A table may be part of another's.
    for (const row of await rowsIn(file)) rows.set(`${row.method} ${row.path}`, row);
    tables.set(at, rows);
  }
  return [...tables].map(([at, rows]) => ({ at, rows: [...rows.values()] }));
}

async function rowsIn(file: string): Promise<Route[]> {
  const module = (await import(join(folder, file))) as Record<string, unknown>;
  const tables = Object.entries(module).filter(([name]) => name.endsWith('Routes'));
  return tables.flatMap(([, table]) =>
    (table as (deps: object, base: string) => Route[])(nothing, DELIVERY),
  );
}
