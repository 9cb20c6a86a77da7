// A fanfare of what `fanfare import` makes of another server's configuration.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Fanfare, freePort } from '../support/fanfare.mjs';

const binary = fileURLToPath(new URL('../.bin/fanfare', import.meta.url));
const run = promisify(execFile);

/**
 * Imports files, given by their names, and serves what comes out on a port of the
 * test. `app` has the keys by which clients know it; `text` is the file that was written.
 */
export async function imported(t, files, app, args = []) {
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-move-'));
  const paths = [];
  for (const [name, text] of Object.entries(files)) {
    paths.push(join(folder, name));
    await writeFile(paths.at(-1), text);
  }
  const out = join(folder, 'config.yaml');
  const { stdout } = await run(binary, ['import', ...paths, '--out', out, ...args]);
  await run(binary, ['config', 'check', '--config', out]);
  const port = await freePort();
  const metrics = await freePort();
  const flags = ['--listen', `127.0.0.1:${port}`, '--metrics-listen', `127.0.0.1:${metrics}`];
  const server = new Fanfare(port, out, { apps: [app] }, false, flags);
  t.after(async () => {
    for (const client of server.clients) client.disconnect();
    await server.stop('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  await server.start();
  return Object.assign(server, { told: stdout, text: await readFile(out, 'utf8'), metrics: `http://127.0.0.1:${metrics}` });
}
