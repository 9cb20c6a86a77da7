// pusher-java-client 2.4.4: what Android, Flutter and React Native apps use today.
import test, { after } from 'node:test';
import { scenarios } from './client-scenarios.mjs';
import { java } from './client.mjs';

const driver = java('pusher-java-client-2.4.4', 'Client');
after(() => driver.end());

for (const [name, run] of scenarios(driver, '2.4.4', 'encrypted', 'user ids', 'objects', 'global listeners', 'cache misses', 'users')) test(name, run);
