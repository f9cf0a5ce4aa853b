import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/registry/server-manifest/limits.ts';
import { blocksUnder, GuideReader } from '../support/guide-reader.ts';

const root = join(import.meta.dirname, '../..');
const guide = await readFile(join(root, 'docs/plugin-author.md'), 'utf8');
const under = (heading: string) => blocksUnder(guide, heading);
const section = (heading: string) => guide.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
const tableIn = (heading: string) =>
  [...section(heading).matchAll(/^\| (.*?) \| (.*?) \|$/gm)].map(([, one, other]) => [one, other]);

const passed = (count: number) => new RegExp(`ℹ pass ${count}\\n[\\s\\S]*ℹ fail 0\\n`);

/** One story: each step finds what the ones before it left. */
describe('docs/plugin-author.md', { timeout: 180_000 }, () => {
  const reader = new GuideReader();
  const path = (...names: string[]) => join(reader.dir, ...names);
  beforeAll(() => reader.begin());
  afterAll(() => reader.end());

  it('starts with a plugin that works, and tries it', async () => {
    const [made, greeting] = await reader.follow(under('Start'));

    expect(made).toMatch(passed(3));
    expect(JSON.parse(greeting ?? '')).toMatchObject({
      data: { content: [{ type: 'text', text: 'Good morning, Ada!' }] },
    });
    await reader.says(/approval\.created → org hello: done/);
    await reader.stop();
  });

  it('writes an object with handlers, whose tests pass', async () => {
    const said = await reader.follow(under('An object with handlers'));

    expect(said.join('')).toMatch(passed(2));
  });

  it('writes files of an API, a page and a management route, whose tests pass', async () => {
    await reader.follow(under('Files of an API'));
    const said = await reader.follow(under('Pages and management routes'));

    // The template's two, and the guide's.
    expect(said.join('')).toMatch(passed(6));
  });

  it('has a page that lists what its plugin answers, as text', async () => {
    const markup = await readFile(path('desk/src/page.ts'), 'utf8');
    const [, script = ''] = /<script>([\s\S]*)<\/script>/.exec(markup) ?? [];
    const asked: unknown[] = [];
    const items: { textContent?: string }[] = [];
    const parent = { postMessage: (message: unknown) => asked.push(message) };
    let hear: (message: object) => void = () => {};

    runInNewContext(script, {
      parent,
      addEventListener: (_: string, listener: typeof hear) => {
        hear = listener;
      },
      document: {
        createElement: () => ({}),
        querySelector: () => ({ append: (item: object) => items.push(item) }),
      },
    });
    const data = {
      type: 'waymark.answer',
      id: 1,
      status: 200,
      body: { tickets: [{ title: '<b>' }] },
    };
    hear({ source: {}, data });
    hear({ source: parent, data });

    expect(asked).toEqual([{ type: 'waymark.call', id: 1, method: 'GET', endpoint: 'tickets' }]);
    expect(items).toEqual([{ textContent: '<b>' }]);
  });

  it('writes raw handlers, whose test passes', async () => {
    const said = await reader.follow(under('Raw handlers'));

    expect(said.join('')).toMatch(passed(1));
  });

  it.each(['hello', 'desk'])('has types that hold, in %s', async (plugin) => {
    const config = JSON.parse(await readFile(path(plugin, 'tsconfig.json'), 'utf8'));
    config.compilerOptions.paths = {
      'waymark/plugin': [join(root, 'src/plugin-sdk/plugin.ts')],
      'waymark/plugin/testing': [join(root, 'src/plugin-sdk/testing.ts')],
      zod: [join(root, 'node_modules/zod')],
    };
    config.compilerOptions.typeRoots = [join(root, 'node_modules/@types')];
    // It is of another host, with other types.
    config.exclude = ['api/urgent'];
    await writeFile(path(plugin, 'tsconfig.json'), JSON.stringify(config));

    const tsc = join(root, 'node_modules/.bin/tsc');
    const run = promisify(execFile)(process.execPath, [tsc, '-p', path(plugin)]);

    await expect(run).resolves.toMatchObject({ stdout: '' });
  });

  it('packs and signs', async () => {
    const [packed] = await reader.follow(under('Pack and sign'));

    expect(packed).toMatch(/^hello 0\.1\.0: .* in hello\.tar\.gz\nsigned by [0-9a-f]{64}\n$/);
  });

  it('publishes, for a server and for one organisation', async () => {
    const [shown = '', desk = ''] = await reader.follow(under('Publish'));
    await reader.stop();

    const { data } = JSON.parse(shown.slice(shown.indexOf('{'))) as { data: { plugins: object[] } };
    expect(data.plugins).toContainEqual(
      expect.objectContaining({ id: 'hello', source: 'host', signature: 'signed', enabled: true }),
    );
    expect(desk).toMatch(/\{"tickets":\[\]\}$/);
  });

  it('has no block that is not followed', () => {
    const headings = [...guide.matchAll(/^## (.*)$/gm)].map(([, heading = '']) => heading);
    const blocks = headings.flatMap((heading) => under(heading));

    expect(blocks).toHaveLength([...guide.matchAll(/^```\w/gm)].length);
    expect(headings.filter((heading) => under(heading).length > 0)).toEqual([
      'Start',
      'An object with handlers',
      'Files of an API',
      'Pages and management routes',
      'Raw handlers',
      'Pack and sign',
      'Publish',
    ]);
  });

  it('names limits that are the server’s', () => {
    const { memoryMb, inFlight, queued, apiRoutes, managementRoutes } = LIMITS;

    expect(tableIn('Limits')).toEqual(
      expect.arrayContaining([
        ['memory', `${memoryMb} MiB`],
        ['script; request; answer', '1 MiB; 1 MiB; 4 MiB'],
        ['calls at once; waiting', `${inFlight}; ${queued}`],
        ['API routes; management routes and pages', `${apiRoutes}; ${managementRoutes}`],
      ]),
    );
    expect([LIMITS.scriptBytes, LIMITS.requestBytes, LIMITS.answerBytes]).toEqual(
      [1, 1, 4].map((mib) => mib * 1024 * 1024),
    );
  });

  it('knows what to do about every code of plugins', async () => {
    const api = await readFile(join(root, 'docs/spec/api.md'), 'utf8');
    const all = [...api.matchAll(/^\| `(PLG_\w+)` \|/gm)].map(([, code = '']) => code);
    const told = section('When it does not work');

    expect(all.length).toBeGreaterThan(15);
    expect(all.filter((code) => !told.includes(`\`${code}\``))).toEqual([]);
    const named = [...told.matchAll(/`([A-Z]+_[A-Z_]+)`/g)].map(([, code = '']) => code);
    const codes = named.filter((name) => !name.startsWith('WAYMARK_'));
    expect(codes.filter((code) => !api.includes(`\`${code}\``))).toEqual([]);
  });
});
