import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Failpoint } from '../../src/model/failpoint.ts';
import { gitOutput, runGit } from '../support/git.ts';
import { openReceiver, type Receiver } from '../support/receiver.ts';
import { isFull, makeSite, type Site } from './site.ts';

const env = { WAYMARK_OUTBOUND_ALLOW: '127.0.0.1' };
const patience = { timeout: 120_000 };

/** How often the receiver is told, the kill in between. */
const POINTS: [Failpoint, number][] = [
  ['events.written', 1],
  ['outbox.written', 1],
  ['outbox.sent', 2],
];
const ROUNDS = isFull ? 10 : 1;

/** Faults 1 and 2 of docs/spec/reliability.md, where somebody else is to hear of a change. */
export function describeKilledSending(hit: Set<Failpoint>): void {
  describe('a webhook, its server killed', () => {
    let receiver: Receiver;
    let site: Site;
    let tree: string;
    let turn = 0;

    beforeAll(async () => {
      receiver = await openReceiver();
      site = await makeSite();
      await restart();
      tree = await site.clone();
      const config = JSON.stringify({ url: `${receiver.url}/hook`, events: ['document.ready'] });
      await appendFile(join(tree, 'registry.yaml'), `    webhooks: {config: ${config}}\n`);
      await push();
      await vi.waitFor(() => expect(atRest()).toBe(true), patience);
    });
    afterAll(async () => {
      await site?.remove();
      await receiver?.close();
    });

    async function restart(): Promise<void> {
      await site.server.kill('SIGKILL');
      // The lock of a job that it was at would be over in a minute.
      site.query(
        `update job set locked_until = '2026-01-01T00:00:00.000Z' where state = 'running'`,
      );
      await site.serve('', env);
    }

    async function push(): Promise<void> {
      await runGit(tree, ['add', '-A']);
      await runGit(tree, ['commit', '-q', '-m', `Turn ${turn}`]);
      await gitOutput(tree, ['push', site.gitUrl(), 'HEAD:main']);
    }

    const atRest = () =>
      site.query('select id from hook_event where settled_at is null').length === 0 &&
      site.query(`select event_id from outbox_message where state = 'pending'`).length === 0;

    const idsOf = (document: string) =>
      receiver.received
        .filter(({ body }) => body.includes(`"documentId":"${document}"`))
        .map(({ headers }) => headers['webhook-id']);

    const cases = POINTS.flatMap((row) => Array.from({ length: ROUNDS }, () => row));

    it.each(cases)('at %s is sent after the restart, under one id', async (point, times) => {
      turn += 1;
      const server = await site.serve(`${point}=kill`, env);
      const text = `apiVersion: waymark/v1\nkind: Context\nspec: {body: Turn ${turn}.}\n`;
      await writeFile(join(tree, `plugins/sales/contexts/turn-${turn}.yaml`), text);

      // Whether it was acknowledged is what nobody knows.
      await push().catch(() => {});
      expect(await server.signal).toBe('SIGKILL');
      hit.add(point);
      await restart();

      await expect.poll(atRest, patience).toBe(true);
      const ids = idsOf(`sales.context.turn-${turn}`);
      expect(ids).toHaveLength(times);
      expect(new Set(ids).size).toBe(1);
    });
  });
}
