import type { PushedRef } from '../git/gate.ts';
import type { Org } from '../identity/org.ts';
import type { Permission } from '../identity/roles.ts';
import { WaymarkError } from '../model/errors.ts';
import { ZERO_OID } from '../model/names.ts';
import { isReleaseName } from '../release/accept-tag.ts';

/** What may move, and by whom: the reason why not, or what has to be looked at. */
export type RefRule =
  | { refused: string }
  | { check: 'main' }
  | { check: 'release'; name: string }
  | { check: 'branch' };

const FOLLOWS_UPSTREAM = 'follows an upstream repository: change it there';

/** @throws {WaymarkError} `REG_MIRROR_READ_ONLY` for what a mirror's upstream alone moves */
export function checkMoves({ ref }: PushedRef, { mode }: Pick<Org, 'mode'>): void {
  if (ref !== 'refs/heads/main' || mode !== 'mirror') return;
  throw new WaymarkError('REG_MIRROR_READ_ONLY', `main ${FOLLOWS_UPSTREAM}`);
}

export function judgeRef(
  update: PushedRef,
  permissions: ReadonlySet<Permission>,
  { isMirror, isProtected }: { isMirror: boolean; isProtected: boolean },
): RefRule {
  const { ref, old } = update;
  const isDelete = update.new === ZERO_OID;
  if (ref === 'refs/heads/main') {
    if (isMirror) return { refused: `REG_MIRROR_READ_ONLY: main ${FOLLOWS_UPSTREAM}` };
    if (isDelete) return { refused: 'main cannot be deleted' };
    if (!permissions.has('registry:main'))
      return { refused: 'pushing to main needs the role publisher' };
    if (isProtected && old !== ZERO_OID) {
      return { refused: 'main is protected: push a branch and open a change request' };
    }
    return { check: 'main' };
  }
  if (ref.startsWith('refs/tags/')) {
    const name = ref.slice('refs/tags/'.length);
    if (!isReleaseName(name)) {
      return { refused: `${name} names no release: use <plugin>--v<version> or release/<name>` };
    }
    if (isDelete || old !== ZERO_OID)
      return { refused: `a release never moves: ${name} is published` };
    if (!permissions.has('releases:publish')) {
      return { refused: 'publishing a release needs the role publisher' };
    }
    return { check: 'release', name };
  }
  if (ref.startsWith('refs/heads/')) {
    // By its number such a branch says which change request it is.
    if (/^refs\/heads\/change\/\d+$/.test(ref) && old === ZERO_OID) {
      return { refused: 'branches change/<number> are started by Waymark: choose another name' };
    }
    if (permissions.has('registry:write')) return { check: 'branch' };
    return { refused: 'pushing a branch needs the role editor' };
  }
  return { refused: `${ref} is not for clients: push to refs/heads/ or a release tag` };
}
