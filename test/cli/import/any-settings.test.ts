import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importMarketplace } from '../../../cli/import/import-marketplace.ts';
import { writeRegistry } from '../../../cli/import/write-registry.ts';
import { compileDirectoryContents } from '../../../src/registry/directory.ts';
import { renderLayout } from '../../../src/registry/layout/render.ts';
import { type FileTexts, inFolder } from '../../support/plugin-contents.ts';

const MARKETPLACE = {
  '.claude-plugin/marketplace.json': '{"name":"m","plugins":[{"name":"p","source":"./p"}]}',
  'p/.claude-plugin/plugin.json': '{"name":"p"}',
};

/** One file of plugin `p` after import, compile and rendering. */
async function thereAndBack(path: string, text: string): Promise<string | undefined> {
  const files: FileTexts = { ...MARKETPLACE, [`p/${path}`]: text };
  return inFolder(files, async (dir) =>
    inFolder({}, async (out) => {
      await writeRegistry(out, await importMarketplace(dir));
      const compiled = await compileDirectoryContents(out);
      const plugin = compiled.contents.get('p')!;
      const rendered = await renderLayout('claude', plugin, compiled.read);
      const all = [...rendered.files, ...rendered.items.flatMap((item) => item.files)];
      return all.find((file) => file.path === path)?.bytes.toString();
    }),
  );
}

const word = fc.string({ unit: 'grapheme', maxLength: 12 });
const anything = fc.jsonValue({ maxDepth: 2 });
/** A field that is mostly what it should be, and sometimes not. */
const mostly = <T>(usual: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: anything });

const server = fc.record(
  {
    type: mostly(fc.constantFrom('http', 'sse', 'stdio')),
    command: mostly(word),
    args: mostly(fc.array(word, { maxLength: 3 })),
    env: mostly(fc.dictionary(fc.stringMatching(/^[A-Z]{1,4}$/), word, { maxKeys: 2 })),
    url: mostly(fc.webUrl()),
    timeout: fc.nat(),
  },
  { requiredKeys: [] },
);

const handler = mostly(
  fc.record(
    {
      type: fc.constantFrom('command', 'prompt'),
      command: mostly(word),
      timeout: mostly(fc.nat(100)),
      async: fc.boolean(),
    },
    { requiredKeys: ['type', 'command'] },
  ),
);
const group = mostly(
  fc.record(
    { matcher: mostly(word), hooks: mostly(fc.array(handler, { maxLength: 3 })) },
    { requiredKeys: ['hooks'] },
  ),
);
const event = fc.oneof(fc.constantFrom('Stop', 'PreToolUse', 'PostToolUse'), word);

const RUNS = { numRuns: 60 };

describe('an import, rendered for Claude Code', () => {
  it('gives back any .mcp.json byte for byte', async () => {
    const wrapped = fc.record({ mcpServers: fc.dictionary(word, mostly(server), { maxKeys: 4 }) });
    const flat = fc.dictionary(word, server, { maxKeys: 4 });
    await fc.assert(
      fc.asyncProperty(fc.oneof(wrapped, flat), async (settings) => {
        const text = JSON.stringify(settings, null, 1);

        expect(await thereAndBack('.mcp.json', text)).toBe(text);
      }),
      RUNS,
    );
  });

  it('gives back any hooks.json byte for byte', async () => {
    const hooks = fc.dictionary(event, mostly(fc.array(group, { maxLength: 3 })), { maxKeys: 4 });
    await fc.assert(
      fc.asyncProperty(hooks, async (value) => {
        const text = JSON.stringify({ hooks: value }, null, 1);

        expect(await thereAndBack('hooks/hooks.json', text)).toBe(text);
      }),
      RUNS,
    );
  });

  it('gives back any command byte for byte', async () => {
    const key = fc.constantFrom('description', 'argument-hint', 'model', 'name', 'other');
    const line = fc.tuple(
      key,
      fc.oneof(word, fc.constantFrom('[a] <b>', '[x]', '|', '"', '&a *a')),
    );
    const header = fc.array(line, { maxLength: 4 }).map((lines) => {
      const yaml = lines.map(([name, value]) => `${name}: ${value}\n`).join('');
      return `---\n${yaml}---\n`;
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(header, fc.constant('')), word, async (start, body) => {
        const text = `${start}${body}`;

        expect(await thereAndBack('commands/c.md', text)).toBe(text);
      }),
      RUNS,
    );
  });
});
