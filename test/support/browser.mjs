// Headless Chromium, Debian's own.
import { chromium } from 'playwright-core';

/** A fresh browser that is closed with the test. */
export async function browser(t) {
  const made = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
    ],
  });
  t.after(() => made.close());
  return made;
}
