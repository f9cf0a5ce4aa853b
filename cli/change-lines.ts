import { styleText } from 'node:util';
import { type Diagnostic, formatDiagnostic } from '../src/model/diagnostic.ts';

/** As `/api/v1/change-requests` lists them. */
export interface ListedChange {
  number: number;
  title: string;
  description: string;
  source: string;
  target: string;
  author: string;
  head: string;
  status: 'draft' | 'open' | 'merged' | 'closed';
  mergeCommit: string | null;
}

export interface Change extends ListedChange {
  checks: readonly Check[];
  reviews: readonly { reviewer: string; verdict: string; body: string; isStale: boolean }[];
  mergeable: boolean;
  conflicts: readonly string[];
}

interface Check {
  name: string;
  status: 'pending' | 'passed' | 'failed';
  summary: string;
  diagnostics: readonly Diagnostic[];
}

interface Item {
  kind: string;
  id: string;
}

interface Received {
  contentDigest: string;
  version?: string;
}

export interface ChangeDiff {
  files: readonly { path: string; status: string; diff: string | null }[];
  objects: { added: readonly Item[]; changed: readonly Item[]; removed: readonly Item[] } | null;
  clients:
    | readonly {
        channel: string;
        plugin: string;
        change: string;
        before: Received | null;
        after: Received | null;
        audience: { before: readonly string[]; after: readonly string[] };
      }[]
    | null;
}

/** Colours a text, where the terminal is one that shows them. */
export type Paint = (style: 'green' | 'red' | 'yellow' | 'cyan' | 'bold', text: string) => string;

export const paintFor =
  (hasColour: boolean): Paint =>
  (style, text) =>
    hasColour ? styleText(style, text, { validateStream: false }) : text;

const MARKS = { passed: ['green', '✓'], failed: ['red', '✗'], pending: ['yellow', '…'] } as const;

/** A request as people look at it: what it is, what speaks against it, and what it would do. */
export function changeLines(change: Change, diff: ChangeDiff, paint: Paint): string[] {
  const { number, title, status, author, source, target, head, description } = change;
  return [
    `${paint('bold', `#${number} ${title}`)} (${stateOf(change)})`,
    `${author} wants ${source} (${head.slice(0, 12)}) in ${target}`,
    ...paragraph(description),
    ...(status === 'merged' ? ['', `merged as ${change.mergeCommit}`] : []),
    ...section(
      'checks',
      change.checks.flatMap((check) => checkLines(check, paint)),
    ),
    ...section(
      'conflicts',
      change.conflicts.map((path) => paint('red', path)),
    ),
    ...section('reviews', change.reviews.flatMap(reviewLines)),
    ...section('objects', objectLines(diff, paint)),
    ...section('clients', clientLines(diff)),
    ...diff.files.flatMap((file) => ['', ...fileLines(file, paint)]),
  ];
}

const stateOf = ({ status, mergeable }: Change): string => {
  if (status !== 'open') return status;
  return mergeable ? 'open, can be merged' : 'open, cannot be merged yet';
};

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${line}`)];

const paragraph = (text: string): string[] =>
  text.trim() === '' ? [] : ['', ...text.trim().split('\n')];

function checkLines({ name, status, summary, diagnostics }: Check, paint: Paint): string[] {
  const [style, mark] = MARKS[status];
  const found = diagnostics.map((one) => `    ${one.severity}: ${formatDiagnostic(one)}`);
  return [`${paint(style, mark)} ${name}: ${summary}`, ...found];
}

const reviewLines = ({ reviewer, verdict, body, isStale }: Change['reviews'][number]): string[] => [
  `${reviewer}: ${verdict.replace('_', ' ')}${isStale ? ' (of an earlier commit)' : ''}`,
  ...body.split('\n').flatMap((line) => (line.trim() === '' ? [] : [`  ${line}`])),
];

function objectLines({ objects }: ChangeDiff, paint: Paint): string[] {
  if (!objects) return [];
  const named = (sign: string, { kind, id }: Item) => `${sign} ${kind} ${id}`;
  return [
    ...objects.added.map((item) => paint('green', named('+', item))),
    ...objects.changed.map((item) => paint('yellow', named('~', item))),
    ...objects.removed.map((item) => paint('red', named('-', item))),
  ];
}

const clientLines = ({ clients }: ChangeDiff): string[] =>
  (clients ?? []).map(({ channel, plugin, change, before, after, audience }) => {
    const who = (after ? audience.after : audience.before).join(', ') || 'administrators alone';
    return `${channel}: ${plugin} ${change}${contentOf(before, after)}, for ${who}`;
  });

function contentOf(before: Received | null, after: Received | null): string {
  const names = [before, after].flatMap((one) => (one ? [nameOf(one)] : []));
  return names.length === 0 || names[0] === names[1] ? '' : ` (${names.join(' → ')})`;
}

const nameOf = ({ version, contentDigest }: Received): string =>
  version ?? contentDigest.slice('sha256:'.length, 'sha256:'.length + 12);

function fileLines({ path, status, diff }: ChangeDiff['files'][number], paint: Paint): string[] {
  if (diff === null) return [`${status} ${path} (too much to show)`];
  return diff
    .trimEnd()
    .split('\n')
    .map((line) => diffLine(line, paint));
}

function diffLine(line: string, paint: Paint): string {
  if (/^(diff |index |--- |\+\+\+ |new file|deleted file|old mode|new mode)/.test(line)) {
    return paint('bold', line);
  }
  if (line.startsWith('@@')) return paint('cyan', line);
  if (line.startsWith('+')) return paint('green', line);
  return line.startsWith('-') ? paint('red', line) : line;
}

/** Controls, and what turns the order of a line's characters round. */
const STEERING = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** What an author wrote must not steer the reader's terminal. */
export function withoutControls<T>(value: T): T {
  const text = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'string' ? part.replace(STEERING, '\uFFFD') : part,
  );
  return JSON.parse(text) as T;
}
