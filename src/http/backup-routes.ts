import { pipeline } from 'node:stream/promises';
import type { AuditStore } from '../audit/entry.ts';
import { type BackupParts, withBackup } from '../backup/make-backup.ts';
import { toTime } from '../model/clock.ts';
import { jsonBody } from './json-body.ts';
import { type Call, type Route, route } from './route.ts';
import { SITE } from './tenant.ts';

interface Deps extends BackupParts {
  audit: Pick<AuditStore, 'append'>;
}

const passphraseBody = jsonBody<{ passphrase: string }>({
  type: 'object',
  required: ['passphrase'],
  additionalProperties: false,
  properties: { passphrase: { type: 'string', minLength: 12, maxLength: 1024 } },
});

const site = {
  path: '/backup',
  permission: 'sites:manage',
  scope: 'site',
  deadlineMs: null,
  answers: { 200: { data: { type: 'string' }, contentType: 'application/gzip' } },
} as const;

/** All of the site as one archive. Secrets and private keys are in it as they are stored: encrypted. */
export function backupRoutes(deps: Deps): Route[] {
  async function send(call: Call, passphrase?: string): Promise<undefined> {
    const { caller, requestId, response } = call;
    const at = toTime(deps.clock());
    // Whoever took a copy of everything stands in the log, and in the copy.
    const what = { action: 'site.backup', resource: SITE };
    const after = { withMasterKey: passphrase !== undefined };
    const { actor } = caller;
    await deps.audit.append({ at, tenant: SITE, actor, requestId, ...what, after });
    const name = `waymark-${at.slice(0, 10)}.tar.gz`;
    await withBackup(deps, passphrase, async (archive) => {
      response.set({
        'Content-Type': 'application/gzip',
        'Content-Disposition': `attachment; filename="${name}"`,
        'Cache-Control': 'no-store',
      });
      await pipeline(archive, response);
    });
    return undefined;
  }

  return [
    route({
      ...site,
      method: 'get',
      summary: 'Gives a backup of the whole site, without the master key.',
      handle: (call) => send(call as Call),
    }),
    route({
      ...site,
      method: 'post',
      summary: 'Gives a backup of the whole site, with the master key encrypted by a passphrase.',
      body: passphraseBody,
      handle: (call) => send(call as Call, call.body.passphrase),
    }),
  ];
}
