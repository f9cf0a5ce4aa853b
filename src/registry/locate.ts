import type { Diagnostic } from '../model/diagnostic.ts';
import { fromPointer } from './finding.ts';
import { decodeText, positionOf } from './text.ts';
import { readYaml } from './yaml-document.ts';

/**
 * Gives findings that only know a pointer their line and column. Parsing again
 * is paid for only when there is something to report.
 */
export function locate(bytes: Uint8Array, diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const text = decodeText(bytes);
  const yaml = text.ok ? readYaml(text.value) : text;
  if (!text.ok || !yaml.ok) return [...diagnostics];
  return diagnostics.map((diagnostic) => {
    const offset = yaml.value.offsetOf(fromPointer(diagnostic.pointer), 'value');
    return { ...diagnostic, ...positionOf(text.value, offset) };
  });
}
