import type { ApiKeyStore } from '../../../src/identity/api-key.ts';
import type { OrgStore } from '../../../src/identity/org.ts';
import { pageIn } from './listing.ts';
import { copy, type Memory, sortedBy } from './memory.ts';

export function memoryOrgStore(memory: Memory): OrgStore {
  return {
    find: async (slug) => copy(memory.orgs.find((org) => org.slug === slug)),

    list: async () => sortedBy(memory.orgs, 'slug'),

    page: async (listing) => pageIn(memory.orgs, listing, { id: 'slug' }),

    async insert(org, entry) {
      if (memory.orgs.some(({ slug }) => slug === org.slug)) return false;
      memory.orgs.push(copy(org));
      memory.append(entry);
      return true;
    },

    async replace({ slug, name, tier, version }, expected, entry) {
      const org = memory.orgs.find((each) => each.slug === slug);
      if (org?.version !== expected) return false;
      Object.assign(org, { name, tier, version });
      memory.append(entry);
      return true;
    },

    async setState(slug, state, entry) {
      const org = memory.orgs.find((each) => each.slug === slug);
      if (!org) return false;
      org.state = state;
      memory.append(entry);
      return true;
    },

    async remove(slug, entry) {
      if (!memory.orgs.some((org) => org.slug === slug)) return;
      const isKept = ({ org }: { org: string | null }) => org !== slug;
      memory.removePacketsOf(memory.bodies.filter(({ org }) => org === slug));
      memory.orgs = memory.orgs.filter((org) => org.slug !== slug);
      memory.apiKeys = memory.apiKeys.filter(isKept);
      memory.feedTokens = memory.feedTokens.filter(isKept);
      memory.members = memory.members.filter(isKept);
      memory.bindingSecrets = memory.bindingSecrets.filter(isKept);
      memory.pluginValues = memory.pluginValues.filter(isKept);
      for (const session of memory.sessions) if (session.org === slug) session.org = null;
      memory.keptAnswers = memory.keptAnswers.filter(isKept);
      memory.clients = memory.clients.filter(isKept);
      memory.states = memory.states.filter(isKept);
      memory.pointers = memory.pointers.filter(isKept);
      memory.intents = memory.intents.filter(isKept);
      memory.releases = memory.releases.filter(isKept);
      memory.orgKeys = memory.orgKeys.filter(isKept);
      memory.roots = memory.roots.filter(isKept);
      memory.checkpoints = memory.checkpoints.filter(({ tenant }) => tenant !== slug);
      memory.bodies = memory.bodies.filter(isKept);
      memory.secrets = memory.secrets.filter(isKept);
      memory.upstreams = memory.upstreams.filter(isKept);
      memory.webhooks = memory.webhooks.filter(isKept);
      memory.conditions = memory.conditions.filter(isKept);
      memory.changeRequests = memory.changeRequests.filter(isKept);
      memory.reviews = memory.reviews.filter(isKept);
      memory.commitAuthors = memory.commitAuthors.filter(isKept);
      memory.jobs = memory.jobs.filter(isKept);
      memory.quarantines = memory.quarantines.filter(isKept);
      memory.bindingStops = memory.bindingStops.filter(isKept);
      memory.integrationHealth = memory.integrationHealth.filter(isKept);
      memory.events = memory.events.filter(isKept);
      memory.deliveries = memory.deliveries.filter(isKept);
      memory.messages = memory.messages.filter(isKept);
      memory.suspensions = memory.suspensions.filter(isKept);
      memory.append(entry);
    },
  };
}

export function memoryApiKeyStore(memory: Memory): ApiKeyStore {
  return {
    find: async (id) => copy(memory.apiKeys.find((key) => key.id === id)),

    list: async (org, listing, userId) =>
      pageIn(
        memory.apiKeys.filter(
          (key) => key.org === org && (userId === undefined || key.userId === userId),
        ),
        listing,
      ),

    listOfSite: async () => copy(memory.apiKeys.filter((key) => key.org === null)),

    async insert(key, entry) {
      if (key.org !== null) memory.requireOrg(key.org);
      if (key.userId !== null) memory.requireUser(key.userId);
      memory.apiKeys.push(copy(key));
      memory.append(entry);
    },

    async revoke(org, id, at, entry) {
      const key = memory.apiKeys.find((each) => each.org === org && each.id === id);
      if (!key || key.revokedAt !== null) return false;
      key.revokedAt = at;
      memory.append(entry);
      return true;
    },

    async touch(id, at) {
      const key = memory.apiKeys.find((each) => each.id === id);
      if (key) key.lastUsedAt = at;
    },
  };
}
