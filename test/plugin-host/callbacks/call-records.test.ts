import { describe, expect, it } from 'vitest';
import { createCallRecords } from '../../../src/plugin-host/callbacks/call-records.ts';
import { makeGuest, openCall } from '../../support/callbacks.ts';

const refused = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    return { ...(error as object), message: (error as Error).message };
  }
};

describe('createCallRecords', () => {
  it('gives each call an id that nobody can guess', async () => {
    const records = createCallRecords();
    const { record } = await openCall();

    const ids = Array.from({ length: 100 }, () => records.begin(record));

    expect(new Set(ids).size).toBe(100);
    expect(ids.every((id) => Buffer.from(id, 'base64url').length === 16)).toBe(true);
    expect(records.get(record.guest, ids[7]).record).toBe(record);
  });

  it('refuses an id that has ended, one that never was and another’s in the same words', async () => {
    const records = createCallRecords();
    const { record } = await openCall();
    const ended = records.begin(record);
    records.end(ended);
    const open = records.begin(record);

    const answers = [
      refused(() => records.get(record.guest, ended)),
      refused(() => records.get(record.guest, 'guessed')),
      refused(() => records.get(record.guest, undefined)),
      refused(() => records.get(record.guest, { toString: () => open })),
      refused(() => records.get(makeGuest(), open)),
      refused(() => records.get(makeGuest({}, { org: 'globex' }), open)),
      refused(() => records.get(makeGuest({ id: 'other' }), open)),
    ];

    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
  });

  it('tells whoever works for a call that it has ended', async () => {
    const records = createCallRecords();
    const { record } = await openCall();
    const id = records.begin(record);
    const { signal } = records.get(record.guest, id);

    records.end(id);
    records.end(id);

    expect(signal.reason).toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
  });
});
