// A Redis master with a replica that can be made to lack what was written last,
// and Sentinels that watch over them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Line } from './line.mjs';
import { Redis } from './redis.mjs';
import { until } from './wait.mjs';

/**
 * A master and its replica. `link` is the line between them: what is written
 * while it is cut, the replica never gets.
 */
export class Pair {
  static async open(t) {
    const pair = new Pair();
    pair.master = await Redis.open(t);
    pair.link = await Line.open(t, pair.master.port);
    // It writes to the disk of its own only: a replica that is promoted may not.
    pair.replica = await Redis.open(t, { args: ['--replicaof', `127.0.0.1 ${pair.link.port}`, '--repl-diskless-load', 'swapdb'] });
    await until('the replica has caught up', async () => (await pair.replica.info('master_link_status')) === 'up');
    return pair;
  }

  /** Ends the master, which knows more than the replica, and has the replica take its place. */
  async failover() {
    await this.master.stop('SIGKILL');
    await this.replica.cli('REPLICAOF', 'NO', 'ONE');
  }
}

/**
 * Three Sentinels that promote the replica when its master is gone. Everybody
 * reaches the master by a line; the replica has an address of its own by which
 * the line knows it, so that what is written can be kept from it alone.
 */
export class Watched {
  static name = 'ours';

  static async open(t) {
    const watched = new Watched();
    watched.master = await Redis.open(t);
    watched.line = await Line.open(t, watched.master.port);
    watched.replica = await Redis.open(t, {
      args: ['--replicaof', `127.0.0.1 ${watched.line.port}`, '--bind-source-addr', '127.0.0.3', '--replica-announce-ip', '127.0.0.1'],
    });
    watched.folder = await mkdtemp(join(tmpdir(), 'fanfare-sentinel-'));
    t.after(() => rm(watched.folder, { recursive: true, force: true }));
    watched.sentinels = await Promise.all([1, 2, 3].map(async (n) => {
      const file = join(watched.folder, `sentinel-${n}.conf`);
      await writeFile(file, [
        `sentinel monitor ${Watched.name} 127.0.0.1 ${watched.line.port} 2`,
        `sentinel down-after-milliseconds ${Watched.name} 3000`,
        `sentinel failover-timeout ${Watched.name} 10000`,
        '',
      ].join('\n'));
      return Redis.open(t, { file, args: ['--sentinel'] });
    }));
    const knows = async (s, what) => (await s.cli('SENTINEL', what, Watched.name)).split('\n').filter((l) => l === 'runid').length;
    await until('the Sentinels know each other and the replica', async () => (await Promise.all(watched.sentinels.map(async (s) =>
      (await knows(s, 'SENTINELS')) === 2 && (await knows(s, 'REPLICAS')) === 1))).every(Boolean));
    await until('the replica has caught up', async () => (await watched.replica.info('master_link_status')) === 'up');
    return watched;
  }

  get addresses() {
    return this.sentinels.map((s) => `127.0.0.1:${s.port}`);
  }

  /** Keeps what is written from here on from the replica. */
  forget() {
    this.line.cut({ from: '127.0.0.3' });
  }

  /** Ends the master and waits until the replica has been promoted. */
  async failover() {
    await this.master.stop('SIGKILL');
    this.line.break();
    await until('the replica is the master', async () => (await this.replica.info('role')) === 'master');
  }
}
