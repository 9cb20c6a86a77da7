// The line that the tests of failures cut.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import test from 'node:test';
import { Line } from '../support/line.mjs';
import { until } from '../support/wait.mjs';

/** A server that keeps what it is told, and somebody who talks to it by a line. */
async function talk(t) {
  const heard = [];
  const server = createServer((s) => s.on('error', () => {}).on('data', (d) => { heard.push(String(d)); s.write(`${d}!`); })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const line = await Line.open(t, server.address().port);
  const dial = async () => {
    const socket = connect(line.port, '127.0.0.1').on('error', () => {});
    await once(socket, 'connect');
    return Object.assign(socket, { got: '' }).on('data', (d) => (socket.got += d));
  };
  const client = await dial();
  client.write('1');
  await until('the answer', () => client.got === '1!');
  /** Waits until the server has heard something that was said later, past the line. */
  const later = async () => {
    const direct = connect(server.address().port, '127.0.0.1');
    direct.write('later');
    await once(direct, 'data');
    direct.destroy();
    heard.splice(heard.indexOf('later'), 1);
  };
  return { line, heard, dial, client, later };
}

test('a line that is cut delivers nothing, and later all, also of who has given up', async (t) => {
  const { line, heard, dial, client, later } = await talk(t);
  line.cut();
  client.end('2');
  const second = await dial();
  second.write('3');
  const third = await dial(); // what it does takes longer than what came before
  third.write('4');
  await later();
  assert.deepEqual([heard, second.got], [['1'], '']);
  line.heal();
  await until('all has arrived', () => heard.length === 4);
  await until('the answers', () => second.got === '3!' && third.got === '4!');
  assert.deepEqual(heard.toSorted(), ['1', '2', '3', '4']);
});

test('a line that is cut one way lets the other pass', async (t) => {
  const { line, heard, client } = await talk(t);
  line.cut({ up: false });
  client.write('2');
  await until('it has arrived', () => heard.length === 2);
  assert.equal(client.got, '1!');
  line.heal();
  await until('the answer', () => client.got === '1!2!');
});

test('a line that is cut for one address serves the others', async (t) => {
  const { line, heard, client, later } = await talk(t);
  line.cut({ from: '127.0.0.9' });
  client.write('2');
  await until('the answer', () => client.got === '1!2!');
  line.cut({ from: '127.0.0.1' });
  client.write('3');
  await later();
  assert.equal(heard.length, 2);
});
