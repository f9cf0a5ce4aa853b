import { byPosition, type Diagnostic } from '../model/diagnostic.ts';

/** A file as it is in git. */
export interface ScannedFile {
  path: string;
  bytes: Uint8Array;
}

/** A call costs a millisecond however short the text is, so small files are looked at together. */
const BATCH_CHARS = 256 * 1024;
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
    const whole = batch.map(({ text }) => text).join('\n\n');
    const isClean = batch.length > 1 && (await lint('', whole)).length === 0;
    if (isClean) continue;
    for (const { path, text } of batch) found.push(...(await lint(path, text)));
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

async function lint(path: string, text: string): Promise<Diagnostic[]> {
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
    line: loc.start.line,
    column: loc.start.column + 1,
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
