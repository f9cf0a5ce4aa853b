import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { plugin } from 'waymark/plugin/testing';

const TOKEN = 'a-token-to-try';
const components = [
  { id: 'c-1', name: 'API', status: 'up' },
  { id: 'c-2', name: 'Mail', status: 'down' },
];

/** A status page that knows who may ask. */
const page = createServer(({ headers, url }, response) => {
  const isKnown = headers.authorization === `Bearer ${TOKEN}`;
  const isThere = url === '/pages/main/components';
  response.writeHead(isKnown ? (isThere ? 200 : 404) : 401);
  response.end(JSON.stringify({ components }));
});

const post = (body: object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

before(async () => {
  page.listen(0, '127.0.0.1');
  await once(page, 'listening');
  const { port } = page.address() as AddressInfo;
  await plugin.server(
    'integrations',
    post({
      name: 'status',
      type: 'status-page.page',
      config: { endpoint: `http://127.0.0.1:${port}`, page: 'main' },
      credentials: { token: TOKEN },
    }),
  );
});
after(() => page.close());

test('is connected, by a token that it does not know', async () => {
  assert.partialDeepStrictEqual(await plugin.server('integrations/status/test', post({})), {
    ok: true,
  });
});

test('says which credentials are not accepted', async () => {
  const tried = post({ credentials: { token: 'another-token' } });

  assert.partialDeepStrictEqual(await plugin.server('integrations/status/test', tried), {
    ok: false,
    checks: [{ name: 'page', ok: false, message: 'the token is not accepted' }],
  });
});

test('discovers components', async () => {
  const asked = post({ resourceType: 'component', query: 'Mail' });

  assert.partialDeepStrictEqual(await plugin.server('integrations/status/discover', asked), {
    resources: [{ id: 'c-2', name: 'Mail', metadata: { status: 'down' } }],
  });
});
