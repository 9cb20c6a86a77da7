// Redis away for longer than the log reaches, and killed.
import test from 'node:test';
import { Town, lasts } from '../support/town.mjs';

const minute = 60_000;

for (const data of [true, false]) {
  test(`Redis away for 60 s and back ${data ? 'with its data' : 'empty'}: nobody is removed, nothing accepted is lost`, async (t) => {
    const town = await Town.open(t, { page: true });
    await town.redis.stop('SIGTERM');
    await lasts(minute);
    await town.redis.restart({ data });
    await town.goes(20);
    await town.comes(1, 'late-2');
    await town.judge({ refused: true, forgot: true });
  });
}

test('Redis with an append-only file is killed and started again, three times', async (t) => {
  const town = await Town.open(t, { args: ['--appendonly', 'yes', '--appendfsync', 'everysec'] });
  for (let turn = 0; turn < 3; turn++) {
    await town.goes(20);
    await town.redis.stop('SIGKILL');
    await town.publisher.fails();
    await town.redis.start();
  }
  await town.goes(20);
  await town.comes(1, 'late-2');
  await town.judge({ forgot: true });
});

test('Redis answers nobody for 10 s (CLIENT PAUSE)', async (t) => {
  const town = await Town.open(t);
  await town.redis.cli('CLIENT', 'PAUSE', '10000', 'ALL');
  await lasts(10_000);
  await town.goes(20);
  await town.judge();
});

test('Redis and a node end together: the members of that node are removed, nobody else', async (t) => {
  const town = await Town.open(t);
  await town.comes(2, 'late-3');
  await town.settles();
  await town.redis.stop('SIGKILL');
  await town.kill(2);
  await town.redis.restart({ data: false });
  await town.goes(20);
  await town.judge({ forgot: true, untold: true });
});
