import { createHmac } from 'node:crypto';

export interface SignedMessage {
  /** The same at every attempt. */
  id: string;
  /** Of this attempt. */
  timestampSec: number;
  body: string;
}

export interface Signing {
  /** `whsec_` and base64, or any text. */
  secret?: string | undefined;
  /** Signs as well, until the receiver knows the new one. */
  previousSecret?: string | undefined;
  /** How `x-agentcore-signature` is written. */
  signatureFormat?: 'sha256=hex' | 'hex' | undefined;
}

/**
 * The headers by which a receiver knows who sent a message, and that it comes a
 * second time. Standard Webhooks take two signatures, `x-agentcore-signature`
 * has room for the new secret's alone.
 */
export function signatureHeaders(
  { id, timestampSec, body }: SignedMessage,
  { secret, previousSecret, signatureFormat }: Signing,
): Record<string, string> {
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(timestampSec) };
  if (secret === undefined) return headers;
  const signed = `${id}.${timestampSec}.${body}`;
  const secrets = previousSecret === undefined ? [secret] : [secret, previousSecret];
  const signatures = secrets.map((each) => `v1,${hmac(each, signed).toString('base64')}`);
  const hex = hmac(secret, body).toString('hex');
  return {
    ...headers,
    'webhook-signature': signatures.join(' '),
    'x-agentcore-signature': signatureFormat === 'hex' ? hex : `sha256=${hex}`,
  };
}

const PREFIX = 'whsec_';

const hmac = (secret: string, text: string): Buffer =>
  createHmac(
    'sha256',
    secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : secret,
  )
    .update(text)
    .digest();
