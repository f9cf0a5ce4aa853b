import type { ChainedEntry } from '../audit/entry.ts';
import type { ChangeRequest, Review } from '../changes/change-request.ts';
import type { Client, ClientState } from '../delivery/client.ts';
import type { ActivePointer, Intent, ReleaseRow } from '../delivery/publication.ts';
import type { SealedBody } from '../delivery/sealed.ts';
import type { ApiKey } from '../identity/api-key.ts';
import type { Org } from '../identity/org.ts';
import type { TokenKey } from '../identity/token-key.ts';
import type { OrgKey, StoredRoot } from '../signing/keys.ts';

/** A domain record as one row: its lists and maps are JSON text, an absent field is null. */
type Row<Domain, Json extends keyof Domain = never> = Omit<Domain, Json> & Record<Json, string>;

type Absent<Name extends string> = Record<Name, string | null>;

/** Names are camelCase here and snake_case in the database. */
export interface Tables {
  org: Org;
  apiKey: Row<ApiKey, 'teams' | 'roles'>;
  audit: Omit<ChainedEntry, 'before' | 'after' | 'requestId'> &
    Absent<'before' | 'after' | 'requestId'>;
  orgKey: OrgKey;
  rootDocument: StoredRoot;
  activePointer: Row<ActivePointer, 'diagnostics'>;
  intent: Omit<Intent, 'requestId'> & Absent<'requestId'>;
  release: ReleaseRow;
  client: Row<Client, 'labels'>;
  clientState: ClientState;
  changeRequest: Omit<ChangeRequest, 'pending'> & Absent<'pending'>;
  changeReview: Review;
  sealedBody: SealedBody;
  tokenKey: Row<TokenKey, 'publicJwk'>;
  sealedPacket: { bodyDigest: string; subkey: string; packet: Uint8Array };
}
