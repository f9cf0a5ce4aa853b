import { v7 as uuidv7 } from 'uuid';
import type { AuditEntry } from '../../audit/entry.ts';
import { type Clock, toTime } from '../../model/clock.ts';
import { invalidField, WaymarkError } from '../../model/errors.ts';
import type { Vault } from '../../secrets/vault.ts';
import type { MasterKey } from '../../signing/master-key.ts';
import type { BindingRef } from '../contract/wire.ts';
import type { PluginSource } from '../hosted-plugin.ts';
import type { BindingSecretStore, StoredBindingSecret } from './binding-secret.ts';

export interface Acting {
  actor: string;
  requestId: string;
}

/** Who has a secret, and where its configuration leads. */
export interface SecretTerms {
  /** `holderOf` it. */
  plugin: string;
  /** `originsOf` the whole configuration. */
  origins: readonly string[];
}

/** Which secret a configuration means. */
export interface SecretUse extends SecretTerms {
  field: string;
  /** Of its `{secretRef}`: one of the binding's own, or of the org's vault. Undefined: it has none. */
  name: string | undefined;
}

/**
 * The secrets of bindings. A value that people give gets a name of its own, so
 * that the commit which names it makes it count: one that is refused or reverted
 * leaves the value before in force.
 */
export interface BindingSecrets {
  /** Answers the names for git, by field. */
  put(
    org: string,
    ref: BindingRef,
    values: ReadonlyMap<string, string>,
    terms: SecretTerms,
    acting: Acting,
  ): Promise<Map<string, string>>;
  /**
   * Never for an answer or a log. Undefined where the configuration names none
   * and the plugin has stored none.
   *
   * @throws {WaymarkError} `INT_CREDENTIALS_REQUIRED` where it is gone, another
   *   binding's, or was given to another plugin or for other origins
   */
  read(org: string, ref: BindingRef, use: SecretUse): Promise<string | undefined>;
  /**
   * The plugin's own writing, in place of what the configuration names.
   *
   * @throws {WaymarkError} `PLG_CALLBACK_REFUSED` for one of the vault
   */
  overwrite(
    org: string,
    ref: BindingRef,
    use: SecretUse,
    value: string,
    acting: Acting,
  ): Promise<void>;
  /** All of a binding's, or only those that are gone. */
  remove(
    org: string,
    ref: BindingRef,
    acting: Acting,
    isGone?: (secret: Pick<StoredBindingSecret, 'name' | 'updatedAt'>) => boolean,
  ): Promise<void>;
}

export interface BindingSecretsDeps {
  bindingSecrets: BindingSecretStore;
  vault: Pick<Vault, 'read'>;
  master: MasterKey;
  clock: Clock;
}

/** A plugin of another source is another one, though its id be the same. */
export const holderOf = (source: PluginSource, pluginId: string): string => `${source}:${pluginId}`;

/** A vault's name has no dot. */
const OWN = 'binding.';
const WRITTEN = 'written.';
const LONGEST_BYTES = 65_536;

/** Of a secret that a plugin has stored where its configuration names none. */
export const isWrittenByPlugin = (name: string): boolean => name.startsWith(WRITTEN);

export function createBindingSecrets(deps: BindingSecretsDeps): BindingSecrets {
  const { bindingSecrets: store, vault, clock } = deps;
  const { sealed, opened } = createSeal(deps);
  const entryOf = entriesBy(clock);

  return {
    async put(org, ref, values, { plugin, origins }, acting) {
      const secrets = [...values].map(([field, value]) => {
        const place = { ...placeOf(org, ref), name: OWN + uuidv7(), field, plugin, origins };
        return sealed(place, value, acting);
      });
      const names = secrets.map(({ name }) => name);
      if (names.length > 0) {
        await store.put(secrets, entryOf('put', org, ref, acting, names));
      }
      return new Map(secrets.map(({ field, name }) => [field, name]));
    },

    async read(org, ref, use) {
      const { field, name } = use;
      if (isOfVault(name)) return (await vault.read(org, name)) ?? missing(field);
      const stored = await store.find(org, ref, name ?? WRITTEN + field);
      // What a plugin of another source has stored is nothing to this one.
      if (name === undefined && stored?.plugin !== use.plugin) return undefined;
      return opened(checkUse(stored, use));
    },

    async overwrite(org, ref, use, value, acting) {
      const { field, name, plugin, origins } = use;
      if (isOfVault(name)) {
        const message = `${field} is a secret of the org, which no plugin changes`;
        throw new WaymarkError('PLG_CALLBACK_REFUSED', message);
      }
      const place =
        name === undefined
          ? { ...placeOf(org, ref), name: WRITTEN + field, field, plugin, origins }
          : placeIn(checkUse(await store.find(org, ref, name), use));
      const entry = entryOf('write', org, ref, acting, [place.name]);
      await store.put([sealed(place, value, acting)], entry);
    },

    async remove(org, ref, acting, isGone = () => true) {
      const names = (await store.list(org, ref)).filter(isGone).map(({ name }) => name);
      if (names.length === 0) return;
      await store.remove(org, ref, names, entryOf('remove', org, ref, acting, names));
    },
  };
}

function createSeal({ master, clock }: Pick<BindingSecretsDeps, 'master' | 'clock'>) {
  return {
    sealed: (
      place: SecretPlace,
      value: string,
      { actor: updatedBy }: Acting,
    ): StoredBindingSecret => {
      if (Buffer.byteLength(value) > LONGEST_BYTES) {
        throw invalidField(place.field, `a secret has at most ${LONGEST_BYTES} bytes`, 'maxLength');
      }
      const wrapped = master.wrap(Buffer.from(value), aadOf(place));
      return { ...place, wrapped, updatedAt: toTime(clock()), updatedBy };
    },

    opened: (stored: StoredBindingSecret): string =>
      Buffer.from(master.unwrap(stored.wrapped, aadOf(stored))).toString(),
  };
}

/** For the audit log: names alone. */
const entriesBy =
  (clock: Clock) =>
  (verb: string, org: string, ref: BindingRef, acting: Acting, names: string[]): AuditEntry => ({
    at: toTime(clock()),
    tenant: org,
    actor: acting.actor,
    action: `binding-secret.${verb}`,
    resource: `${ref.scope}/${ref.id}`,
    after: { names },
    requestId: acting.requestId,
  });

type SecretPlace = Omit<StoredBindingSecret, 'wrapped' | 'updatedAt' | 'updatedBy'>;

const placeOf = (org: string, { scope, id: binding }: BindingRef) => ({ org, scope, binding });

function placeIn(stored: StoredBindingSecret): SecretPlace {
  const { org, scope, binding, name, field, plugin, origins } = stored;
  return { org, scope, binding, name, field, plugin, origins };
}

const isOfVault = (name: string | undefined): name is string =>
  name !== undefined && !name.startsWith(OWN);

/** Whoever edits a configuration in git may name a secret there that was not given for it. */
function checkUse(
  stored: StoredBindingSecret | undefined,
  { field, plugin, origins }: SecretUse,
): StoredBindingSecret {
  if (stored?.field !== field || stored.plugin !== plugin) return missing(field);
  // Nor does one go to a host that whoever gave it has not seen: to none that it leads to now, nor,
  // where it leads nowhere any more, to whatever else its plugin was granted.
  const isLost = stored.origins.length > 0 && origins.length === 0;
  const isKnown = origins.every((origin) => stored.origins.includes(origin));
  return isKnown && !isLost ? stored : missing(field);
}

/** A row whose place, field, plugin or origins were changed does not open. */
const aadOf = ({ org, scope, binding, name, field, plugin, origins }: SecretPlace): string =>
  JSON.stringify(['binding-secret', org, scope, binding, name, field, plugin, origins]);

function missing(field: string): never {
  const message = `${field}: no secret was given for this configuration: give it anew`;
  throw new WaymarkError('INT_CREDENTIALS_REQUIRED', message, { details: { field } });
}
