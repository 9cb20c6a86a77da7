// The app that docs/from-socketio*.md spell out: their code blocks are compiled
// once, and run as Next.js would run them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fanfare } from '../support/fanfare.mjs';
import { codeBlocks } from './blocks.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));
// It has the real next, pusher, pusher-js and typescript: test/chat/setup installs it.
const example = join(repository, 'examples/nextjs-chat');

const read = (name) => readFile(join(repository, 'docs', name), 'utf8');

export const page = await read('from-socketio.md');

export const blocks = [page, await read('from-socketio-rooms.md'), await read('from-socketio-presence.md')].flatMap(codeBlocks);

export const block = (name) => blocks.find(({ info }) => info.split(' ')[1] === name).text;

/** The settings of .env.local. */
export const settings = Object.fromEntries([...block('.env.local').matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]));

// The log-in is the reader's own. Here whoever asks says so in a header.
const session = `import type { NextApiRequest } from "next";
export function userOf(req: NextApiRequest): { id: string; name: string } | undefined {
  const id = req.headers["x-user"];
  return typeof id === "string" ? { id, name: id.toUpperCase() } : undefined;
}
`;

const folder = await mkdtemp(join(tmpdir(), 'from-socketio-'));
after(() => rm(folder, { recursive: true, force: true }));

async function compile() {
  await symlink(join(example, 'node_modules'), join(folder, 'node_modules'));
  const files = blocks.filter(({ info }) => info.startsWith('ts ')).map(({ info, text }) => [info.slice(3), text]);
  for (const [name, text] of [...files, ['lib/session.ts', session]]) {
    await mkdir(join(folder, dirname(name)), { recursive: true });
    await writeFile(join(folder, name), text, { flag: 'wx' });
  }
  // The compiler's options are those of the example, strict; only that Node is to run what comes out.
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({
    extends: join(example, 'tsconfig.json'),
    compilerOptions: {
      module: 'commonjs', noEmit: false, noEmitOnError: true, incremental: false, rootDir: '.', outDir: 'out', types: ['node'], paths: {},
    },
    include: ['lib', 'pages'],
    exclude: [],
  }));
  await promisify(execFile)(join(example, 'node_modules/.bin/tsc'), ['-p', folder]).catch(({ stdout, message }) => {
    throw new Error(`the pages do not compile:\n${stdout || message}`);
  });
}

let compiled;
let copies = 0;

/** The pages' modules, loaded anew; the first call compiles them. */
export async function modules() {
  await (compiled ??= compile());
  const copy = join(folder, `copy${copies++}`); // where node_modules is found, and a module has no past
  await cp(join(folder, 'out'), copy, { recursive: true });
  const require = createRequire(join(copy, 'index.js'));
  return (name) => require(`./${name.replace(/\.ts$/, '.js')}`);
}

/** Serves pages/api/… over HTTP with what Next.js gives a handler. */
async function serveRoutes(t, load) {
  const routes = blocks.flatMap(({ info }) => info.match(/pages\/api\/.*\.ts$/) ?? []).map((file) => ({
    file, path: new RegExp(`^/${file.slice('pages/'.length, -'.ts'.length).replace(/\[(\w+)\]/, '(?<$1>[^/]+)')}$`),
  }));
  const server = createServer(async (req, res) => {
    const { pathname } = new URL(req.url, 'http://localhost');
    const route = routes.find(({ path }) => path.test(pathname));
    if (!route) return res.writeHead(404).end();
    let text = '';
    for await (const piece of req) text += piece;
    const type = req.headers['content-type'] ?? '';
    req.body = type.includes('json') ? JSON.parse(text) : type.includes('form') ? Object.fromEntries(new URLSearchParams(text)) : text;
    req.query = Object.fromEntries(Object.entries(pathname.match(route.path).groups ?? {}).map(([k, v]) => [k, decodeURIComponent(v)]));
    res.status = (code) => Object.assign(res, { statusCode: code });
    res.json = (body) => res.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
    try {
      await load(route.file).default(req, res);
    } catch (err) {
      server.thrown.push(err);
      res.writeHead(500).end('Internal Server Error');
    }
  });
  server.thrown = [];
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return server;
}

/** A server, the API routes beside it, and people with pages of their own. */
export async function app(t, config) {
  const server = await fanfare(t, config);
  for (const [name, value] of Object.entries(settings)) process.env[name] = value;
  const load = await modules();
  const address = (host, port) => {
    process.env.PUSHER_HOST = process.env.NEXT_PUBLIC_PUSHER_HOST = host;
    process.env.PUSHER_PORT = process.env.NEXT_PUBLIC_PUSHER_PORT = String(port);
  };
  address('127.0.0.1', server.port);
  load('lib/pusher.ts');
  const routes = await serveRoutes(t, load);
  const api = `http://127.0.0.1:${routes.address().port}`;
  const as = (user, port = server.port) => {
    const options = { api, headers: user ? { 'x-user': user } : {} };
    address('127.0.0.1', port);
    const client = load('lib/client.ts').connect(options);
    server.clients.push(client);
    return { client, options };
  };
  return { server, api, load, as, thrown: routes.thrown };
}
