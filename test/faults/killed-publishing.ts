import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failpoint } from '../../src/model/failpoint.ts';
import {
  audited,
  auditLength,
  type DeedName,
  deeds,
  fsck,
  gitHasEnded,
  projectionAndRefs,
  refOf,
} from './deeds.ts';
import { isFull, makeSite, ORG, type Site } from './site.ts';

type Outcome = 'nothing' | 'all or nothing' | 'all';

/** What has happened by the kill, and which changes pass the point. */
const POINTS: [Failpoint, Outcome, DeedName[]][] = [
  ['push.gate-passed', 'nothing', ['push']],
  ['push.accepted', 'all or nothing', ['push']],
  ['push.received', 'all', ['push']],
  ['publish.objects-written', 'nothing', ['edit', 'publish', 'yank']],
  ['publish.intent-written', 'nothing', ['edit', 'publish', 'yank']],
  ['publish.ref-updated', 'all', ['edit', 'publish', 'yank']],
  ['publish.projected', 'all', ['edit', 'publish', 'yank']],
  ['activate.artifacts-written', 'all', ['push', 'edit', 'yank']],
  ['activate.before-swap', 'all', ['push', 'edit', 'publish', 'yank']],
  ['activate.swapped', 'all', ['push', 'edit', 'publish', 'yank']],
];

const ROUNDS = isFull ? 10 : 1;

/** Faults 1 and 2 of docs/spec/reliability.md. */
export function describeKilledPublishing(hit: Set<Failpoint>): void {
  describe('a change of the registry, its server killed', () => {
    let site: Site;
    let turn = 0;

    beforeAll(async () => {
      site = await makeSite();
    });
    afterAll(() => site.remove());

    const cases = POINTS.flatMap(([point, outcome, names]) =>
      names.flatMap((name) =>
        Array.from({ length: ROUNDS }, () => [point, name, outcome] as const),
      ),
    );

    it.each(cases)('at %s of the deed %s has done %s', async (point, name, outcome) => {
      turn += 1;
      const attempt = await deeds[name](site, turn);
      const entriesBefore = auditLength(site);
      const before = await refOf(site, attempt.ref);

      const server = await site.serve(`${point}=kill`);
      const isAcknowledged = await attempt.run().then(
        () => true,
        () => false,
      );
      expect(await server.signal).toBe('SIGKILL');
      hit.add(point);
      await gitHasEnded(site);
      await site.serve();

      const now = await refOf(site, attempt.ref);
      const hasMoved = now !== before;
      expect({ nothing: [false], all: [true], 'all or nothing': [false, true] }[outcome]).toContain(
        hasMoved,
      );
      expect(isAcknowledged && !hasMoved).toBe(false);
      expect(await attempt.isServed()).toBe(hasMoved);
      const { projection, refs } = await projectionAndRefs(site);
      expect(projection).toEqual(refs);
      const moves = hasMoved ? [{ resource: attempt.ref, after: now }] : [];
      expect(audited(site, entriesBefore)).toEqual(moves);

      await attempt.run();

      expect(await attempt.isServed()).toBe(true);
      const settled = await refOf(site, attempt.ref);
      if (hasMoved) expect(settled).toBe(now);
      expect(audited(site, entriesBefore)).toEqual([{ resource: attempt.ref, after: settled }]);
      await fsck(site);
    });

    it('leaves no intent open once the lease of the killed is over', async () => {
      site.query(`update intent set created_at = '2026-01-01T00:00:00.000Z' where org = ?`, ORG);

      await site.serve();

      expect(site.query('select ref from intent')).toEqual([]);
    });
  });
}
