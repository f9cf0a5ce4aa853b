/** Milliseconds since the Unix epoch. Injected, so that a test decides what time it is. */
export type Clock = () => number;

/** RFC 3339 in UTC, as in every answer. */
export const toTime = (ms: number): string => new Date(ms).toISOString();
