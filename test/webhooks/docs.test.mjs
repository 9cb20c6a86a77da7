// The receivers shown in docs/webhooks.md, run as they stand there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { fanfare } from '../support/fanfare.mjs';
import { subscribed, until } from '../support/wait.mjs';

const manual = await readFile(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');

// The ways to run a file. ../move/setup and ../snippets/setup install PHP and Ruby.
const languages = {
  js: { file: 'hooks.mjs', run: () => ['node', 'hooks.mjs'] },
  python: { file: 'hooks.py', run: () => ['python3', 'hooks.py'] },
  php: { file: 'hooks.php', run: (port) => ['php', '-S', `127.0.0.1:${port}`, 'hooks.php'] },
  ruby: { file: 'config.ru', run: (port) => ['ruby', fileURLToPath(new URL('receiver.rb', import.meta.url)), 'config.ru', String(port)] },
  go: { file: 'hooks.go', build: ['go', 'build', '-o', 'hooks', 'hooks.go'], run: () => ['./hooks'] },
};

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

for (const [language, { file, build, run }] of Object.entries(languages)) {
  test(`the receiver in ${language} believes the server and nobody else`, async (t) => {
    const [, code] = manual.match(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``));
    const port = await freePort();
    const cwd = await mkdtemp(join(tmpdir(), 'fanfare-docs-'));
    t.after(() => rm(cwd, { recursive: true, force: true }));
    await writeFile(join(cwd, file), code.replace('3000', String(port)));
    if (build) {
      const [status] = await once(spawn(build[0], build.slice(1), { cwd, stdio: 'inherit' }), 'exit');
      assert.equal(status, 0);
    }
    const [command, ...args] = run(port);
    const receiver = spawn(command, args, { cwd });
    t.after(() => receiver.kill('SIGKILL'));
    let out = '';
    for (const stream of [receiver.stdout, receiver.stderr]) stream.on('data', (d) => (out += d));

    const url = `http://127.0.0.1:${port}/`;
    const forged = { 'Content-Type': 'application/json', 'X-Pusher-Key': 'app-key', 'X-Pusher-Signature': '00'.repeat(32) };
    const post = (headers) => fetch(url, { method: 'POST', headers, body: '{"time_ms":1,"events":[{"name":"forged","channel":"x"}]}' });
    await until(`the receiver answers; it said ${out}`, () => post(forged).then(() => true, () => false));
    assert.equal((await post(forged)).status, 401);
    assert.equal((await post({ 'Content-Type': 'application/json' })).status, 401);

    const server = await fanfare(t, { app: { webhooks: [{ url, batch: { enabled: true, interval: '50ms' } }] } });
    await subscribed(server.client(), 'my-channel');
    await until('the event is printed', () => out.includes('channel_occupied my-channel'));
    assert.doesNotMatch(out, /forged/);
  });
}
