// A back end that receives webhooks and has two SDKs check each of them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Sdk from 'pusher';
import { until } from './wait.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export class Endpoint {
  requests = []; // { headers, body, status }
  status = 200;
  manner = 'answers'; // or hangs, resets, slow

  constructor({ id = '1001', key = 'app-key', secret = 'app-secret' } = {}) {
    this.credentials = { id, key, secret };
    this.sdk = new Sdk({ appId: id, key, secret, host: '127.0.0.1' });
    this.server = createServer((req, res) => {
      const chunks = [];
      req.on('data', (c) => chunks.push(c));
      req.on('end', () => {
        const request = { headers: req.headers, body: Buffer.concat(chunks).toString(), status: this.status };
        this.requests.push(request);
        if (this.manner === 'resets') req.socket.resetAndDestroy();
        else if (this.manner === 'slow') setTimeout(() => res.writeHead(request.status).end(), 300);
        else if (this.manner !== 'hangs') res.writeHead(request.status).end();
        if (['resets', 'hangs'].includes(this.manner)) request.status = 0; // none was told
      });
    });
  }

  /** Listens until the end of the test; port 0 is any, and kept for the next time. */
  async open(t, port = this.port ?? 0) {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
    t.after(() => this.close());
    return this;
  }

  async close() {
    if (!this.server.listening) return;
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  get url() {
    return `http://127.0.0.1:${this.port}/hooks`;
  }

  /** The events of every request that was accepted, in order. */
  get events() {
    return this.requests.filter((r) => r.status === 200).flatMap((r) => (r.events ??= JSON.parse(r.body).events));
  }

  /** Waits for an event that has these fields. */
  async event(fields) {
    const has = (e) => Object.entries(fields).every(([k, v]) => e[k] === v);
    return until(`the webhook ${JSON.stringify(fields)}`, () => this.events.find(has)).catch((err) => {
      err.message += `\nseen: ${this.events.map((e) => JSON.stringify(e)).join('\n')}`;
      throw err;
    });
  }

  /** Every request so far must satisfy the validators of both SDKs. */
  async validate() {
    const requests = [...this.requests]; // more may come meanwhile
    for (const { headers, body } of requests) {
      const hook = this.sdk.webhook({ headers, rawBody: body });
      assert.ok(hook.isValid(), `the Node SDK refuses ${body}\n${JSON.stringify(headers)}`);
      assert.deepEqual(hook.getEvents(), JSON.parse(body).events);
      assert.ok(Math.abs(hook.getTime() - Date.now()) < 300_000);
    }
    const python = spawn(here('../.venv/bin/python'), [here('./validate.py'), JSON.stringify(this.credentials)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    for (const { headers, body } of requests) {
      python.stdin.write(`${JSON.stringify({ key: headers['x-pusher-key'], signature: headers['x-pusher-signature'], body })}\n`);
    }
    python.stdin.end();
    let n = 0;
    for await (const line of createInterface({ input: python.stdout })) {
      assert.deepEqual(JSON.parse(line), JSON.parse(requests[n].body), `the Python SDK refuses ${requests[n].body}`);
      n++;
    }
    assert.equal(n, requests.length);
  }
}
