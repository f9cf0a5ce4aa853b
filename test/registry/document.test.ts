import { describe, expect, it } from 'vitest';
import { parseDocument } from '../../src/registry/document.ts';

const SKILL = 'plugins/sales/skills/hello.yaml';

const parse = (text: string, path = SKILL) => parseDocument(Buffer.from(text), path);
const codesOf = (text: string, path?: string) => parse(text, path).diagnostics.map((d) => d.code);

describe('parseDocument', () => {
  it('gives a document as plain values', () => {
    const text = `apiVersion: waymark/v1
kind: Skill
metadata:
  id: sales.hello
  title: Hello
  labels: {team: sales}
spec:
  description: Says hello.
  body: |
    Say hello.
`;

    expect(parse(text)).toEqual({
      kind: 'Skill',
      id: 'sales.hello',
      title: 'Hello',
      labels: { team: 'sales' },
      metadata: { id: 'sales.hello', title: 'Hello', labels: { team: 'sales' } },
      spec: { description: 'Says hello.', body: 'Say hello.\n' },
      diagnostics: [],
    });
  });

  it('takes a byte order mark and CRLF, and gives a body with plain line ends', () => {
    const text =
      '\ufeffapiVersion: waymark/v1\r\nkind: Skill\r\nspec:\r\n  description: hi\r\n  body: |\r\n    a\r\n    b\r\n';

    expect(parse(text)).toMatchObject({ spec: { body: 'a\nb\n' }, diagnostics: [] });
  });

  it('counts lines and columns alike with and without CRLF and a byte order mark', () => {
    const text = 'apiVersion: waymark/v1\nkind: Skill\nspec: {description: hi, bdy: x, body: y}\n';
    const position = { line: 3, column: 25, pointer: '/spec/bdy' };

    expect(parse(text).diagnostics).toMatchObject([position]);
    expect(parse(`\ufeff${text.replaceAll('\n', '\r\n')}`).diagnostics).toMatchObject([position]);
  });

  it('gives no spec where anything is wrong, but what it could read', () => {
    const text =
      'apiVersion: waymark/v1\nkind: Skill\nmetadata: {id: a.b, title: T}\nspec: {body: x}\n';

    const parsed = parse(text);

    expect(parsed).toMatchObject({ kind: 'Skill', id: 'a.b', title: 'T' });
    expect(parsed).not.toHaveProperty('spec');
    expect(codesOf(text)).toEqual(['missing-field']);
  });

  it("takes a plugin's title from metadata or spec", () => {
    const head = 'apiVersion: waymark/v1\nkind: Plugin\n';
    const path = 'plugins/demo/plugin.yaml';

    expect(parse(`${head}metadata: {title: Demo}\nspec: {}\n`, path).title).toBe('Demo');
    expect(parse(`${head}spec: {title: Demo}\n`, path).title).toBe('Demo');
  });

  it('takes an access file that grants nothing', () => {
    const text = 'apiVersion: waymark/v1\nkind: Access\nspec: {}\n';

    expect(parse(text, 'access/plugins/sales.yaml')).toEqual({
      kind: 'Access',
      spec: {},
      diagnostics: [],
    });
  });

  it('takes the largest file and refuses one byte more', () => {
    const head = 'apiVersion: waymark/v1\nkind: Skill\nspec: {description: d, body: b}\n#';
    const largest = head.padEnd(256 * 1024, '#');

    expect(codesOf(largest)).toEqual([]);
    expect(parse(`${largest}#`).diagnostics).toMatchObject([
      {
        code: 'too-large',
        line: 1,
        message: 'the file has 262145 bytes: at most 262144 are allowed',
        hint: 'larger text belongs in a payload file beside the document',
      },
    ]);
  });

  it('reports the first hundred of very many errors, and that there are more', () => {
    const nodes = Array.from({ length: 30_000 }, () => '{x: 1}').join(',');
    const text = `apiVersion: waymark/v1\nkind: WorkflowTemplate\nspec: {nodes: [${nodes}]}\n`;

    const { diagnostics } = parse(text, 'workflows/many.yaml');

    expect(diagnostics).toHaveLength(101);
    expect(diagnostics.at(-1)).toMatchObject({ code: 'more-errors', line: 3 });
  });

  it('is not asked about paths where no document stands', () => {
    expect(() => parse('', 'plugins/sales/README.md')).toThrow(RangeError);
  });
});
