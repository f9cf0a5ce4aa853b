import { describe, expect, it } from 'vitest';
import { FAILPOINTS, type Failpoint } from '../../src/model/failpoint.ts';
import { describeKilledMirroring } from './killed-mirroring.ts';
import { describeKilledPublishing } from './killed-publishing.ts';
import { describeKilledSealing } from './killed-sealing.ts';
import { describeKilledSending } from './killed-sending.ts';
import { describeKilledSyncing } from './killed-syncing.ts';

/** The points at which a process really died by SIGKILL. */
const hit = new Set<Failpoint>();

describeKilledPublishing(hit);
describeKilledMirroring(hit);
describeKilledSending(hit);
describeKilledSealing(hit);
describeKilledSyncing(hit);

describe('the list of failpoints', () => {
  it.each(FAILPOINTS)('names %s, at which a process was killed', (point) => {
    expect(hit).toContain(point);
  });
});
