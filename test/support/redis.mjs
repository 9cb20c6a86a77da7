// A redis-server of one test, on a port of its own.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './fanfare.mjs';
import { until } from './wait.mjs';

export class Redis {
  /**
   * Starts a server that ends with the test. `args` are further ones of its
   * command line, `file` is its configuration.
   */
  static async open(t, { args = [], file } = {}) {
    const redis = new Redis();
    Object.assign(redis, { args, file });
    redis.port = await freePort();
    redis.folder = await mkdtemp(join(tmpdir(), 'fanfare-redis-'));
    t.after(async () => {
      await redis.stop('SIGKILL');
      await rm(redis.folder, { recursive: true, force: true });
    });
    await redis.start();
    return redis;
  }

  async start() {
    this.log = '';
    const data = this.file ? [] : ['--save', '3600', '1', '--appendonly', 'no'];
    this.child = spawn('redis-server', [
      ...(this.file ? [this.file] : []), '--port', this.port, '--bind', '127.0.0.1', '--dir', this.folder, ...data, ...this.args,
    ], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (d) => (this.log += d));
    this.exited = once(this.child, 'exit');
    await until('redis-server answers', async () => {
      assert.equal(this.child.exitCode, null, this.log);
      return this.ask('PING').then((answer) => answer.startsWith('+PONG'), () => false);
    });
  }

  /** Ends it: SIGTERM writes its data to the disk first, SIGKILL does not. */
  async stop(signal = 'SIGTERM') {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill(signal);
      await this.exited;
    }
  }

  /** Stops it and starts it again, with its data or without. */
  async restart({ data }) {
    await this.stop('SIGTERM');
    if (!data) await rm(join(this.folder, 'dump.rdb'), { force: true });
    await this.start();
  }

  /** Has it do nothing until resume(). */
  pause() {
    this.child.kill('SIGSTOP');
  }

  resume() {
    this.child.kill('SIGCONT');
  }

  /** Has redis-cli send a command and returns what it prints. */
  async cli(...words) {
    const { stdout } = await promisify(execFile)('redis-cli', ['-p', this.port, ...words]);
    return stdout.trim();
  }

  /** A field of INFO; undefined if Sentinel, which reconfigures the server, cuts off the question. */
  async info(field) {
    const text = await this.cli('INFO').catch((err) => {
      if (/Connection reset|closed the connection/.test(err.message)) return '';
      throw err;
    });
    return new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(text)?.[1];
  }

  /** Sends one command and returns the first piece of the answer. */
  async ask(command) {
    const socket = connect(this.port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      socket.write(`${command}\r\n`);
      const [answer] = await once(socket, 'data');
      return String(answer);
    } finally {
      socket.destroy();
    }
  }
}
