import { describe, expect, it } from 'vitest';
import { sweep } from '../../src/workers/sweep.ts';

const run = { id: '*/sweep/', epoch: 1, org: null, key: '', payload: null };
const { signal } = new AbortController();

describe('sweep', () => {
  it('runs every sweep, and tells of what was removed', async () => {
    const told: object[] = [];
    const log = { info: (facts: object) => void told.push(facts), warn() {}, error() {} };
    const sweeps = { sessions: async () => 3, lockouts: async () => 0 };

    await sweep(sweeps, log)({ ...run, signal });

    expect(told).toEqual([{ what: 'sessions', count: 3 }]);
  });

  it('fails for one that failed, after the others', async () => {
    let count = 0;
    const log = { info: () => void count++, warn() {}, error() {} };
    const fault = new Error('down');
    const sweeps = { sessions: () => Promise.reject(fault), lockouts: async () => 1 };

    const sweeping = sweep(sweeps, log)({ ...run, signal });

    await expect(sweeping).rejects.toMatchObject({ message: '1 sweeps failed', errors: [fault] });
    expect(count).toBe(1);
  });
});
