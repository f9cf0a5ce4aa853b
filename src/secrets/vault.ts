import { type Clock, toTime } from '../model/clock.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import type { ListFields, Listing, Page } from '../model/listing.ts';
import { isPluginId } from '../model/names.ts';
import type { MasterKey } from '../signing/master-key.ts';
import type { SecretStore, StoredSecret } from './secret.ts';

/** A secret as it may be shown: never its value. */
export type ShownSecret = Pick<StoredSecret, 'name' | 'updatedAt' | 'updatedBy'>;

export const secretFields: ListFields = {
  name: { type: 'text', isSortable: true },
  updatedAt: { type: 'time', isSortable: true },
  updatedBy: { type: 'text' },
};

interface Acting {
  org: string;
  actor: string;
  requestId: string;
}

export interface VaultDeps {
  secrets: SecretStore;
  master: MasterKey;
  clock: Clock;
}

/** An org's secrets: put in by people, read by the server alone. */
export interface Vault {
  /** @throws {WaymarkError} `VAL_FAILED` for a name that is none */
  put(name: string, value: string, acting: Acting): Promise<ShownSecret>;
  /** Never for an answer or a log. */
  read(org: string, name: string): Promise<string | undefined>;
  list(org: string, listing: Listing): Promise<Page<ShownSecret>>;
  /** @throws {WaymarkError} `RES_NOT_FOUND` */
  remove(name: string, acting: Acting): Promise<void>;
}

export function createVault({ secrets, master, clock }: VaultDeps): Vault {
  const entryOf = (verb: string, name: string, at: string, { org, actor, requestId }: Acting) => ({
    at,
    tenant: org,
    actor,
    action: `secret.${verb}`,
    resource: name,
    requestId,
  });

  return {
    async put(name, value, acting) {
      if (!isPluginId(name)) {
        throw invalidField('name', 'lower-case letters, digits and single hyphens, at most 63');
      }
      const { org, actor: updatedBy } = acting;
      const updatedAt = toTime(clock());
      const wrapped = master.wrap(Buffer.from(value), placeOf(org, name));
      const secret = { org, name, wrapped, updatedAt, updatedBy };
      await secrets.put(secret, entryOf('put', name, updatedAt, acting));
      return shown(secret);
    },

    async read(org, name) {
      const stored = await secrets.find(org, name);
      return stored && Buffer.from(master.unwrap(stored.wrapped, placeOf(org, name))).toString();
    },

    async list(org, listing) {
      const { items, totalItems } = await secrets.list(org, listing);
      return { items: items.map(shown), totalItems };
    },

    async remove(name, acting) {
      const entry = entryOf('remove', name, toTime(clock()), acting);
      if (await secrets.remove(acting.org, name, entry)) return;
      throw new WaymarkError('RES_NOT_FOUND', `there is no secret ${name}`);
    },
  };
}

/** A row that was moved to another org or name does not open there. */
const placeOf = (org: string, name: string): string => `secret\n${org}\n${name}`;

const shown = ({ name, updatedAt, updatedBy }: StoredSecret): ShownSecret => ({
  name,
  updatedAt,
  updatedBy,
});
