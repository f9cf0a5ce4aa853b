import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';

/** A key pair of an authority outside, and the tokens that it signs. */
export interface SigningKey {
  publicJwk: JWK & { kid: string };
  privateKey: CryptoKey;
  sign(claims: JWTPayload, header?: Partial<JWTHeaderParameters>): Promise<string>;
}

export async function makeSigningKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg };
  return {
    publicJwk,
    privateKey,
    sign: (claims, header) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid, ...header }).sign(privateKey),
  };
}

export interface JwksServer {
  url: string;
  /** How often it was asked. */
  asked(): number;
  /** What it answers from now on. */
  serve(keys: readonly JWK[]): void;
  answer(status: number, body: string, headers?: Record<string, string>): void;
  close(): Promise<void>;
}

/** A key set's address, on the loopback address. */
export async function serveJwks(keys: readonly JWK[]): Promise<JwksServer> {
  let asked = 0;
  let answer = { status: 200, body: JSON.stringify({ keys }), headers: {} };
  const server = createServer((_request, response) => {
    asked += 1;
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    asked: () => asked,
    serve(served) {
      answer = { status: 200, body: JSON.stringify({ keys: served }), headers: {} };
    },
    answer(status, body, headers = {}) {
      answer = { status, body, headers };
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
