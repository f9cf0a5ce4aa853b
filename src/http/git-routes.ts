import type { Logger } from '../audit/logger.ts';
import type { PushGate } from '../git/gate.ts';
import { handleSmartHttp, type SmartHttp } from '../git/smart-http.ts';
import type { Caller } from '../identity/caller.ts';
import { invalidField } from '../model/errors.ts';
import { rawOf } from './delivery-shapes.ts';
import { type Call, type Route, route } from './route.ts';
import { checkPermission, noSuchOrg } from './tenant.ts';

/** The repository of an org, and who watches over pushes to it. */
export interface GitHome {
  repo: string;
  /** @throws {WaymarkError} `REG_CORRUPT` while nothing may be pushed */
  checkWritable(): void;
  gate(caller: Caller, requestId: string): PushGate;
}

interface Deps {
  findHome: (org: string) => GitHome | undefined;
  log: Logger;
}

type Wanted = Pick<SmartHttp, 'service' | 'kind'>;

const read = { permission: 'registry:read', deadlineMs: null } as const;
const write = { permission: 'registry:write', deadlineMs: null } as const;

/**
 * `/git/<org>.git` for any git client. What a POST does is its route's to say:
 * a server that went by `?service=` let readers push (Gogs GHSA-wmfg-5p4h-5fw3).
 */
export function gitRoutes({ findHome, log }: Deps): Route[] {
  async function serve(call: Call, wanted: Wanted): Promise<undefined> {
    const { caller, org, request, response, requestId } = call;
    const home = findHome(org);
    if (!home) throw noSuchOrg(org);
    if (wanted.service === 'receive-pack') home.checkWritable();
    const gate = home.gate(caller, requestId);
    const options = { ...wanted, repo: home.repo, gate, actor: caller.actor };
    try {
      await handleSmartHttp(request, response, options);
    } catch (error) {
      if (!response.headersSent) throw error;
      // Git was told already; what is left is ours to know.
      log.error({ error, requestId, org }, 'a push ended in a fault');
    }
    return undefined;
  }

  return [
    route({
      ...read,
      method: 'get',
      path: '/git/:orgId.git/info/refs',
      summary: 'Lists the refs, as smart HTTP has it; pushing needs `registry:write`.',
      query: { service: { type: 'string' } },
      answers: { 200: rawOf('application/x-git-upload-pack-advertisement') },
      async handle(call) {
        const service = serviceIn(call.query);
        if (service === 'receive-pack') checkPermission(call.caller, 'registry:write');
        return serve(call, { service, kind: 'advertise' });
      },
    }),
    route({
      ...read,
      method: 'post',
      path: '/git/:orgId.git/git-upload-pack',
      summary: 'Answers a clone or a fetch.',
      answers: { 200: rawOf('application/x-git-upload-pack-result') },
      handle: (call) => serve(call, { service: 'upload-pack', kind: 'rpc' }),
    }),
    route({
      ...write,
      method: 'post',
      path: '/git/:orgId.git/git-receive-pack',
      summary: 'Takes a push, if what it makes of the registry compiles.',
      answers: { 200: rawOf('application/x-git-receive-pack-result') },
      handle: (call) => serve(call, { service: 'receive-pack', kind: 'rpc' }),
    }),
  ];
}

function serviceIn(query: URLSearchParams): SmartHttp['service'] {
  const name = query.get('service');
  if (name === 'git-upload-pack') return 'upload-pack';
  if (name === 'git-receive-pack') return 'receive-pack';
  const message = 'must be git-upload-pack or git-receive-pack: this server speaks smart HTTP only';
  throw invalidField('service', message);
}
