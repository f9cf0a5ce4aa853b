import type { CST as Cst } from 'yaml';
import { fail, ok, type Result } from '../model/result.ts';
import { CST, Lexer, Parser } from './yaml-build.ts';

/** What the format allows of YAML, whatever a schema says. */
export const YAML_LIMITS = { bytes: 256 * 1024, depth: 64, pairs: 2_000, aliases: 100 } as const;

/** One fault of a YAML text. `offset` counts UTF-16 units of the text that was given. */
export interface YamlFault {
  code: string;
  offset: number;
  message: string;
  hint?: string;
}

const CORE_TAGS = new Set(['!!str', '!!int', '!!float', '!!bool', '!!null', '!!map', '!!seq']);

/** Broken text can make an error of every byte: past these the author has enough to do. */
const SYNTAX_ERRORS_KEPT = 20;

/**
 * Lexes and parses once, and refuses what must not be composed: composing
 * recurses by depth, and searches a map's pairs for every pair. The tokens of
 * an accepted text are then composed as they are.
 *
 * @see docs/spec/registry-format.md, "A document"
 */
export function parseTokens(text: string): Result<Cst.Token[], YamlFault[]> {
  const tokens: Cst.Token[] = [];
  let documents = 0;
  let errors = 0;
  for (const token of nestedAtMost(YAML_LIMITS.depth, text)) {
    if ('code' in token) return fail([token]);
    tokens.push(token);
    if (token.type === 'error' && ++errors === SYNTAX_ERRORS_KEPT) break;
    if (token.type === 'document' && ++documents === 2) break;
  }
  const faults = checkTokens(tokens);
  return faults.length === 0 ? ok(tokens) : fail(faults);
}

/** The parser's tokens, ended by a fault where collections nest too deeply. */
function* nestedAtMost(depth: number, text: string): Generator<Cst.Token | YamlFault> {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    // The stack holds the document, one entry for each open collection, perhaps
    // a scalar. It is judged at every lexeme, because the parser unwinds it by
    // recursion: 100,000 open brackets would end the process.
    if (parser.stack.length <= depth + 1) continue;
    const open = parser.stack.filter((entry) => 'items' in entry).length;
    if (open > depth) {
      const message = `collections nest deeper than ${depth} levels`;
      yield { code: 'yaml-depth', offset: parser.offset, message };
      return;
    }
  }
  yield* parser.end();
}

function checkTokens(tokens: readonly Cst.Token[]): YamlFault[] {
  const faults: YamlFault[] = [];
  const documents = tokens.filter((token) => token.type === 'document');
  const directive = tokens.find((token) => token.type === 'directive');
  if (directive) {
    const message = `the directive ${directive.source} is not allowed`;
    faults.push({ code: 'yaml-directive', offset: directive.offset, message });
  }
  const [first, second] = documents;
  if (second) {
    const message = 'a file holds one document: this is a second one';
    const hint = 'give it a file of its own';
    faults.push({ code: 'yaml-documents', offset: second.offset, message, hint });
  }
  if (first) checkDocument(first, faults);
  return faults;
}

function checkDocument(document: Cst.Document, faults: YamlFault[]): void {
  const aliases: number[] = [];
  checkProperties(document.start, faults);
  visit(document.value);
  const extra = aliases[YAML_LIMITS.aliases];
  if (extra !== undefined) {
    const message = `more than ${YAML_LIMITS.aliases} aliases`;
    faults.push({ code: 'yaml-aliases', offset: extra, message });
  }

  function visit(token: Cst.Token | null | undefined): void {
    if (token?.type === 'alias') aliases.push(token.offset);
    if (!CST.isCollection(token)) return;
    const isMap = token.type === 'block-map' || openerOf(token) === '{';
    if (isMap) checkPairs(token, faults);
    for (const item of token.items) {
      checkItem(item, faults);
      visit(item.key);
      visit(item.value);
    }
  }
}

type Collection = Cst.BlockMap | Cst.BlockSequence | Cst.FlowCollection;
type Item = Collection['items'][number];

const openerOf = (token: Collection): string =>
  token.type === 'flow-collection' ? token.start.source : '';

function checkPairs(map: Collection, faults: YamlFault[]): void {
  // Blank lines and comments are items too, so the cheap test comes first.
  if (map.items.length <= YAML_LIMITS.pairs) return;
  const pairs = map.items.filter((item) => item.key || item.sep);
  if (pairs.length <= YAML_LIMITS.pairs) return;
  const message = `a map of ${pairs.length} pairs: at most ${YAML_LIMITS.pairs} are allowed`;
  faults.push({ code: 'yaml-pairs', offset: map.offset, message });
}

function checkItem(item: Item, faults: YamlFault[]): void {
  checkProperties(item.start, faults);
  if (item.sep) checkProperties(item.sep, faults);
  const isRefused = item.start.some(({ type }) => type === 'explicit-key-ind');
  if (CST.isCollection(item.key) && !isRefused) refuseKey(item.key.offset, faults);
}

/** Tags, and the `?` that announces a key of any shape. */
function checkProperties(tokens: readonly Cst.SourceToken[], faults: YamlFault[]): void {
  for (const { type, source, offset } of tokens) {
    if (type === 'explicit-key-ind') refuseKey(offset, faults);
    if (type !== 'tag' || CORE_TAGS.has(source)) continue;
    faults.push({ code: 'yaml-tag', offset, message: `the tag ${source} is not allowed` });
  }
}

function refuseKey(offset: number, faults: YamlFault[]): void {
  faults.push({ code: 'yaml-complex-key', offset, message: 'a key is a plain or quoted string' });
}
