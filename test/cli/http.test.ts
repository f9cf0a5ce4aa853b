import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServerRefusal, VerificationError } from '../../cli/errors.ts';
import { type Connection, request } from '../../cli/http.ts';

let server: Server;
let connection: Connection;
let answer: (response: ServerResponse, headers: NodeJS.Dict<unknown>) => void;

beforeEach(async () => {
  server = createServer(({ headers }, response) => answer(response, headers));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  connection = { url: `http://127.0.0.1:${port}`, token: 'wmk_1_s' };
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const get = (limitBytes = 10) => request(connection, { path: '/x', limitBytes });

describe('request', () => {
  it('reads up to its limit', async () => {
    answer = (response) => response.end('0123456789');

    expect((await get()).body.toString()).toBe('0123456789');
  });

  it('stops at its limit, also when the length is not declared or goes on for ever', async () => {
    let isGone = false;
    answer = (response) => {
      const more = (): void =>
        void response.write('x'.repeat(65_536), () => isGone || setImmediate(more));
      response.on('close', () => {
        isGone = true;
      });
      more();
    };

    await expect(get()).rejects.toMatchObject({ code: 'DOCUMENT_TOO_LARGE' });
    await expect(get()).rejects.toBeInstanceOf(VerificationError);
  });

  it('follows no redirect: the token would go along', async () => {
    answer = (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();

    await expect(get()).rejects.toThrow(/does not answer: unexpected redirect/);
  });

  it('asks for bytes as they are', async () => {
    const seen: unknown[] = [];
    answer = (response, headers) => {
      seen.push(headers['accept-encoding'], headers['authorization']);
      response.end();
    };

    await get();

    expect(seen).toEqual(['identity', 'Bearer wmk_1_s']);
  });

  it("says what the server's envelope says", async () => {
    const error = {
      code: 'PERM_DENIED',
      message: 'this key may not publish',
      details: { need: 'x' },
    };
    answer = (response) => response.writeHead(403).end(JSON.stringify({ success: false, error }));

    await expect(get()).rejects.toMatchObject({ status: 403, ...error });
  });

  it('says what the server says where plugins answer too', async () => {
    const refusal = { code: 'PLG_NOT_FOUND', details: { need: 'x' } };
    const said = { success: false, error: 'there is no plugin x', ...refusal };
    answer = (response) => response.writeHead(404).end(JSON.stringify(said));

    await expect(get()).rejects.toMatchObject({ message: said.error, status: 404, ...refusal });
  });

  it.each(['<html>Bad gateway</html>', '', '{}', 'null'])(
    'names the status for %j',
    async (page) => {
      answer = (response) => response.writeHead(502).end(page);

      const refusal = await get().catch((error: unknown) => error);

      expect(refusal).toBeInstanceOf(ServerRefusal);
      expect((refusal as Error).message).toMatch(/\/x answered 502$/);
    },
  );

  it('tells a line that broke off from an answer', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-length': 10 });
      response.write('01234', () => response.destroy());
    };

    await expect(get()).rejects.toThrow(/broke off|does not answer/);
  });
});
