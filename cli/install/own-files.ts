import { Failure } from '../errors.ts';

export const toText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** @throws {Failure} when it is not what we once wrote */
export function parseOwn(text: Buffer, path: string): unknown {
  try {
    return JSON.parse(text.toString());
  } catch (cause) {
    throw new Failure(`${path} is damaged: restore it, or run \`waymark enrol\` again`, { cause });
  }
}
