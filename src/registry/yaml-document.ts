import type { CST as Cst, Document, Node } from 'yaml';
import { fail, ok, type Result } from '../model/result.ts';
import { Composer, isAlias, isMap, isScalar, isSeq } from './yaml-build.ts';
import { parseTokens, type YamlFault } from './yaml-guard.ts';
import { offsetAt, PlainReader } from './yaml-plain.ts';
import { readSimpleYaml } from './yaml-simple.ts';

/** A text's one document as plain JSON values, and where they stand. */
export interface YamlDocument {
  value: unknown;
  /**
   * The offset of the node at a pointer, or of the nearest one above it that
   * exists. Looked up at need: an error is rare and a position costs a walk.
   */
  offsetOf(pointer: readonly string[], of: 'key' | 'value'): number;
}

const OPTIONS = {
  version: '1.2',
  schema: 'core',
  stringKeys: true,
  uniqueKeys: false, // compares every pair with every other: PlainReader looks them up instead
  prettyErrors: false,
} as const;

/** @param text with `\n` line ends and no byte order mark */
export function readYaml(text: string): Result<YamlDocument, YamlFault[]> {
  const value = readSimpleYaml(text);
  if (value === undefined) return readFullYaml(text);
  let full: Result<YamlDocument, YamlFault[]> | undefined;
  return ok({
    value,
    offsetOf(pointer, of) {
      full ??= readFullYaml(text);
      return full.ok ? full.value.offsetOf(pointer, of) : 0;
    },
  });
}

/** All of YAML that a document may be written in, by the library: what `readYaml` must agree with. */
export function readFullYaml(text: string): Result<YamlDocument, YamlFault[]> {
  const composed = composeYaml(text);
  if (!composed.ok) return composed;
  const { document, value } = composed.value;
  return ok({ value, offsetOf: (pointer, of) => offsetOf(document, pointer, of) });
}

/**
 * Beside the value the library's tree of nodes.
 *
 * @param hasTokens each with the tokens that it was made of: an edit needs them, and they are not small
 */
export function composeYaml(
  text: string,
  hasTokens = false,
): Result<{ document: Document; value: unknown }, YamlFault[]> {
  const tokens = parseTokens(text);
  if (!tokens.ok) return tokens;
  const document = compose(tokens.value, hasTokens);
  if (!document) return fail([{ code: 'yaml-empty', offset: 0, message: 'the file is empty' }]);
  if (document.errors.length > 0) return fail(document.errors.map(syntaxFault));

  const reader = new PlainReader();
  const value = reader.read(document.contents);
  return reader.faults.length > 0 ? fail(reader.faults) : ok({ document, value });
}

/** Broken text makes an error of every byte, and most of an error's cost is its stack trace. */
function compose(tokens: readonly Cst.Token[], keepSourceTokens: boolean): Document | undefined {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const [document] = new Composer({ ...OPTIONS, keepSourceTokens }).compose(tokens);
    return document;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function syntaxFault({ pos: [offset], code, message }: Document['errors'][number]): YamlFault {
  if (code === 'NON_STRING_KEY') {
    return { code: 'yaml-complex-key', offset, message: 'a key is a plain or quoted string' };
  }
  return { code: 'yaml-syntax', offset, message: `not valid YAML: ${message}` };
}

function offsetOf(document: Document, pointer: readonly string[], of: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const [i, segment] of pointer.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const isLast = i === pointer.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === segment);
      if (!pair) return offset;
      const target = isLast && of === 'key' ? pair.key : (pair.value ?? pair.key);
      offset = offsetAt(target as Node);
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(segment)];
      if (!node) return offset;
      offset = offsetAt(node as Node);
    }
  }
  return offset;
}
