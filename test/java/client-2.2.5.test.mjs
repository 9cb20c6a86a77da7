// pusher-java-client 2.2.5: before sign-in and subscription counts.
import test, { after } from 'node:test';
import { scenarios } from './client-scenarios.mjs';
import { java } from './client.mjs';

const driver = java('pusher-java-client-2.2.5', 'Client');
after(() => driver.end());

for (const [name, run] of scenarios(driver, '2.2.5', 'encrypted', 'user ids')) test(name, run);
