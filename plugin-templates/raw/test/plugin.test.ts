import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plugin } from 'waymark/plugin/testing';

test('counts who saw its page', async () => {
  const page = await plugin.page('hello');
  const answer = await plugin.management('visits');

  assert.match(await page.text(), /visitor 1/);
  assert.deepEqual(await answer.json(), { visits: 1 });
});
