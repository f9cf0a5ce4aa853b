import type { AuditStore } from '../audit/entry.ts';
import type { ClientStore } from '../delivery/client.ts';
import type { PublicationStore } from '../delivery/publication.ts';
import type { SealedStore } from '../delivery/sealed.ts';
import type { ApiKeyStore } from '../identity/api-key.ts';
import type { OrgStore } from '../identity/org.ts';
import type { KeyStore } from '../signing/keys.ts';
import type { Database } from './open.ts';

export interface Stores {
  orgs: OrgStore;
  apiKeys: ApiKeyStore;
  clients: ClientStore;
  publications: PublicationStore;
  sealed: SealedStore;
  keys: KeyStore;
  audit: AuditStore;
}

export function createStores(_database: Database): Stores {
  throw new Error('not written yet');
}
