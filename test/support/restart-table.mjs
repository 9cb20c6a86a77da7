// Prints the table of docs/restarts.md: node test/support/restart-table.mjs
import { restart } from './restart.mjs';

const after = [];
const t = { after: (f) => after.push(f) };
const gaps = process.argv.slice(2).map(Number);
for (const signal of ['SIGTERM', 'SIGKILL']) {
  for (const gap of gaps.length > 0 ? gaps : [0, 200, 1000, 5000]) {
    const { clients, took, gap: measured } = await restart(t, { signal, gap });
    console.log(`\n${signal}, ended after ${took} ms, the next process answered ${measured} ms later`);
    for (const c of clients) {
      console.log([c.name.padEnd(40), `told ${c.told}`, `tried ${c.tried}`, `back ${c.back}`, `over ${c.after.transport}`,
        `codes ${c.after.errors.map((e) => e.code)}`].join('\t'));
    }
    while (after.length > 0) await after.pop()();
  }
}
process.exit(0);
