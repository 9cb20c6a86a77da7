// A Redis Cluster of three masters, whose slots can be moved.
import { freePort } from './fanfare.mjs';
import { Redis } from './redis.mjs';
import { until } from './wait.mjs';

export class Shards {
  static async open(t) {
    const shards = new Shards();
    shards.masters = await Promise.all([0, 1, 2].map(async () => Redis.open(t, {
      args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '5000', '--cluster-port', String(await freePort())],
    })));
    const [first] = shards.masters;
    for (const [n, master] of shards.masters.entries()) {
      await master.cli('CLUSTER', 'SET-CONFIG-EPOCH', String(n + 1)); // or they take each other's slots
      await master.cli('CLUSTER', 'ADDSLOTSRANGE', String(Math.ceil(n * 16384 / 3)), String(Math.ceil((n + 1) * 16384 / 3) - 1));
      master.id = await master.cli('CLUSTER', 'MYID');
      if (master !== first) await first.cli('CLUSTER', 'MEET', '127.0.0.1', String(master.port), await master.cli('CONFIG', 'GET', 'cluster-port').then((s) => s.split('\n')[1]));
    }
    await until('the masters agree', async () => (await Promise.all(shards.masters.map(async (m) =>
      /cluster_state:ok/.test(await m.cli('CLUSTER', 'INFO')) && /cluster_known_nodes:3/.test(await m.cli('CLUSTER', 'INFO'))))).every(Boolean));
    return shards;
  }

  get addresses() {
    return this.masters.map((m) => `127.0.0.1:${m.port}`);
  }

  /** The slot of a key that has a text in its name, and the master that has it. */
  async slotOf(text) {
    for (const master of this.masters) {
      const [key] = (await master.cli('KEYS', `*${text}*`)).split('\n').filter(Boolean);
      if (key) return { slot: Number(await master.cli('CLUSTER', 'KEYSLOT', key)), master };
    }
    throw new Error(`no key has ${text} in its name`);
  }

  /** Moves a slot with all its keys to another master. */
  async move(slot, from, to) {
    await to.cli('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', from.id);
    await from.cli('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', to.id);
    const said = await from.cli('--cluster', 'fix', `127.0.0.1:${from.port}`); // moves the keys, whose names are binary
    await until('the masters say where the slot is', async () => (await Promise.all(this.masters.map((m) => owns(m, slot, to.id)))).every(Boolean))
      .catch((err) => { throw new Error(`slot ${slot} was not moved: ${err.message}\n${said}`); });
  }
}

/** Whether a master says that the one with an id has a slot, which is not on its way. */
async function owns(master, slot, id) {
  const nodes = (await master.cli('CLUSTER', 'NODES')).split('\n');
  const ranges = nodes.find((line) => line.startsWith(id)).split(' ').slice(8);
  return !nodes.some((line) => /\[\d+-/.test(line)) && ranges.some((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return first <= slot && slot <= last;
  });
}
