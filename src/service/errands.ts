import type { Errands } from '../mirror/errands.ts';
import { type FollowingPulls, followPullRequests } from '../mirror/pull-requests.ts';
import { pushReleases, type ReleasePushing } from '../mirror/releases.ts';
import { reportValidation, type StatusDeps } from '../mirror/status.ts';
import type { Jobs } from '../queue/jobs.ts';
import { ofMirror } from '../workers/of-mirror.ts';
import type { Parts } from './routers.ts';

/** A provider may be away for a night: pauses grow to five minutes, so this is about one. */
const MOST_FAILURES = 120;

/** Has what mirrors order done by jobs, which outlive the process. */
export function openErrands(
  jobs: Jobs,
  parts: Parts & StatusDeps & ReleasePushing & FollowingPulls,
): Errands {
  const define = (kind: string, run: Parameters<typeof ofMirror>[1]) =>
    jobs.define(kind, { run: ofMirror(parts, run), mostFailures: MOST_FAILURES });
  define('validate', (runtime, { key: commit }) => reportValidation(runtime, commit, parts));
  define('follow-pulls', (runtime) => followPullRequests(runtime.org.slug, parts));
  define('push-releases', (runtime, { signal }) => pushReleases(runtime, parts, signal));

  return {
    validate(org, commit, isAgain) {
      const order = { org, kind: 'validate', key: commit };
      return isAgain ? jobs.schedule(order) : jobs.ensure(order);
    },
    followPullRequests: (org) => jobs.schedule({ org, kind: 'follow-pulls', key: '' }),
    pushReleases: (org) => jobs.schedule({ org, kind: 'push-releases', key: '' }),
  };
}
