import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../src/model/diagnostic.ts';
import { OBJECT_TYPES } from '../../src/model/names.ts';
import { compileDirectory } from '../../src/registry/directory.ts';
import { parseDocument } from '../../src/registry/document.ts';
import { expectedKind, isKind, placeOf } from '../../src/registry/path-rules.ts';

const ROOT = fileURLToPath(new URL('../../registry-template', import.meta.url));

const paths = readdirSync(ROOT, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
const documents = paths.filter((path) => isKind(expectedKind(path)));

describe('registry-template', () => {
  it.each(documents)('%s has no diagnostics', (path) => {
    const { diagnostics } = parseDocument(readFileSync(join(ROOT, path)), path);

    expect(diagnostics.map(formatDiagnostic)).toEqual([]);
  });

  it.each(documents)('%s names the schema that editors complete it by', (path) => {
    const [, reference = ''] =
      /^# yaml-language-server: \$schema=(\S+)\n/.exec(readFileSync(join(ROOT, path), 'utf8')) ??
      [];
    const schema = JSON.parse(readFileSync(join(ROOT, dirname(path), reference), 'utf8'));

    expect(schema.title).toBe(expectedKind(path));
  });

  it('shows every type of object and holds nothing that would be ignored', () => {
    const types = new Set(paths.map((path) => placeOf(path).object?.type));

    expect(OBJECT_TYPES.filter((type) => !types.has(type))).toEqual([]);
    expect(paths.filter((path) => expectedKind(path) === 'unknown')).toEqual([]);
  });

  it('compiles without a warning', async () => {
    const { ok, diagnostics } = await compileDirectory(ROOT);

    expect([ok, diagnostics.map(formatDiagnostic)]).toEqual([true, []]);
  });

  it('has a server part that says who is on call, by the week', async () => {
    const { default: methods } = await import(join(ROOT, 'plugins/on-call/server/index.js'));
    const context = { config: { rotation: ['ada', 'ben', 'cleo'] } };
    const onCall = (date: string) =>
      methods['tool.call']({ name: 'who', arguments: { date }, context }).content[0].text;

    const days = ['2026-11-15', '2026-11-16', '2026-11-22', '2026-11-23', '2026-11-30'];
    expect(days.map(onCall)).toEqual(['cleo', 'ada', 'ada', 'ben', 'cleo']);
    const { results } = methods['agent.query']({ query: 'Who is on call?', context });
    expect(results).toMatchObject([
      { type: 'person', data: { person: expect.stringMatching(/^(ada|ben|cleo)$/) } },
    ]);
    expect(methods['agent.query']({ query: 'Who sells?', context })).toEqual({ results: [] });
  });

  it('keeps its scripts executable', () => {
    const scripts = paths.filter((path) => path.endsWith('.sh'));

    expect(scripts).toHaveLength(3);
    for (const script of scripts) expect(statSync(join(ROOT, script)).mode & 0o111).not.toBe(0);
  });
});
