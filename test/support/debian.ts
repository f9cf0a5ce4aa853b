import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether what is missing can be had from Debian's packages. */
export const isDebianRoot = (): boolean =>
  process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');

/**
 * Debian would start a server of its own, and leave it running: the policy forbids that. One
 * package at a time, since whoever comes first takes the policy away again.
 */
const INSTALL = `
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\\nexit 101\\n' > $policy
    chmod 755 $policy
  fi
  apt-get update -q
  apt-get install -qy --no-install-recommends -o DPkg::Lock::Timeout=120 "$0"`;

/** Installs a package, none of whose services is started: a test starts its own. */
export async function installPackage(name: string): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('flock', ['/run/lock/waymark-test', '/bin/sh', '-ec', INSTALL, name], { env });
}
