import type { ProposeUpstream } from '../changes/change-requests.ts';
import { proposeBy } from '../changes/propose.ts';
import { version } from '../config/version.ts';
import type { Stores } from '../database/stores.ts';
import type { Deliveries } from '../delivery/deliveries.ts';
import { reachSequence } from '../delivery/reach.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import { createStateWriter } from '../delivery/state-writer.ts';
import { apiKeyRoutes } from '../http/api-key-routes.ts';
import { auditRoutes } from '../http/audit-routes.ts';
import { backupRoutes } from '../http/backup-routes.ts';
import { changeRequestRoutes } from '../http/change-request-routes.ts';
import { changeRoutes } from '../http/change-routes.ts';
import { deliveryRoutes } from '../http/delivery-routes.ts';
import { docsRouter } from '../http/docs-router.ts';
import { feedTokenRoutes } from '../http/feed-token-routes.ts';
import { gitRoutes } from '../http/git-routes.ts';
import { createOnce } from '../http/idempotency.ts';
import { integrationActionRoutes } from '../http/integration-action-routes.ts';
import { integrationRoutes } from '../http/integration-routes.ts';
import { integrationTypeRoutes } from '../http/integration-type-routes.ts';
import { keyRoutes } from '../http/key-routes.ts';
import { memberRoutes } from '../http/member-routes.ts';
import { namespacePluginRoutes } from '../http/namespace-plugin-routes.ts';
import { namespaceRoutes } from '../http/namespace-routes.ts';
import { namespaceToolRoutes } from '../http/namespace-tool-routes.ts';
import { oidcRoutes } from '../http/oidc-routes.ts';
import { openApiOf } from '../http/openapi.ts';
import { pluginPaths } from '../http/openapi-plugin.ts';
import { orgRoutes } from '../http/org-routes.ts';
import { pluginApiRoutes } from '../http/plugin-api-routes.ts';
import { pluginInstanceRoutes } from '../http/plugin-instance-routes.ts';
import { pluginRoutes } from '../http/plugin-routes.ts';
import { releaseRoutes } from '../http/release-routes.ts';
import { type RouteTable, routesOf } from '../http/route.ts';
import { secretRoutes } from '../http/secret-routes.ts';
import { sentWebhookRoutes } from '../http/sent-webhook-routes.ts';
import { sessionRoutes } from '../http/session-routes.ts';
import type { TierLimiter } from '../http/tier-limit.ts';
import { tokenRoutes } from '../http/token-routes.ts';
import { upstreamRoutes } from '../http/upstream-routes.ts';
import { userRoutes } from '../http/user-routes.ts';
import { webhookRoutes } from '../http/webhook-routes.ts';
import { wellKnownRoutes } from '../http/well-known-routes.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import { policyOf } from '../identity/org-policy.ts';
import type { Passwords } from '../identity/password.ts';
import type { Attempt } from '../identity/password-check.ts';
import type { User } from '../identity/user.ts';
import type { Mirrors } from '../mirror/mirrors.ts';
import type { OutboundPolicy } from '../outbound/guard.ts';
import type { BindingSecrets } from '../plugin-host/callbacks/binding-secrets.ts';
import type { SchemaChecker } from '../plugin-host/contract/schema-checker.ts';
import type { FindPart } from '../plugin-host/enable-plugin.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import type { Vault } from '../secrets/vault.ts';
import { pluginRouters } from './plugin-routers.ts';
import type { openOidc, openTokens } from './sign-in.ts';
import type { Storage, Surroundings } from './storage.ts';

/** Whatever a table of routes may need; each takes its own part of it. */
export type Parts = Surroundings &
  Stores &
  Pick<Storage, 'artifacts' | 'bundles' | 'master' | 'backup'> &
  ReturnType<typeof openTokens> & {
    oidc: ReturnType<typeof openOidc>;
    runtimes: OrgRuntimes;
    deliveries: Deliveries;
    authenticator: Authenticator;
    passwords: Passwords;
    checkPassword(attempt: Attempt): Promise<User>;
    /** Null: the host that a request names. */
    publicUrl: string | null;
    vault: Vault;
    mirrors: Mirrors;
    proposeUpstream: ProposeUpstream;
    outbound: OutboundPolicy;
    plugins: PluginHost;
    schemas: Pick<SchemaChecker, 'check' | 'checkSchema'>;
    /** Of plugins' bindings. */
    bindingVault: BindingSecrets;
    findPart: FindPart;
  };

export function routersOver(parts: Parts, { tiers }: { tiers: TierLimiter | undefined }) {
  const { runtimes, clients, log } = parts;
  const orgs = {
    has: (slug: string) => runtimes.find(slug) !== undefined,
    slugs: () => runtimes.all().map(({ org }) => org.slug),
    policy: (slug: string) => {
      const view = runtimes.find(slug)?.maybeView;
      return view && policyOf(view.published.config);
    },
  };
  const sequences = {
    current: (slug: string) => runtimes.find(slug)?.maybeView?.sequence,
    reach: async (slug: string, sequence: number) => {
      const runtime = runtimes.find(slug);
      // Whoever may not know of the org hears of it from its own route.
      return runtime === undefined || (await reachSequence(runtime, sequence));
    },
  };
  const api = [
    ...orgRoutes({ ...parts, lifecycle: runtimes }),
    ...sessionRoutes({ ...parts, orgNames: orgs }),
    ...userRoutes(parts),
    ...memberRoutes(parts),
    ...apiKeyRoutes(parts),
    ...feedTokenRoutes(parts),
    ...oidcRoutes(parts),
    ...releaseRoutes(parts),
    ...keyRoutes(parts),
    ...namespaceRoutes(parts),
    ...namespacePluginRoutes({ ...parts, propose: proposeBy(parts) }),
    ...namespaceToolRoutes(parts),
    ...changeRequestRoutes(parts),
    ...auditRoutes(parts),
    ...backupRoutes({ ...parts, ...parts.backup }),
    ...secretRoutes(parts),
    ...changeRoutes({ ...parts, propose: proposeBy(parts) }),
    ...pluginApiRoutes(parts),
    ...pluginRoutes({ ...parts, propose: proposeBy(parts) }),
    ...integrationRoutes({ ...parts, propose: proposeBy(parts) }),
    ...integrationActionRoutes(parts),
    ...integrationTypeRoutes(parts),
    ...pluginInstanceRoutes({ ...parts, propose: proposeBy(parts) }),
    ...sentWebhookRoutes(parts),
    ...upstreamRoutes(parts),
  ];
  const delivery = deliveryRoutes({ ...parts, states: createStateWriter(clients) });
  const tokens = tokenRoutes({ ...parts, policyOf: orgs.policy });
  const git = gitRoutes({ findHome: (org) => runtimes.find(org), log });
  const tables: RouteTable[] = [
    { at: '/api/v1', rows: api, isEnveloped: true },
    { at: '/v1/orgs', rows: delivery, isEnveloped: false },
    { at: '/api/v1', rows: tokens, isEnveloped: false },
    {
      at: '/',
      rows: [...git, ...webhookRoutes(parts), ...wellKnownRoutes(parts)],
      isEnveloped: false,
    },
  ];
  const openApi = openApiOf(tables, version, pluginPaths);
  const once = createOnce(parts);
  const routers = tables.map(({ at, rows, isEnveloped }) => ({
    at,
    router: routesOf(rows, { orgs, sequences, isEnveloped, ...(isEnveloped ? { once } : {}) }),
  }));
  const { pluginApi, ...places } = pluginRouters({ ...parts, orgs, sequences, tiers });
  return {
    openApi,
    ...places,
    routers: [
      // Before the rows, whose `/plugin/:plugin` ends where its paths go on.
      { at: '/api/v1/plugin', router: pluginApi },
      ...routers,
      { at: '/', router: docsRouter(openApi) },
    ],
  };
}
