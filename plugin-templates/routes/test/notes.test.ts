import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plugin } from 'waymark/plugin/testing';

test('keeps notes by their id', async () => {
  const put = await plugin.api('notes/today', { method: 'PUT', body: 'Call Ada' });
  const one = await plugin.api('notes/today');
  const all = await plugin.api('notes');

  assert.equal(put.status, 204);
  assert.deepEqual(await one.json(), { id: 'today', note: 'Call Ada' });
  assert.deepEqual(await all.json(), { notes: ['today'] });
});

test('says which note is not there', async () => {
  const answer = await plugin.api('notes/nowhere');

  assert.equal(answer.status, 404);
  assert.partialDeepStrictEqual(await answer.json(), { error: 'there is no note nowhere' });
});
