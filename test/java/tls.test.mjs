// The SDKs for Java and Go over the TLS of the server itself.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Driver } from '../support/driver.mjs';
import { fanfare, masterKey } from '../support/fanfare.mjs';
import { certificate, java, JavaClient } from './client.mjs';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // for what runs in this process; the SDKs know the certificate

const http = java('pusher-http-java-1.3.4', 'Http');
const go = new Driver(fileURLToPath(new URL('../go-sdk/.build/go-sdk', import.meta.url)), [], { SSL_CERT_FILE: certificate.cert_file });
after(() => Promise.all([http.end(), go.end()]));

for (const version of ['2.4.4', '2.2.5', '1.8.2']) {
  const driver = java(`pusher-java-client-${version}`, 'Client');
  after(() => driver.end());
  test(`java ${version}: over TLS it receives what the SDKs for Java and Go trigger over TLS`, async (t) => {
    const server = await fanfare(t, { tls: certificate, app: { require_tls: true } });
    const sdk = { host: `127.0.0.1:${server.port}`, appId: 'app-id', key: 'app-key', secret: 'app-secret', masterKey, tls: true };
    const client = await (await JavaClient.connected(t, driver, server, { tls: true })).subscribed('private-x', 'java', 'go');
    for (const type of ['Pusher', 'PusherAsync']) {
      await http.run('make', { type, ...sdk });
      assert.equal((await http.run('trigger', { channel: 'private-x', event: 'java', data: type })).status, 'SUCCESS');
      assert.equal(await client.event('private-x', 'java'), JSON.stringify(type));
    }
    await go.run('make', sdk);
    await go.run('Trigger', { channel: 'private-x', event: 'go', data: 'é漢🎉' });
    assert.equal(await client.event('private-x', 'go'), '"é漢🎉"');
    assert.deepEqual(driver.uncaught, []);
  });
}
