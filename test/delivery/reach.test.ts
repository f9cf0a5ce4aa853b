import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reachSequence } from '../../src/delivery/reach.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { skill } from '../support/registry.ts';

let org: TestOrg;

beforeEach(async () => {
  org = await makeTestOrg();
});
afterEach(() => org.remove());

const change = (text: string) => org.commit({ 'plugins/ops/skills/triage.yaml': skill(text) });

describe('reachSequence', () => {
  it('does not wait for what is served already', async () => {
    const { runtime } = org;

    expect(await reachSequence(runtime, runtime.view.sequence, 0)).toBe(true);
    expect(await reachSequence(runtime, 0, 0)).toBe(true);
  });

  it('takes over what another node has written', async () => {
    const reader = await org.open();
    await change('faster');
    const { sequence } = org.runtime.view;
    expect(reader.view.sequence).toBeLessThan(sequence);

    expect(await reachSequence(reader, sequence)).toBe(true);

    expect(reader.view.sequence).toBe(sequence);
  });

  it('waits for what is still to come', async () => {
    const { runtime } = org;

    const reached = reachSequence(runtime, runtime.view.sequence + 1);
    await change('faster');

    expect(await reached).toBe(true);
  });

  it('gives up in time, also where nothing can be looked up', async () => {
    const { runtime } = org;
    const broken = {
      maybeView: undefined,
      onChange: runtime.onChange.bind(runtime),
      refresh: () => Promise.reject(new Error('no database')),
    };

    expect(await reachSequence(runtime, runtime.view.sequence + 1, 20)).toBe(false);
    expect(await reachSequence(broken, 1, 20)).toBe(false);
  });
});
