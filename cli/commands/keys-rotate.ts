import { type Command, Option } from 'commander';
import { KEY_ROLES, type KeyRole } from '../../src/signing/keys.ts';
import { callApi } from '../api.ts';
import type { Cli } from '../cli.ts';
import { Failure, ServerRefusal, UsageError } from '../errors.ts';
import { describe, NOT_VERIFIED } from '../help.ts';
import { type RootSummary, rotateOffline } from '../root-rotation.ts';

interface RotateFlags {
  role?: KeyRole[];
  renew?: boolean;
  compromised?: boolean;
  rootKey?: string;
  newRootKey?: string;
}

export function rotateCommand(keys: Command, cli: Cli): void {
  const command = keys
    .command('rotate')
    .summary('replace signing keys')
    .addOption(new Option('--role <role...>', 'which').choices(KEY_ROLES))
    .option('--renew', 'replace none: only make the root good for another year')
    .option('--compromised', 'the old keys are in other hands: stop trusting what they signed')
    .option('--root-key <file>', 'sign with this root key, which is not on the server')
    .option('--new-root-key <file>', 'the next root key; it is made where there is no such file')
    .action((flags: RotateFlags) => rotate(cli, command, flags));
  describe(command, {
    description: `
      Makes the next root: the signed document that says which keys count. The old root key and
      the new one sign it, so that clients which know the old one follow by themselves. Indexes
      and manifests are signed anew at once. Needs the role owner.

      A replaced release key still verifies the tags that it signed. With --compromised it does
      not: clients refuse those releases until their plugins are published anew.

      Where the root key was taken off the server (waymark keys root export --remove), give it
      with --root-key. It is never sent. What the server wants signed is checked first: it may
      change nothing but what was asked for.`,
    examples: [
      ['waymark keys rotate --role release index', 'new keys for what the server signs'],
      ['waymark keys rotate --role release --compromised', 'after a theft'],
      ['waymark keys rotate --renew --root-key root.asc', 'before the root expires'],
      [
        'waymark keys rotate --role root --root-key root.asc --new-root-key next.asc',
        'a new root key',
      ],
    ],
    exitCodes: [NOT_VERIFIED],
  });
}

async function rotate(cli: Cli, command: Command, flags: RotateFlags): Promise<void> {
  const { rootKey, newRootKey } = flags;
  const roles = rolesOf(flags);
  const order = { roles, compromised: flags.compromised ?? false };
  if ((newRootKey !== undefined) !== (rootKey !== undefined && roles.includes('root'))) {
    throw new UsageError('--new-root-key goes with --root-key and --role root');
  }
  const root = rootKey
    ? await rotateOffline(cli, command, { ...order, rootKey, newRootKey })
    : await rotateOnline(cli, command, order);
  cli
    .output(command)
    .result(root, [
      `root ${root.version}, root key ${whereIs(root.custody)}, good until ${root.expiresAt}`,
      ...KEY_ROLES.map((role) => `${role.padEnd(8)}${root[role].at(-1)}${newIn(roles, role)}`),
    ]);
}

function rolesOf({ role = [], renew = false }: RotateFlags): KeyRole[] {
  if (renew === role.length > 0) {
    throw new UsageError('say which keys to replace with --role, or --renew for none');
  }
  return role;
}

async function rotateOnline(
  cli: Cli,
  command: Command,
  body: { roles: KeyRole[]; compromised: boolean },
): Promise<RootSummary> {
  const asked = { method: 'POST', path: '/keys/rotate', body };
  try {
    return await callApi<RootSummary>(cli.connection(command), asked);
  } catch (cause) {
    if (!(cause instanceof ServerRefusal) || cause.code !== 'SIGN_KEY_MISSING') throw cause;
    throw new Failure(`${cause.message}, with --root-key <file>`, { cause });
  }
}

const whereIs = (custody: RootSummary['custody']): string =>
  custody === 'offline' ? 'offline' : 'on the server';

const newIn = (roles: readonly KeyRole[], role: KeyRole): string =>
  roles.includes(role) ? ' (new)' : '';
