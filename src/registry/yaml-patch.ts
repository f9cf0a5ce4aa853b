import { isDeepStrictEqual } from 'node:util';
import { fail, ok, type Result } from '../model/result.ts';
import { plainOf } from './edit-node.ts';
import { applyPatch, type PatchStep } from './json-patch.ts';
import { decodeText } from './text.ts';
import { composeYaml, readYaml } from './yaml-document.ts';
import { printYaml } from './yaml-print.ts';
import { readTree } from './yaml-tree.ts';

export type { PatchStep };

/** `step` is the index of the operation at fault, where it is one's. */
export interface PatchRefusal {
  step?: number;
  message: string;
}

/**
 * Applies RFC 6902 to a YAML document. What the patch does not touch keeps its
 * bytes: comments, order, quotes and indentation. An item's comments, those
 * directly above it and the one behind it, move and go with it.
 *
 * @param text with `\n` line ends, of one document that `readYaml` takes
 */
export function patchYaml(text: string, steps: readonly PatchStep[]): Result<string, PatchRefusal> {
  const composed = composeYaml(text, true);
  if (!composed.ok) {
    const { message } = composed.error[0]!;
    return fail({ message: `the document cannot be read: ${message}` });
  }
  const { root: before, style } = readTree(text, composed.value.document);
  const patched = applyPatch(before, steps);
  if (!patched.ok) return patched;
  const after = patched.value;
  if (after === before) return ok(text);
  const printed = printYaml(text, { before, after, style });
  // Anchors and YAML's rarer forms can make the text say something else.
  const again = readYaml(printed);
  if (again.ok && isDeepStrictEqual(again.value.value, plainOf(after))) return ok(printed);
  return fail({ message: 'this cannot be made in the text as it is written: upsert the file' });
}

/** As {@link patchYaml}, on a file's bytes: it keeps its byte order mark and its line ends. */
export function patchFile(
  bytes: Buffer,
  steps: readonly PatchStep[],
): Result<Buffer, PatchRefusal> {
  const text = decodeText(bytes);
  if (!text.ok) return fail({ message: text.error.message });
  const patched = patchYaml(text.value, steps);
  return patched.ok ? ok(withEnds(bytes, patched.value)) : patched;
}

const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** The first line end stands for all. */
function withEnds(before: Buffer, text: string): Buffer {
  const mark = before.subarray(0, 3).equals(MARK) ? MARK : Buffer.alloc(0);
  const isWindows = before[before.indexOf('\n') - 1] === 0x0d;
  return Buffer.concat([mark, Buffer.from(isWindows ? text.replaceAll('\n', '\r\n') : text)]);
}
