// The back ends that docs/clients-servers*.md show: they sign for a pusher-js and trigger.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fanfare } from '../support/fanfare.mjs';
import { Log, subscribed } from '../support/wait.mjs';
import { backEnd, names, order } from './backends.mjs';

for (const name of names) {
  test(`${name}: signs private and presence channels, refuses others, triggers`, async (t) => {
    const server = await fanfare(t, { app: { id: '1001' } }); // the SDK for Python takes digits only
    const url = await backEnd(t, name, server);
    const client = server.client({ channelAuthorization: { endpoint: `${url}/pusher/auth`, transport: 'ajax' } });
    const orders = await subscribed(client, 'private-orders');
    const room = await subscribed(client, 'presence-room');
    assert.deepEqual(room.members.me, { id: '1', info: { name: 'Ann' } });

    const refused = new Log(client.subscribe('private-secrets'));
    assert.equal((await refused.next('pusher:subscription_error')).status, 403);

    assert.deepEqual(await (await order(url, 'é漢🎉')).json(), { ok: true });
    assert.deepEqual(await orders.log.next('created'), { text: 'é漢🎉' });
  });
}
