// Gives the commands for Docker of docs/deployment-containers.md, docs/install.md
// and docs/tracing.md to Docker's client, and looks at what it asks the engine for.
// The engine is one of the test, which notes requests and makes no container;
// test/package/image runs what the Dockerfile builds.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { oneNode } from '../support/fanfare.mjs';
import { blocksOf, folder, run, start } from './shell.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const [image, configured] = await blocksOf('docs/deployment-containers.md', ['sh', 'sh', 'yaml', 'sh']);
const prose = await readFile(here('../../docs/deployment-containers.md'), 'utf8');
const dockerfile = await readFile(here('../../Dockerfile'), 'utf8');

/** Listens as an engine does, on a Unix socket. `asked` are its requests; builds succeed, all else is refused. */
async function engine(t) {
  const asked = [];
  const server = createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const url = new URL(req.url, 'http://docker');
    if (url.pathname === '/_ping') return void res.writeHead(200, { 'API-Version': '1.41', 'OSType': 'linux' }).end();
    asked.push({ method: req.method, path: url.pathname.replace(/^\/v[\d.]+/, ''), query: url.searchParams, body: Buffer.concat(chunks) });
    if (url.pathname.endsWith('/build')) return void res.writeHead(200, { 'Content-Type': 'application/json' }).end('{"stream":"built"}\n');
    res.writeHead(500, { 'Content-Type': 'application/json' }).end('{"message":"noted by the test"}');
  });
  const path = join(await folder(t), 'docker.sock');
  server.listen(path);
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  });
  return { asked, env: { DOCKER_HOST: `unix://${path}`, DOCKER_CONFIG: await folder(t), DOCKER_BUILDKIT: '0', PATH: `${here('.build')}:${process.env.PATH}` } };
}

/** What the client asks the engine for, when it is given a command that the engine then refuses. */
async function asks(t, command, cwd) {
  const { asked, env } = await engine(t);
  const running = start(t, command, { cwd: cwd ?? await folder(t), env });
  assert.notEqual(await running.ended, 0);
  assert.match(running.all, /noted by the test/, command);
  return asked.at(-1);
}

/** The container that `docker run` creates. */
async function creates(t, command, cwd) {
  const { method, path, body } = await asks(t, command, cwd);
  assert.equal(`${method} ${path}`, 'POST /containers/create');
  return JSON.parse(body);
}

/** A command that the prose of the page has between backticks. */
const inline = (beginning) => {
  const found = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, text]) => text).filter((text) => text.startsWith(beginning));
  assert.equal(found.length, 1, `${beginning}: ${found}`);
  return found[0];
};

test('docs/deployment-containers.md and docs/install.md: the image is built of a checkout', async (t) => {
  oneNode(t, 'nothing is served');
  const [, , , , , installed] = await blocksOf('docs/install.md', ['sh build', 'sh run', 'sh cross', 'sh', 'sh', 'sh']);
  const [build] = image.split('\n');
  assert.equal(installed.trim(), build);
  const cwd = join(await folder(t), 'fanfare');
  await run(t, `git clone -q --shared '${here('../..')}' '${cwd}'`);
  const { asked, env } = await engine(t);
  await run(t, build, { cwd, env });
  const [{ method, path, query, body }] = asked;
  assert.equal(`${method} ${path}`, 'POST /build');
  assert.equal(query.get('t'), 'fanfare');
  assert.match(JSON.parse(query.get('buildargs')).VERSION, /./);
  assert.match(dockerfile, /^ARG VERSION\b/m);
  for (const name of ['Dockerfile', 'go.mod', 'cmd/fanfare/main.go']) assert.ok(body.includes(`${name}\0`), `${name} is sent to the engine`);
});

test('docs/deployment-containers.md: the container of the image', async (t) => {
  oneNode(t, 'nothing is served');
  const command = image.slice(image.indexOf('docker run'));
  const container = await creates(t, command);
  assert.equal(container.Image, 'fanfare');
  assert.ok(container.StopTimeout > 30); // shutdown.timeout
  // The client may send variables in any order.
  assert.deepEqual(container.Env.map((variable) => variable.split('=')[0]).sort(), ['FANFARE_APP_ID', 'FANFARE_APP_KEY', 'FANFARE_APP_SECRET']);
  assert.deepEqual(container.HostConfig.Ulimits, [{ Name: 'nofile', Hard: 1048576, Soft: 1048576 }]);
  assert.deepEqual(Object.keys(container.HostConfig.PortBindings), ['6001/tcp']);

  const options = inline('--read-only');
  const confined = await creates(t, command.replace('docker run', `docker run ${options}`));
  assert.equal(confined.HostConfig.ReadonlyRootfs, true);
  assert.deepEqual(confined.HostConfig.Tmpfs, { '/run/fanfare': 'uid=65532' });
  assert.match(dockerfile, /^USER 65532:65532$/m);

  const cwd = await folder(t);
  const withFile = await creates(t, configured, cwd);
  const [source, target, mode] = withFile.HostConfig.Binds[0].split(':');
  assert.deepEqual([source, mode], [join(cwd, 'config.yaml'), 'ro']);
  assert.deepEqual(withFile.Env, [`FANFARE_CONFIG=${target}`]);
});

test('docs/deployment-containers.md: the commands in its text', async (t) => {
  oneNode(t, 'nothing is served');
  const volume = await creates(t, inline('docker run --rm'));
  assert.deepEqual([volume.HostConfig.Binds, volume.Cmd], [['fanfare:/data'], ['chown', '65532', '/data']]);
  const withVolume = await creates(t, `docker run ${inline('-v fanfare:')} fanfare`);
  assert.deepEqual(withVolume.HostConfig.Binds, volume.HostConfig.Binds);

  const { asked, env } = await engine(t);
  await start(t, inline('docker exec'), { env }).ended;
  assert.match(asked[0].path, /^\/containers\/NAME\/json$/); // is it there?
  const [, , , program, ...args] = inline('docker exec').split(' ');
  assert.match(dockerfile, new RegExp(`^ENTRYPOINT \\["${program}"`, 'm'));
  await run(t, `fanfare ${args.join(' ')} --help`);

  const { path, query } = await asks(t, inline('docker kill'));
  assert.deepEqual([path, query.get('signal')], ['/containers/NAME/kill', 'HUP']);
});

test('docs/tracing.md: Jaeger listens where the server sends spans', async (t) => {
  oneNode(t, 'nothing is served');
  const [commands, config] = await blocksOf('docs/tracing.md', ['sh', 'yaml']);
  const { HostConfig } = await creates(t, commands.split('\n')[0]);
  const [, port] = /endpoint: http:\/\/127\.0\.0\.1:(\d+)/.exec(config);
  assert.equal(HostConfig.PortBindings[`${port}/tcp`][0].HostPort, port);
  assert.equal(HostConfig.PortBindings['16686/tcp'][0].HostPort, '16686');
});
