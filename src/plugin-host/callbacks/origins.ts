/**
 * Where a configuration leads: the origins of all URLs in it, sorted. A secret
 * that was given for these is sent to no other.
 */
export function originsOf(config: unknown): string[] {
  const origins = new Set<string>();
  collect(config, origins);
  return [...origins].sort();
}

function collect(value: unknown, origins: Set<string>): void {
  if (typeof value === 'string') {
    const origin = originOf(value);
    if (origin !== undefined) origins.add(origin);
  } else if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) collect(part, origins);
  }
}

/** Of a URL of http; undefined of any other text. */
export function originOf(text: string): string | undefined {
  const url = URL.parse(text);
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url.origin : undefined;
}
