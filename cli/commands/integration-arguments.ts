import { InvalidArgumentError } from 'commander';

export const placeOf = (name: string): string => `/integrations/${encodeURIComponent(name)}`;

/** `field=value`, one more of them. */
export function setting(
  text: string,
  before: Record<string, unknown> = {},
): Record<string, unknown> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('must be field=value');
  return { ...before, [text.slice(0, at)]: parseValue(text.slice(at + 1)) };
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
