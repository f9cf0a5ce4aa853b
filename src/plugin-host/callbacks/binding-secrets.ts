import { v7 as uuidv7 } from 'uuid';
import type { AuditEntry } from '../../audit/entry.ts';
import { type Clock, toTime } from '../../model/clock.ts';
import { invalidField, WaymarkError } from '../../model/errors.ts';
import type { Vault } from '../../secrets/vault.ts';
import type { MasterKey } from '../../signing/master-key.ts';
import type { BindingRef } from '../contract/wire.ts';
import type { BindingSecretStore, StoredBindingSecret } from './binding-secret.ts';

export interface Acting {
  actor: string;
  requestId: string;
}

/** Which secret a configuration means, and where that configuration leads. */
export interface SecretUse {
  field: string;
  /** Of its `{secretRef}`: one of the binding's own, or of the org's vault. Undefined: it has none. */
  name: string | undefined;
  /** `originsOf` the whole configuration. */
  origins: readonly string[];
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
    origins: readonly string[],
    acting: Acting,
  ): Promise<Map<string, string>>;
  /**
   * Never for an answer or a log. Undefined where the configuration names none
   * and the plugin has stored none.
   *
   * @throws {WaymarkError} `INT_CREDENTIALS_REQUIRED` where it is gone, another
   *   binding's, or was given for other origins
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
    async put(org, ref, values, origins, acting) {
      const secrets = [...values].map(([field, value]) =>
        sealed({ ...placeOf(org, ref), name: OWN + uuidv7(), field, origins }, value, acting),
      );
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
      if (!stored && name === undefined) return undefined;
      return opened(checkUse(stored, use));
    },

    async overwrite(org, ref, use, value, acting) {
      const { field, name } = use;
      if (isOfVault(name)) {
        const message = `${field} is a secret of the org, which no plugin changes`;
        throw new WaymarkError('PLG_CALLBACK_REFUSED', message);
      }
      const place =
        name === undefined
          ? { ...placeOf(org, ref), name: WRITTEN + field, field, origins: use.origins }
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

function placeIn({ org, scope, binding, name, field, origins }: StoredBindingSecret): SecretPlace {
  return { org, scope, binding, name, field, origins };
}

const isOfVault = (name: string | undefined): name is string =>
  name !== undefined && !name.startsWith(OWN);

/** Whoever edits a configuration in git may name a secret there that was not given for it. */
function checkUse(
  stored: StoredBindingSecret | undefined,
  { field, origins }: SecretUse,
): StoredBindingSecret {
  if (stored?.field !== field) return missing(field);
  // Nor does one go to a host that whoever gave it has not seen.
  return origins.every((origin) => stored.origins.includes(origin)) ? stored : missing(field);
}

/** A row whose place, field or origins were changed does not open. */
const aadOf = ({ org, scope, binding, name, field, origins }: SecretPlace): string =>
  JSON.stringify(['binding-secret', org, scope, binding, name, field, origins]);

function missing(field: string): never {
  const message = `${field}: no secret was given for this configuration: give it anew`;
  throw new WaymarkError('INT_CREDENTIALS_REQUIRED', message, { details: { field } });
}
