import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leadOf, parseMarkdown, writeMarkdown } from '../../../src/registry/layout/markdown.ts';

describe('parseMarkdown', () => {
  it('parts the header from the text', () => {
    expect(parseMarkdown('---\nname: x\n---\n\n# X\n')).toEqual({
      status: 'ok',
      fields: { name: 'x' },
      body: '\n# X\n',
    });
  });

  it('leaves a rule in the text alone', () => {
    const { fields, body } = parseMarkdown('---\nname: x\n---\na\n---\nb: c\n---\n');

    expect(fields).toEqual({ name: 'x' });
    expect(body).toBe('a\n---\nb: c\n---\n');
  });

  it('reads no header that does not open the file', () => {
    const text = '# Issue\n\n---\nname: an example\n---\n';

    expect(parseMarkdown(text)).toEqual({ status: 'none', fields: {}, body: text });
  });

  it.each([
    ['a byte order mark', '\uFEFF---\nname: x\n---\nbody'],
    ['CRLF', '---\r\nname: x\r\n---\r\nbody'],
    ['blanks behind the marks', '--- \nname: x\n---\t\nbody'],
  ])('accepts %s', (_what, text) => {
    expect(parseMarkdown(text)).toEqual({ status: 'ok', fields: { name: 'x' }, body: 'body' });
  });

  it('takes a header without fields for one', () => {
    expect(parseMarkdown('---\n---\nbody')).toEqual({ status: 'ok', fields: {}, body: 'body' });
  });

  it('takes a header that is never closed for text', () => {
    expect(parseMarkdown('---\nname: x\n').status).toBe('none');
  });

  it('reads the lines of a header that is no YAML', () => {
    const { status, fields, body } = parseMarkdown(
      '---\nname: hunter\ndescription: Use it when: a: b\n  and then\ntools: Read\n---\nbody',
    );

    expect(status).toBe('invalid');
    expect(fields).toEqual({
      name: 'hunter',
      description: 'Use it when: a: b and then',
      tools: 'Read',
    });
    expect(body).toBe('body');
  });

  it.each([
    ['a list', '- a\n- b'],
    ['one word', 'word'],
    ['a key twice', 'a: 1\na: 2'],
    ['100,000 open brackets', `a: ${'['.repeat(60_000)}`],
    ['a megabyte', `a: ${'x'.repeat(1 << 20)}`],
  ])('calls a header that is %s invalid', (_what, header) => {
    expect(parseMarkdown(`---\n${header}\n---\n`).status).toBe('invalid');
  });

  it('keeps every character of the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (body) => {
        expect(parseMarkdown(`---\na: 1\n---\n${body}`).body).toBe(body);
      }),
    );
  });
});

describe('writeMarkdown', () => {
  it('is read back as it was written', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), text), text, (fields, body) => {
        fc.pre(Object.keys(fields).length > 0);

        const read = parseMarkdown(writeMarkdown(fields, body));

        expect(read).toEqual({ status: 'ok', fields: { ...fields }, body });
      }),
    );
  });

  it('writes no header without fields', () => {
    expect(writeMarkdown({}, 'body')).toBe('body');
  });
});

describe('leadOf', () => {
  it.each([
    ['# Accessibility audit\n\nYou are …', 'Accessibility audit'],
    ['\n\n> Quoted', 'Quoted'],
    ['---\n\n**Bold** start', 'Bold** start'],
    ['```sh\nls\n```', 'ls'],
  ])('reads %j', (body, lead) => {
    expect(leadOf(body)).toBe(lead);
  });

  it('gives nothing for a blank text', () => {
    expect(leadOf(' \n\n')).toBeUndefined();
  });
});
