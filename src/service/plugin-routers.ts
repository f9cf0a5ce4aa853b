import { managementPlugins } from '../http/management-plugins.ts';
import { type CheckInput, pluginApiRouter } from '../http/plugin-api-router.ts';
import type { Sequences } from '../http/read-your-writes.ts';
import { resourcePages } from '../http/resource-pages.ts';
import type { OrgNames } from '../http/tenant.ts';
import type { TierLimiter } from '../http/tier-limit.ts';
import type { Clock } from '../model/clock.ts';
import type { SchemaChecker } from '../plugin-host/contract/schema-checker.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';

interface Needed {
  plugins: PluginHost;
  schemas: Pick<SchemaChecker, 'check'>;
  clock: Clock;
  orgs: OrgNames;
  sequences: Sequences;
  /** Undefined where nothing is limited. */
  tiers: TierLimiter | undefined;
}

/** Wherever server parts answer requests. */
export function pluginRouters({ schemas, ...parts }: Needed) {
  const checkInput: CheckInput = (schema, value) => schemas.check(schema, value);
  return {
    pluginApi: pluginApiRouter({ ...parts, checkInput }),
    management: managementPlugins(parts),
    pages: resourcePages(parts),
  };
}
