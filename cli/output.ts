import { Presets, SingleBar } from 'cli-progress';

export interface TextStream {
  write(text: string): unknown;
  isTTY?: boolean;
}

/** Results go to standard output, everything said on the way to standard error. */
export interface Output {
  readonly json: boolean;
  /** What the command was asked for: one JSON value with `--json`, else these lines. */
  result(value: unknown, lines: readonly string[]): void;
  /** A step on the way; silent with `--json`. */
  say(line: string): void;
  warn(line: string): void;
  /** @param totalBytes 0 when it is not known */
  progress(label: string, totalBytes: number): Progress;
}

export interface Progress {
  advance(bytes: number): void;
  done(): void;
}

export interface OutputTerms {
  stdout: TextStream;
  stderr: TextStream;
  json: boolean;
  /** False in CI, where a bar would only fill the log. */
  bars: boolean;
}

export function createOutput({ stdout, stderr, json, bars }: OutputTerms): Output {
  const say = (line: string): void => {
    if (!json) stderr.write(`${line}\n`);
  };
  return {
    json,
    say,
    warn: (line) => void stderr.write(`warning: ${line}\n`),
    result(value, lines) {
      if (json) stdout.write(`${JSON.stringify(value, null, 2)}\n`);
      else for (const line of lines) stdout.write(`${line}\n`);
    },
    progress(label, totalBytes) {
      if (json || !bars || !stderr.isTTY) return plainProgress(label, say);
      return barProgress(label, totalBytes, stderr as NodeJS.WritableStream);
    },
  };
}

function plainProgress(label: string, say: (line: string) => void): Progress {
  let bytes = 0;
  return {
    advance: (more) => {
      bytes += more;
    },
    done: () => say(`${label}: ${formatBytes(bytes)}`),
  };
}

function barProgress(label: string, total: number, stream: NodeJS.WritableStream): Progress {
  const format = `${label} {bar} {percentage}% {value}/{total}`;
  const formatValue = (value: number, _options: unknown, type: string): string =>
    type === 'percentage' ? String(value) : formatBytes(value);
  const bar = new SingleBar(
    { format, formatValue, stream, clearOnComplete: true, hideCursor: true },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return { advance: (bytes) => bar.increment(bytes), done: () => bar.stop() };
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const kib = bytes / 1024;
  return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}

/** Columns as wide as their widest cell; the last one is not padded. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const all = [header.map((name) => name.toUpperCase()), ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
