import type { KeyStore } from '../../../src/delivery/key-store.ts';
import type { SealedStore } from '../../../src/delivery/sealed.ts';
import { copy, type Memory, sortedBy } from './memory.ts';

export function memoryKeyStore(memory: Memory): KeyStore {
  return {
    keys: async (org) =>
      sortedBy(
        memory.orgKeys.filter((key) => key.org === org),
        'createdAt',
        'fingerprint',
      ),

    roots: async (org) =>
      sortedBy(
        memory.roots.filter((root) => root.org === org),
        'version',
      ),

    async rotate({ org, add, retire, forget, at, root }, entry) {
      memory.requireOrg(org);
      if (memory.roots.some((each) => each.org === org && each.version === root.version)) {
        return false;
      }
      memory.roots.push(copy(root));
      memory.orgKeys.push(...structuredClone(add));
      for (const key of memory.orgKeys.filter((each) => each.org === org)) {
        if (retire.includes(key.fingerprint)) key.retiredAt = at;
        if (forget.includes(key.fingerprint)) key.wrappedPrivate = null;
      }
      memory.append(entry);
      return true;
    },

    async exportPrivate(org, fingerprint, entry) {
      const key = memory.orgKeys.find(
        (each) => each.org === org && each.fingerprint === fingerprint,
      );
      if (!key?.wrappedPrivate) return null;
      memory.append(entry);
      return key.wrappedPrivate;
    },
  };
}

export function memorySealedStore(memory: Memory): SealedStore {
  // Not async: between finding none and adding one, nobody else may come in.
  const findBody = (org: string, key: string) =>
    copy(memory.bodies.find((body) => body.org === org && body.key === key));

  const findPacket = (bodyDigest: string, subkey: string) =>
    memory.packets.find((each) => each.bodyDigest === bodyDigest && each.subkey === subkey)?.packet;

  function removeBodies(isGone: (body: (typeof memory.bodies)[number]) => boolean): number {
    const gone = memory.bodies.filter(isGone);
    memory.bodies = memory.bodies.filter((body) => !gone.includes(body));
    memory.removePacketsOf(gone);
    return gone.length;
  }

  return {
    findBody: async (org, key) => findBody(org, key),

    findPacket: async (bodyDigest, subkey) => findPacket(bodyDigest, subkey),

    async insertBody(body) {
      memory.requireOrg(body.org);
      const stored = findBody(body.org, body.key);
      if (stored) return stored;
      memory.bodies.push(copy(body));
      return body;
    },

    async removeBody(org, key) {
      removeBodies((body) => body.org === org && body.key === key);
    },

    async insertPacket(bodyDigest, subkey, packet) {
      const stored = findPacket(bodyDigest, subkey);
      if (stored) return stored;
      memory.packets.push({ bodyDigest, subkey, packet });
      return packet;
    },

    async removeBodiesReadBy(org, subkey) {
      const readable = new Set(
        memory.packets.filter((each) => each.subkey === subkey).map((each) => each.bodyDigest),
      );
      return removeBodies((body) => body.org === org && readable.has(body.bodyDigest));
    },

    removeBodiesFrom: async (before) => removeBodies(({ createdAt }) => createdAt < before),

    bodyDigests: async () => new Set(memory.bodies.map(({ bodyDigest }) => bodyDigest)),
  };
}
