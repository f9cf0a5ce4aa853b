import { WaymarkError } from '../../model/errors.ts';
import type { BindingSecrets } from './binding-secrets.ts';
import type { CallRecord } from './call-records.ts';
import { secretOf } from './secret-of.ts';

/** What stands in a plugin's configuration where it was not granted the value. */
const PLACEHOLDER = /secret:(\w(?:[\w./~-]*\w)?)/g;

export const hasPlaceholder = (text: string): boolean => text.search(PLACEHOLDER) !== -1;

export const isPlaceholder = (text: string): boolean => text.replace(PLACEHOLDER, '') === '';

/** In one text: each may stand for sixty thousand characters. */
const MOST = 16;

/**
 * @throws {WaymarkError} `INT_CREDENTIALS_REQUIRED` for a field without a secret,
 *   `VAL_FAILED` for too many
 */
export async function resolvePlaceholders(
  text: string,
  record: CallRecord,
  secrets: BindingSecrets,
): Promise<string> {
  const found = [...text.matchAll(PLACEHOLDER)];
  if (found.length > MOST)
    throw new WaymarkError('VAL_FAILED', `at most ${MOST} secrets in a text`);
  const fields = [...new Set(found.map(([, field]) => field!))];
  const values = new Map<string, string>();
  for (const field of fields) {
    const value = await secretOf(secrets, record, field);
    if (value === undefined) {
      const message = `${field}: the configuration has no such secret`;
      throw new WaymarkError('INT_CREDENTIALS_REQUIRED', message, { details: { field } });
    }
    values.set(field, value);
  }
  // Once: a secret that looks like a placeholder stands for itself.
  return text.replace(PLACEHOLDER, (_all, field: string) => values.get(field)!);
}
