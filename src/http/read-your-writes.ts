import type { Request, Response } from 'express';
import { invalidField, WaymarkError } from '../model/errors.ts';

/** How far what each org serves has come. */
export interface Sequences {
  /** Undefined for an org that serves nothing, and for the site. */
  current(org: string): number | undefined;
  /** Waits for it; false when it does not come in time. */
  reach(org: string, sequence: number): Promise<boolean>;
}

const MIN_SEQUENCE = 'x-waymark-min-seq';

/** Whether a request asks for what was served at some time or later: it may have to wait. */
export const hasMinSequence = ({ headers }: Pick<Request, 'headers'>): boolean =>
  headers[MIN_SEQUENCE] !== undefined;

/** @throws {WaymarkError} `VAL_FAILED`; `RES_UNAVAILABLE` when it has not come in time */
export async function awaitSequence(
  request: Request,
  org: string,
  sequences: Sequences,
): Promise<void> {
  const wanted = request.get(MIN_SEQUENCE);
  if (wanted === undefined) return;
  if (!/^\d{1,15}$/.test(wanted)) {
    throw invalidField('X-Waymark-Min-Seq', 'must be a whole number, as X-Waymark-Seq was');
  }
  if (await sequences.reach(org, Number(wanted))) return;
  throw new WaymarkError('RES_UNAVAILABLE', `sequence ${wanted} is not served here yet: retry`);
}

/** Tells a writer what to ask for to read what it wrote, on whatever node. */
export function tellSequence(response: Response, org: string, sequences: Sequences): void {
  const sequence = sequences.current(org);
  if (sequence !== undefined) response.set('X-Waymark-Seq', String(sequence));
}
