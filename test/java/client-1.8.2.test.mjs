// pusher-java-client 1.8.2: the last release with the first form of the callbacks.
import test, { after } from 'node:test';
import { scenarios } from './client-scenarios.mjs';
import { java } from './client.mjs';

const driver = java('pusher-java-client-1.8.2', 'Client');
after(() => driver.end());

for (const [name, run] of scenarios(driver, '1.8.2')) test(name, run);
