import { v7 as uuidv7 } from 'uuid';
import { mintClientToken } from '../identity/keys.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { checkRecipientKey, type RecipientKey } from '../signing/recipient.ts';
import type { Client, ClientStore } from './client.ts';

export interface Enrolment {
  org: string;
  name: string;
  labels?: Readonly<Record<string, string>>;
  publicKey?: string;
  channel?: string;
  environment?: string;
}

/** Records a new client. Its token is shown here and never again. */
export async function enrolClient(
  clients: ClientStore,
  enrolment: Enrolment,
  { id: enroller, actor, requestId }: { id: string; actor: string; requestId: string },
  clock: Clock,
): Promise<{ client: Client; token: string }> {
  if (enrolment.environment !== undefined) {
    throw invalidField('environment', 'environments cannot be enrolled in yet', 'unsupported');
  }
  const key = enrolment.publicKey === undefined ? undefined : await checkKey(enrolment.publicKey);
  const { token, secretHash } = mintClientToken();
  const at = toTime(clock());
  const client: Client = {
    org: enrolment.org,
    id: uuidv7(),
    name: enrolment.name,
    labels: enrolment.labels ?? {},
    publicKey: key?.armored ?? null,
    keyFingerprint: key?.fingerprint ?? null,
    channel: enrolment.channel ?? null,
    environment: null,
    tokenHash: secretHash,
    enrolledBy: enroller,
    createdAt: at,
    revokedAt: null,
    version: 1,
  };
  const entry = {
    at,
    tenant: client.org,
    actor,
    requestId,
    action: 'client.enrol',
    resource: client.id,
    after: { name: client.name, keyFingerprint: client.keyFingerprint },
  };
  await clients.insert(client, entry);
  return { client, token };
}

async function checkKey(armored: string): Promise<RecipientKey> {
  return await checkRecipientKey(armored);
}

export interface ClientChange {
  org: string;
  id: string;
  actor: string;
  requestId: string;
  ifMatch: number | undefined;
}

/** Gives the client another key; what it could read before is sealed anew for the others. */
export async function rotateKey(
  clients: ClientStore,
  { publicKey, ...change }: ClientChange & { publicKey: string },
  clock: Clock,
): Promise<{ client: Client; before: Client }> {
  const key = await checkKey(publicKey);
  const fields = { publicKey: key.armored, keyFingerprint: key.fingerprint };
  return await changeClient(clients, change, 'client.rotate-key', fields, clock);
}

export async function revokeClient(
  clients: ClientStore,
  change: ClientChange,
  clock: Clock,
): Promise<{ client: Client; before: Client }> {
  const revokedAt = toTime(clock());
  return await changeClient(clients, change, 'client.revoke', { revokedAt }, clock);
}

async function changeClient(
  clients: ClientStore,
  { org, id, actor, requestId, ifMatch }: ClientChange,
  action: string,
  fields: Partial<Client>,
  clock: Clock,
): Promise<{ client: Client; before: Client }> {
  const before = await getClient(clients, org, id);
  const client = { ...before, ...fields, version: before.version + 1 };
  const entry = { at: toTime(clock()), tenant: org, actor, requestId, action, resource: id };
  const isCurrent = ifMatch === undefined || ifMatch === before.version;
  if (!isCurrent || !(await clients.replace(client, before.version, entry))) {
    throw new WaymarkError('RES_VERSION_CONFLICT', `client ${id} has changed: read it, then retry`);
  }
  return { client, before };
}

/** @throws {WaymarkError} `RES_NOT_FOUND`, also for a revoked one */
export async function getClient(clients: ClientStore, org: string, id: string): Promise<Client> {
  const client = await clients.find(org, id);
  if (client && client.revokedAt === null) return client;
  throw new WaymarkError('RES_NOT_FOUND', `there is no client ${id}`);
}

/** What others may know of a client: never its token's hash. */
export function describeClient(client: Client) {
  const { id, name, labels, keyFingerprint, channel, environment, enrolledBy, createdAt, version } =
    client;
  return { id, name, labels, keyFingerprint, channel, environment, enrolledBy, createdAt, version };
}
