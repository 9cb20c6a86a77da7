// Waiting for conditions, with a deadline.
import assert from 'node:assert/strict';

// Long enough for a machine that has much else to do. TEST_PATIENCE multiplies
// it, as it does for the tests in Go.
export const factor = Number(process.env.TEST_PATIENCE || 1);
const patience = 120_000 * factor; // ms
const pause = 10; // ms between two looks

export async function until(what, condition, within = patience) {
  const end = Date.now() + within;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, `waited in vain: ${what}`);
    await new Promise((resume) => setTimeout(resume, pause));
  }
}

/** A log of everything bound on a pusher-js channel, user or connection. */
export class Log {
  entries = [];
  taken = 0;

  constructor(emitter) {
    emitter.bind_global((event, data) => this.entries.push({ event, data }));
  }

  /** The next event of that name after those taken so far. */
  async next(event, matches = () => true) {
    const seen = () => this.entries.slice(this.taken).map((e) => `${e.event} ${JSON.stringify(e.data)}`).join('\n  ');
    const index = await until(`${event}; seen since:\n  ${seen()}`, () => {
      const i = this.entries.findIndex((e, n) => n >= this.taken && e.event === event && matches(e.data));
      return i < 0 ? false : i + 1;
    }).catch((err) => {
      err.message += `\nseen at the end:\n  ${seen()}`;
      throw err;
    });
    this.taken = index;
    return this.entries[index - 1].data;
  }

  /** Everything of that name so far. */
  all(event) {
    return this.entries.filter((e) => e.event === event).map((e) => e.data);
  }
}

/** Subscribes and waits for the confirmation; returns the channel with its log. */
export async function subscribed(client, name) {
  const channel = client.subscribe(name);
  channel.log = new Log(channel);
  channel.confirmation = await channel.log.next('pusher:subscription_succeeded');
  return channel;
}

/**
 * Publishes a marker to a channel and waits until it arrives there: whatever
 * was sent to the channel before has arrived too, or never will.
 */
export async function settled(sdk, channel) {
  const mark = `${Date.now()}-${Math.random()}`;
  await sdk.trigger(channel.name, 'settled', mark);
  await until(`the marker on ${channel.name}`, () => channel.log.all('settled').includes(mark));
}
