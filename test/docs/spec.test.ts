import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BASE } from '../../src/http/delivery-context.ts';
import { statusOf } from '../../src/http/errors.ts';
import { HOST_ROUTES } from '../../src/http/management-plugins.ts';
import type { Route } from '../../src/http/route.ts';
import { permissionsOf, ROLES } from '../../src/identity/roles.ts';
import { contentDigest, type FileMode, sha256 } from '../../src/model/digest.ts';
import type { ErrorCode } from '../../src/model/errors.ts';
import { MANAGEMENT } from '../../src/plugin-host/contract/management-path.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const below = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`)
    .sort();

const specPages = below('docs/spec', '.md');
const allPages = ['docs/README.md', ...specPages, ...below('docs/adr', '.md')];

/** A table's rows need nothing until a request comes, so nothing has to be there. */
const nothing = new Proxy({}, { get: () => undefined });

interface Documented {
  page: string;
  label: string;
  /** The first, where any of several suffices. */
  permission: string;
}

/** ``| `GET /members` | `members:read` | …`` */
const PERMISSION_ROW = /^\| `([A-Z]+ \/[^`]*)` \| `([a-z-]+:[a-z]+)`/gm;

/** Which page a table of routes belongs to, and the part of its paths that the page states once. */
function placeOf(file: string): { page: string; base: string } {
  if (file.includes('/delivery-')) return { page: 'docs/spec/delivery.md', base: BASE };
  if (/\/(upstream|secret|webhook)-/.test(file)) return { page: 'docs/spec/mirrors.md', base: '' };
  if (file.includes('/change-request-')) return { page: 'docs/spec/changes.md', base: '' };
  if (file.includes('/change-routes')) return { page: 'docs/spec/edits.md', base: '' };
  if (/\/(plugin|integration|sent-webhook|namespace-(plugin|tool))-/.test(file))
    return { page: 'docs/spec/plugin-host.md', base: '' };
  if (file.includes('/git-')) return { page: 'docs/spec/git.md', base: '' };
  return { page: 'docs/spec/api.md', base: '' };
}

/** The rows of every `src/http/*-routes.ts`, as the pages name them: `GET /plugins/:plugin`. */
async function routesInCode(): Promise<Documented[]> {
  const files = below('src/http', '-routes.ts');
  const found = await Promise.all(files.map(async (file) => routesIn(file)));
  return found.flat();
}

async function routesIn(file: string): Promise<Documented[]> {
  const { page, base } = placeOf(file);
  const module = (await import(join(root, file))) as Record<string, unknown>;
  const tables = Object.entries(module).filter(([name]) => name.endsWith('Routes'));
  return tables.flatMap(([, table]) => {
    const rows = (table as (deps: object) => Route[])(nothing);
    return rows.map(({ method, path, permission }) => ({
      page,
      permission: [permission].flat()[0]!,
      label: `${method.toUpperCase()} ${path.slice(base.length)}`,
    }));
  });
}

/** `{code: status}` of every row ``| `CODE` | 400 | …`` of a page. */
function statusesIn(page: string): Record<string, number> {
  const rows = read(page).matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \|/gm);
  return Object.fromEntries([...rows].map(([, code, status]) => [code, Number(status)]));
}

function errorCodes(): ErrorCode[] {
  const [type = ''] = /export type ErrorCode =([^;]+);/.exec(read('src/model/errors.ts')) ?? [];
  return [...type.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code as ErrorCode);
}

const settingsIn = (text: string): string[] => [
  ...new Set(text.match(/\b(?:WAYMARK_[A-Z_]*[A-Z]|DATABASE_URL|REDIS_URL)\b/g)),
];

const withoutCode = (text: string): string => text.replace(/`[^`\n]*`/g, '');

const headingsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!.replaceAll('`', ''));

/** As a heading is linked to on the web. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

describe('docs/spec', () => {
  it('has every route of src/http', async () => {
    const routes = await routesInCode();

    const missing = routes.filter(({ page, label }) => !read(page).includes(`\`${label}\``));

    expect(routes.length).toBeGreaterThan(40);
    expect(missing).toEqual([]);
  });

  it('has no route that the code does not have', async () => {
    const known = new Set((await routesInCode()).map(({ label }) => label));
    known.add('GET /healthz').add('GET /readyz'); // no rows: a probe has no credential
    known.add('GET /metrics'); // of the operator's own port, or by their token
    for (const { method, path } of HOST_ROUTES) known.add(`${method} ${MANAGEMENT}${path}`);
    known.add('GET /openapi.json').add('GET /docs'); // made of the rows

    const stated = specPages.flatMap((page) =>
      [...read(page).matchAll(/`((?:GET|POST|PUT|PATCH|DELETE) \/[^`]*)`/g)].map(
        ([, label]) => label!,
      ),
    );

    expect(stated.filter((label) => !known.has(label))).toEqual([]);
  });

  it('says which permission a route needs', async () => {
    const needed = new Map(
      (await routesInCode()).map(({ label, permission }) => [label, permission]),
    );

    const rows = specPages.flatMap((page) => [...read(page).matchAll(PERMISSION_ROW)]);

    expect(rows.length).toBeGreaterThan(40);
    expect(rows.filter(([, label, stated]) => needed.get(label!) !== stated)).toEqual([]);
  });

  it('says what each built-in role may do', () => {
    const [, header = '', lines = ''] =
      /^\| permission \|(.*)\|\n\|[-|]+\n((?:\|.*\n)+)/m.exec(read('docs/spec/api.md')) ?? [];
    const roles = header.split('|').map((role) => role.trim());
    const rows = lines
      .trim()
      .split('\n')
      .map((line) => line.split('|').slice(1, -1));

    const stated = roles.map((role, column) => [
      role,
      rows
        .filter((cells) => cells[column + 1]?.trim() === 'x')
        .flatMap(([names = '']) => names.match(/[a-z-]+:[a-z]+/g) ?? [])
        .sort(),
    ]);

    const inCode = ROLES.map((role) => [role, [...permissionsOf([role])].sort()]);
    expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(inCode));
  });

  it('has every table of the database', () => {
    const tables = [...read('src/database/tables.ts').matchAll(/^ {2}([a-zA-Z]+): /gm)].map(
      ([, name]) => name!.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    );

    const missing = tables.filter(
      (name) => !read('docs/spec/storage.md').includes(`| \`${name}\` |`),
    );

    expect(tables.length).toBeGreaterThan(20);
    expect(missing).toEqual([]);
  });

  it('gives every error code its status', () => {
    const inCode = Object.fromEntries(errorCodes().map((code) => [code, statusOf(code)]));

    const stated = statusesIn('docs/spec/api.md');

    expect(stated).toEqual({ ...inCode, INTERNAL: 500 });
  });

  it('has every setting, and no other', () => {
    const inCode = settingsIn(
      [...below('src/config', '.ts'), 'cli/config.ts'].map(read).join('\n'),
    );

    const stated = settingsIn(read('docs/spec/settings.md'));

    expect(inCode.length).toBeGreaterThan(10);
    expect(stated.sort()).toEqual(inCode.sort());
  });

  it('gives a digest that the code agrees with', () => {
    const [, section = ''] = read('docs/spec/registry-format.md').split('## Digests');
    const rows = [...section.matchAll(/^\| `(.+)` \| (0\d{3}) \| `(.+)` \|$/gm)];
    const files = rows.map(([, path = '', mode, bytes = '']) => ({
      path,
      mode: mode as FileMode,
      digest: sha256(bytes.replaceAll('\\r', '\r').replaceAll('\\n', '\n')),
    }));

    expect(files).toHaveLength(3);
    expect(section).toContain(contentDigest(files));
  });

  it('has every section that a docstring points at', () => {
    const sources = [...below('src', '.ts'), ...below('cli', '.ts')].map(read).join('\n');
    const pointers = sources.matchAll(/(docs\/(?:spec|adr)\/[\w-]+\.md)(?:, "([^"]+)")?/g);

    const dangling = [...pointers].filter(([, page, section]) => {
      if (!existsSync(join(root, page!))) return true;
      return section !== undefined && !headingsOf(page!).includes(section);
    });

    expect(dangling.map(([pointer]) => pointer)).toEqual([]);
  });
});

describe('docs', () => {
  it.each(allPages)('%s links to files and sections that are there', (page) => {
    const links = [...withoutCode(read(page)).matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!);

    const dangling = links.filter((link) => {
      if (link.includes('://')) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !headingsOf(target).map(anchorOf).includes(anchor);
    });

    expect(dangling).toEqual([]);
  });

  it('README.md names every page', () => {
    const index = read('docs/README.md');

    const unnamed = allPages.slice(1).filter((page) => !index.includes(page.slice('docs/'.length)));

    expect(unnamed).toEqual([]);
  });
});
