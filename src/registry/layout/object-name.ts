import { sha256Hex } from '../../model/digest.ts';

/**
 * A text from another tool as a name of the registry: `Clean_Gone` → `clean-gone`.
 * Empty where no letter or digit is left.
 */
export function toName(text: string, limit: number): string {
  const plain = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  const name = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
  return name.length <= limit ? name : withTag(name, text, limit);
}

/**
 * One name for each text. Depends on the set of texts, not on their order: of
 * several that give one name, the text that already is that name keeps it.
 */
export function assignNames(texts: Iterable<string>, limit: number): Map<string, string> {
  const wanted = new Map<string, string[]>();
  for (const text of new Set(texts)) {
    const name = toName(text, limit);
    wanted.set(name, [...(wanted.get(name) ?? []), text]);
  }
  const names = new Map<string, string>();
  for (const [name, rivals] of wanted) {
    for (const text of rivals) {
      const keeps = name !== '' && (rivals.length === 1 || text === name);
      names.set(text, keeps ? name : withTag(name || 'unnamed', text, limit));
    }
  }
  return names;
}

/** The hash keeps names apart that the rules or the cut would make equal. */
function withTag(name: string, text: string, limit: number): string {
  const head = name.slice(0, limit - 9).replace(/-$/, '');
  return `${head}-${sha256Hex(text).slice(0, 8)}`;
}
