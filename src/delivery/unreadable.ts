import { WaymarkError } from '../model/errors.ts';

/** What the repository or the store holds can not be read: a fault to show, not a bug. */
export const isUnreadable = (error: unknown): error is WaymarkError =>
  error instanceof WaymarkError && (error.code === 'REG_CORRUPT' || error.code === 'VAL_TOO_LARGE');
