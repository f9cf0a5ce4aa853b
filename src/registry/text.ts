import { fail, ok, type Result } from '../model/result.ts';
import { YAML_LIMITS, type YamlFault } from './yaml-guard.ts';

const strict = new TextDecoder('utf-8', { fatal: true });
const lenient = new TextDecoder('utf-8');

/** What YAML 1.2 does not count as printable, and a lone CR, which readers take for a line end. */
const UNPRINTABLE = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]|\r(?!\n)/;

/**
 * A document's bytes as text for parsing: no byte order mark, `\n` line ends.
 * Digests are over the bytes, so nothing is lost by it.
 */
export function decodeText(bytes: Uint8Array): Result<string, YamlFault> {
  if (bytes.length > YAML_LIMITS.bytes) {
    const message = `the file has ${bytes.length} bytes: at most ${YAML_LIMITS.bytes} are allowed`;
    const hint = 'larger text belongs in a payload file beside the document';
    return fail({ code: 'too-large', offset: 0, message, hint });
  }
  let text: string;
  try {
    text = strict.decode(bytes);
  } catch {
    const message = 'the file is not valid UTF-8';
    const hint = 'save it as UTF-8';
    const offset = Math.max(0, lenient.decode(bytes).indexOf('\ufffd'));
    return fail({ code: 'encoding', offset, message, hint });
  }
  const at = text.search(UNPRINTABLE);
  if (at >= 0) {
    const point = text.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0');
    const message = `the control character U+${point} is not allowed`;
    return fail({ code: 'control-character', offset: at, message });
  }
  return ok(text.includes('\r') ? text.replaceAll('\r\n', '\n') : text);
}

/** Both from 1; a column counts UTF-16 units, as editors do. */
export function positionOf(text: string, offset: number): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) {
    line++;
    start = at + 1;
  }
  return { line, column: offset - start + 1 };
}
