// Calls that come twice with one idempotency key, by the unmodified SDK and by hand.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fanfare } from '../support/fanfare.mjs';
import { settled, subscribed } from '../support/wait.mjs';

/** Posts a text to a path of the app with a header Idempotency-Key, signed. */
async function post(server, path, body, key) {
  const query = server.sdk.createSignedQueryString({ method: 'POST', path: `/apps/app-id${path}`, body });
  const answer = await fetch(`${server.http}/apps/app-id${path}?${query}`, {
    method: 'POST', body, headers: { 'content-type': 'application/json', 'idempotency-key': key },
  });
  return { status: answer.status, text: await answer.text() };
}

test('idempotency: a key in the parameters of trigger', async (t) => {
  const server = await fanfare(t);
  const news = await subscribed(await server.connected(), 'news');
  const params = { idempotency_key: 'order-1', info: 'subscription_count' };
  for (let i = 0; i < 3; i++) {
    const answer = await server.sdk.trigger(['news', 'sport'], 'paid', { order: 1 }, params);
    assert.deepEqual(Object.keys((await answer.json()).channels), ['news', 'sport']);
  }
  await assert.rejects(server.sdk.trigger(['news', 'sport'], 'paid', { order: 2 }, params), (err) => {
    assert.equal(err.status, 409);
    assert.match(err.body, /this idempotency key was used with another request/);
    return true;
  });
  await settled(server.sdk, news);
  assert.deepEqual(news.log.all('paid'), [{ order: 1 }]);
});

test('idempotency: keys of the events of a batch', async (t) => {
  const server = await fanfare(t);
  const news = await subscribed(await server.connected(), 'news');
  const event = (n) => ({ channel: 'news', name: 'e', data: { n }, idempotency_key: `batch-${n}` });
  await server.sdk.triggerBatch([event(1), event(2)]);
  await server.sdk.triggerBatch([event(2), event(3), event(1)]);
  await settled(server.sdk, news);
  assert.deepEqual(news.log.all('e'), [{ n: 1 }, { n: 2 }, { n: 3 }]);
});

test('idempotency: a header for the whole call', async (t) => {
  const server = await fanfare(t);
  const news = await subscribed(await server.connected(), 'news');
  const event = (n) => ({ channel: 'news', name: 'e', data: String(n) });
  const body = JSON.stringify({ batch: [event(1), event(1), event(2)] });
  for (let i = 0; i < 3; i++) assert.deepEqual(await post(server, '/batch_events', body, 'call-1'), { status: 200, text: '{}' });
  for (let i = 0; i < 3; i++) assert.deepEqual(await post(server, '/events', JSON.stringify(event(3)), 'call-2'), { status: 200, text: '{}' });
  assert.equal((await post(server, '/events', JSON.stringify(event(4)), 'call-1')).status, 409);
  assert.equal((await post(server, '/events', JSON.stringify(event(4)), 'ä')).status, 400);
  await settled(server.sdk, news);
  assert.deepEqual(news.log.all('e'), [1, 1, 2, 3]);
});
