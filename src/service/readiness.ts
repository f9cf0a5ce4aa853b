import type { Config } from '../config/config.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import type { Readiness } from '../http/health-routes.ts';
import type { Jobs } from '../queue/jobs.ts';
import { diskSpaceOf, isNearlyFull } from './disk.ts';
import { degradedJobs } from './jobs.ts';
import { degradedPlugins } from './plugin-readings.ts';
import type { Parts } from './routers.ts';

interface Watched extends Pick<Parts, 'orgs' | 'runtimes' | 'mirrors' | 'plugins'> {
  jobs: Jobs;
  isStopping(): boolean;
}

/** For the probe. Its sentences have no names: whoever may reach the server may read them. */
export function readinessOf({ dataDir }: Pick<Config, 'dataDir'>, watched: Watched): Readiness {
  return async () => {
    const [canRead, jobs, disk] = await Promise.all([
      canReadOrgs(watched),
      degradedJobs(watched.jobs, watched),
      degradedDisk(dataDir),
    ]);
    return {
      isReady: canRead && !watched.isStopping(),
      degraded: [
        ...degradedOrgs(watched),
        ...degradedMirrors(watched),
        ...degradedPlugins(watched),
        ...jobs,
        ...disk,
      ],
    };
  };
}

const canReadOrgs = ({ orgs }: Pick<Parts, 'orgs'>): Promise<boolean> =>
  orgs.list().then(
    () => true,
    () => false,
  );

function degradedOrgs({ runtimes }: Pick<Parts, 'runtimes'>): string[] {
  const count = (holds: (runtime: OrgRuntime) => boolean) => runtimes.all().filter(holds).length;
  const conditions = count(({ diagnostics }) => diagnostics.length > 0);
  const gaps = count(({ hasAuditGap }) => hasAuditGap);
  return [
    ...(conditions > 0
      ? [`${conditions} organisations have conditions: see their diagnostics`]
      : []),
    ...(gaps > 0 ? [`${gaps} organisations have a gap in their audit log: see audit.gap`] : []),
  ];
}

function degradedMirrors({ mirrors }: Pick<Parts, 'mirrors'>): string[] {
  const orgs = new Set(mirrors.health().map(({ org }) => org));
  return orgs.size === 0 ? [] : [`${orgs.size} mirrors do not follow: see GET /api/v1/upstream`];
}

async function degradedDisk(dataDir: string): Promise<string[]> {
  // A folder that is away is a fault of whatever needs it next, not of this probe.
  const space = await diskSpaceOf(dataDir).catch(() => undefined);
  return space && isNearlyFull(space) ? ['the disk of the data directory is nearly full'] : [];
}
