import { isNode, LineCounter, parseDocument } from 'yaml';
import type { Diagnostic } from '../model/diagnostic.ts';

/**
 * Gives findings that only know a pointer their line and column. Parsing again
 * is paid for only when there is something to report.
 */
export function locate(text: string, diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  return diagnostics.map((diagnostic) => {
    const path = diagnostic.pointer
      .split('/')
      .slice(1)
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    for (let depth = path.length; depth > 0; depth--) {
      const node = document.getIn(path.slice(0, depth), true);
      if (!isNode(node) || !node.range) continue;
      const { line, col } = lines.linePos(node.range[0]);
      return { ...diagnostic, line, column: col };
    }
    return diagnostic;
  });
}
