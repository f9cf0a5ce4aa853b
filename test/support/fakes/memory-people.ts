import type { FeedTokenStore } from '../../../src/identity/feed-token.ts';
import { type LockoutStore, lockMsAfter } from '../../../src/identity/lockout.ts';
import type { Member, MemberStore, NamedMember } from '../../../src/identity/member.ts';
import type { SessionStore } from '../../../src/identity/session.ts';
import type { UserStore } from '../../../src/identity/user.ts';
import { toTime } from '../../../src/model/clock.ts';
import { pageIn } from './listing.ts';
import { copy, type Memory, sortedBy } from './memory.ts';

export function memoryUserStore(memory: Memory): UserStore {
  return {
    find: async (id) => copy(memory.users.find((user) => user.id === id)),

    findByName: async (username) => copy(memory.users.find((user) => user.username === username)),

    async findByIdentity({ issuer, subject }) {
      const known = memory.identities.find(
        (each) => each.issuer === issuer && each.subject === subject,
      );
      return copy(memory.users.find((user) => user.id === known?.userId));
    },

    list: async (listing) => pageIn(memory.users, listing),

    async insert(user, entry, identity) {
      if (memory.users.some(({ username }) => username === user.username)) return false;
      const isTaken = memory.identities.some(
        ({ issuer, subject }) => issuer === identity?.issuer && subject === identity.subject,
      );
      if (isTaken) return false;
      memory.users.push(copy(user));
      if (identity) memory.identities.push({ ...identity, userId: user.id });
      memory.append(entry);
      return true;
    },

    async replace(user, expected, entry) {
      const stored = memory.users.find(({ id }) => id === user.id);
      if (stored?.version !== expected) return false;
      if (user.disabledAt !== null || user.passwordHash !== stored.passwordHash) {
        memory.sessions = memory.sessions.filter(({ userId }) => userId !== user.id);
      }
      Object.assign(stored, copy(user));
      memory.append(entry);
      return true;
    },

    async remove(id, at, entry) {
      if (!memory.users.some((user) => user.id === id)) return false;
      const isKept = ({ userId }: { userId: string }) => userId !== id;
      memory.users = memory.users.filter((user) => user.id !== id);
      memory.identities = memory.identities.filter(isKept);
      memory.members = memory.members.filter(isKept);
      memory.sessions = memory.sessions.filter(isKept);
      for (const key of memory.apiKeys.filter(({ userId }) => userId === id)) {
        key.userId = null;
        key.revokedAt ??= at;
      }
      memory.append(entry);
      return true;
    },
  };
}

export function memoryMemberStore(memory: Memory): MemberStore {
  const find = (org: string, userId: string) =>
    memory.members.find((each) => each.org === org && each.userId === userId);

  function named(member: Member): NamedMember {
    const { username, displayName } = memory.users.find(({ id }) => id === member.userId)!;
    return { ...copy(member), username, displayName };
  }

  function isLastOwner({ org, userId }: Member): boolean {
    const owners = memory.members.filter(
      (each) => each.org === org && each.roles.includes('owner'),
    );
    return owners.length === 1 && owners[0]?.userId === userId;
  }

  return {
    async find(org, userId) {
      const member = find(org, userId);
      return member && named(member);
    },

    async list(org, listing) {
      const members = memory.members.filter((each) => each.org === org).map(named);
      return pageIn(members, listing, { id: 'userId' });
    },

    listOf: async (userId) =>
      sortedBy(
        memory.members.filter((each) => each.userId === userId),
        'org',
      ),

    async insert(member, entry) {
      memory.requireOrg(member.org);
      memory.requireUser(member.userId);
      if (find(member.org, member.userId)) return false;
      memory.members.push(copy(member));
      memory.append(entry);
      return true;
    },

    async replace(member, expected, entry) {
      if (!member.roles.includes('owner') && isLastOwner(member)) return 'last-owner';
      const stored = find(member.org, member.userId);
      if (stored?.version !== expected) return 'changed-meanwhile';
      Object.assign(stored, copy(member));
      memory.append(entry);
      return 'done';
    },

    async remove(member, at, entry) {
      if (isLastOwner(member)) return 'last-owner';
      const stored = find(member.org, member.userId);
      if (stored?.version !== member.version) return 'changed-meanwhile';
      memory.members = memory.members.filter((each) => each !== stored);
      for (const key of memory.apiKeys) {
        if (key.org === member.org && key.userId === member.userId) key.revokedAt ??= at;
      }
      memory.append(entry);
      return 'done';
    },
  };
}

export function memorySessionStore(memory: Memory): SessionStore {
  const keepUnless = (isGone: (session: (typeof memory.sessions)[number]) => boolean): number => {
    const before = memory.sessions.length;
    memory.sessions = memory.sessions.filter((session) => !isGone(session));
    return before - memory.sessions.length;
  };

  return {
    find: async (id) => copy(memory.sessions.find((session) => session.id === id)),

    async insert(session, entry, replacedId) {
      memory.requireUser(session.userId);
      if (session.org !== null) memory.requireOrg(session.org);
      keepUnless(({ id }) => id === replacedId);
      memory.sessions.push(copy(session));
      memory.append(entry);
    },

    async touch(id, at) {
      const session = memory.sessions.find((each) => each.id === id);
      if (session) session.lastSeenAt = at;
    },

    async end(id, entry) {
      if (keepUnless((session) => session.id === id) === 0) return false;
      memory.append(entry);
      return true;
    },

    removeExpired: async (at, seenBefore) =>
      keepUnless(({ expiresAt, lastSeenAt }) => expiresAt <= at || lastSeenAt <= seenBefore),
  };
}

export function memoryLockoutStore(memory: Memory): LockoutStore {
  return {
    async take(subjects, at) {
      const rows = subjects.map(({ key, rule }) => {
        const windowStart = toTime(Date.parse(at) - rule.windowSec * 1000);
        const row = memory.lockouts.get(key);
        const isLocked = row !== undefined && (row.lockedUntil ?? '') > at;
        const counts = isLocked || (row !== undefined && row.startedAt > windowStart);
        return {
          key,
          rule,
          isLocked,
          ...(counts ? row : { tries: 0, startedAt: at, lockedUntil: null }),
        };
      });
      const locked = rows.find(({ isLocked }) => isLocked);
      if (locked) return locked.lockedUntil ?? undefined;
      for (const { key, rule, tries, startedAt, lockedUntil } of rows) {
        const lockMs = lockMsAfter(tries + 1, rule);
        const until = lockMs === 0 ? lockedUntil : toTime(Date.parse(at) + lockMs);
        memory.lockouts.set(key, { tries: tries + 1, startedAt, lockedUntil: until });
      }
      return undefined;
    },

    async settle(keys, sharedKey) {
      for (const key of keys) memory.lockouts.delete(key);
      const shared = memory.lockouts.get(sharedKey);
      if (!shared || shared.tries === 0) return;
      memory.lockouts.set(sharedKey, { ...shared, tries: shared.tries - 1, lockedUntil: null });
    },

    async removeStarted(startedBefore) {
      const old = [...memory.lockouts].filter(([, { startedAt }]) => startedAt < startedBefore);
      for (const [key] of old) memory.lockouts.delete(key);
      return old.length;
    },
  };
}

export function memoryFeedTokenStore(memory: Memory): FeedTokenStore {
  return {
    find: async (id) => copy(memory.feedTokens.find((token) => token.id === id)),

    list: async (org, listing) =>
      pageIn(
        memory.feedTokens.filter((token) => token.org === org),
        listing,
      ),

    async insert(token, entry) {
      memory.requireOrg(token.org);
      memory.feedTokens.push(copy(token));
      memory.append(entry);
    },

    async revoke(org, id, at, entry) {
      const token = memory.feedTokens.find((each) => each.org === org && each.id === id);
      if (!token || token.revokedAt !== null) return false;
      token.revokedAt = at;
      memory.append(entry);
      return true;
    },

    async touch(id, at) {
      const token = memory.feedTokens.find((each) => each.id === id);
      if (token) token.lastUsedAt = at;
    },
  };
}
