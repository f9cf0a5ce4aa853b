import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createOutput, formatBytes, formatTable, type OutputTerms } from '../../cli/output.ts';

/** What was written, and a terminal for bars to be drawn on. */
function makeStreams(terms: Partial<OutputTerms> = {}, isTTY = false) {
  const said = { stdout: '', stderr: '' };
  const terminal = Object.assign(new PassThrough(), { isTTY, columns: 80 });
  terminal.on('data', (text: Buffer) => {
    said.stderr += text.toString();
  });
  const stdout = { write: (text: string) => (said.stdout += text) };
  const output = createOutput({ stdout, stderr: terminal, json: false, bars: true, ...terms });
  return { said, output };
}

const download = (output: ReturnType<typeof createOutput>): void => {
  const progress = output.progress('sales 1.4.0', 2048);
  progress.advance(1024);
  progress.advance(1024);
  progress.done();
};

describe('createOutput', () => {
  it('keeps results and what is said on the way apart', () => {
    const { said, output } = makeStreams();

    output.say('fetching');
    output.warn('careful');
    output.result({ a: 1 }, ['one', 'two']);

    expect(said).toEqual({ stdout: 'one\ntwo\n', stderr: 'fetching\nwarning: careful\n' });
  });

  it('gives one JSON value, and no steps, with json', () => {
    const { said, output } = makeStreams({ json: true }, true);

    output.say('fetching');
    download(output);
    output.result({ a: 1 }, ['one']);

    expect(said).toEqual({ stdout: '{\n  "a": 1\n}\n', stderr: '' });
  });

  it('says a plain line per download where there is no terminal', () => {
    const { said, output } = makeStreams();

    download(output);

    expect(said.stderr).toBe('sales 1.4.0: 2.0 KiB\n');
  });

  it('draws a bar on a terminal', () => {
    const { said, output } = makeStreams({}, true);

    download(output);

    expect(said.stderr).toContain('sales 1.4.0');
    expect(said.stderr).toContain('0%');
    expect(said.stderr).toContain('2.0 KiB');
  });

  it('draws none in CI', () => {
    const { said, output } = makeStreams({ bars: false }, true);

    download(output);

    expect(said.stderr).toBe('sales 1.4.0: 2.0 KiB\n');
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [5 * 1024 * 1024, '5.0 MiB'],
  ])('writes %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatTable', () => {
  it('aligns columns and leaves no space at the end of a line', () => {
    expect(
      formatTable(
        ['id', 'state'],
        [
          ['sales', ''],
          ['x', 'yanked'],
        ],
      ),
    ).toEqual(['ID     STATE', 'sales', 'x      yanked']);
  });
});
