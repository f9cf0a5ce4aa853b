import { setImmediate } from 'node:timers/promises';
import { byPosition, type Diagnostic } from '../model/diagnostic.ts';

/** A file as it is in git. */
export interface ScannedFile {
  path: string;
  bytes: Uint8Array;
}

/** A call costs a millisecond however short the text is, so small files are looked at together. */
const BATCH_CHARS = 256 * 1024;
/** The library compares every finding in a text with every other: longer texts are cut. */
const PIECE_CHARS = 64 * 1024;
/** What the pieces have in common, so that no secret is cut in two; a private key is shorter. */
const OVERLAP_CHARS = 16 * 1024;
/** Nobody mends more at once. */
const MOST_FOUND = 1000;
/** Larger ones are payload that a registry refuses anyway. */
const LONGEST_BYTES = 5 * 1024 * 1024;

/** What rules of their own are for. */
const RULED_BY_NAME = /(?<=^|\/)(package\.json|package-lock\.json|\.npmrc)$/;

/** A connection string with one of these names nobody's server: documentation is full of them. */
const NO_SERVER = String.raw`/@(\[?::1\]?|127\.\d+\.\d+\.\d+|[^@\/.:\s]+|([\w-]+\.)*(example|test|invalid|localhost)(\.(com|org|net))?)([:\/?#\s"']|$)/i`;

/**
 * What looks like a credential: tokens of known providers, private keys, passwords in addresses. It
 * stays in a repository's history for everyone who may read it, so it is looked for before it gets
 * in. The text of a finding never holds the secret itself.
 */
export async function scanForSecrets(files: Iterable<ScannedFile>): Promise<Diagnostic[]> {
  const found: Diagnostic[] = [];
  for (const batch of batchesOf(files)) {
    await setImmediate(); // whoever waits is served between two batches
    const whole = batch.map(({ text }) => text).join('\n\n');
    const isClean = batch.length > 1 && (await lint('', whole, 1)).length === 0;
    if (isClean) continue;
    for (const { path, text } of batch) {
      found.push(...(await lint(path, text, MOST_FOUND - found.length)));
      if (found.length >= MOST_FOUND) return found.sort(byPosition);
    }
  }
  return found.sort(byPosition);
}

interface TextFile {
  path: string;
  text: string;
}

function* batchesOf(files: Iterable<ScannedFile>): Generator<TextFile[]> {
  let batch: TextFile[] = [];
  let chars = 0;
  for (const { path, bytes } of files) {
    if (bytes.length > LONGEST_BYTES || bytes.includes(0)) continue;
    const file = {
      path,
      text: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(),
    };
    // Its comment would switch the search off for the files behind it too.
    if (file.text.includes('secretlint-') || RULED_BY_NAME.test(path)) {
      yield [file];
      continue;
    }
    batch.push(file);
    chars += file.text.length;
    if (chars < BATCH_CHARS) continue;
    yield batch;
    [batch, chars] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

/** A part of a text, and where it starts in it, both counted from 0. */
interface Piece {
  text: string;
  line: number;
  column: number;
}

/** Cut at line ends, where lines are not as long as a piece. */
function* piecesOf(text: string): Generator<Piece> {
  let [start, line, lineStart] = [0, 0, 0];
  for (;;) {
    const end = endOfPiece(text, start);
    yield { text: text.slice(start, end), line, column: start - lineStart };
    if (end === text.length) return;
    const next = lastLineIn(text, start, end - OVERLAP_CHARS) ?? end - OVERLAP_CHARS;
    for (
      let at = text.indexOf('\n', start);
      at >= 0 && at < next;
      at = text.indexOf('\n', at + 1)
    ) {
      line += 1;
      lineStart = at + 1;
    }
    start = next;
  }
}

function endOfPiece(text: string, start: number): number {
  const end = start + PIECE_CHARS;
  if (end >= text.length) return text.length;
  return lastLineIn(text, start + 2 * OVERLAP_CHARS, end) ?? end;
}

/** Where the last line starts that starts between two places. */
function lastLineIn(text: string, from: number, to: number): number | undefined {
  const at = text.slice(from, to).lastIndexOf('\n');
  return at < 0 ? undefined : from + at + 1;
}

/** @param most findings; there may be a few more */
async function lint(path: string, text: string, most: number): Promise<Diagnostic[]> {
  const found = new Map<string, Diagnostic>();
  for (const piece of piecesOf(text)) {
    for (const one of await lintPiece(path, piece)) {
      found.set(`${one.line}:${one.column} ${one.message}`, one);
    }
    if (found.size >= most) break;
  }
  return [...found.values()];
}

async function lintPiece(path: string, { text, line, column }: Piece): Promise<Diagnostic[]> {
  const { lintSource, config } = await load();
  // A rule for key stores would read the file of that name from this machine's own disk.
  const filePath = RULED_BY_NAME.exec(path)?.[0] ?? 'file.txt';
  const { messages } = await lintSource({
    source: { filePath, content: text, ext: '.txt', contentType: 'text' },
    options: { config, locale: 'en', maskSecrets: true, noPhysicFilePath: true },
  });
  return messages.map(({ ruleId, messageId, loc }) => ({
    severity: 'error',
    code: 'secret',
    path,
    line: line + loc.start.line,
    column: (loc.start.line === 1 ? column : 0) + loc.start.column + 1,
    pointer: '',
    message: `this looks like a secret (${ruleId.replace(/^.*secretlint-rule-/, '')}, ${messageId})`,
    hint: 'if it is one, revoke it; if not, put the comment secretlint-disable-line on the line',
  }));
}

type LintSource = typeof import('@secretlint/core').lintSource;
interface Linter {
  lintSource: LintSource;
  config: Parameters<LintSource>[0]['options']['config'];
}
let loading: Promise<Linter> | undefined;

/** Once, and only where something is scanned: its rules are half a megabyte of code. */
const load = (): Promise<Linter> => (loading ??= loadNow());

async function loadNow(): Promise<Linter> {
  const { lintSource } = await import('@secretlint/core');
  const { creator } = await import('@secretlint/secretlint-rule-preset-recommend');
  const allows = [NO_SERVER];
  const rules = ['database-connection-string', 'basicauth'].map((name) => ({
    id: `@secretlint/secretlint-rule-${name}`,
    options: { allows },
  }));
  const id = '@secretlint/secretlint-rule-preset-recommend';
  return { lintSource, config: { rules: [{ id, rule: creator, rules, options: {} }] } };
}
