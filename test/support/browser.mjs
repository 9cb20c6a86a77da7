// Headless Chromium, Debian's own.
import { chromium } from 'playwright-core';

/** A fresh browser that is closed with the test. `flags` are further ones of its command line. */
export async function browser(t, flags = []) {
  const made = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', ...flags,
    ],
  });
  t.after(() => made.close());
  return made;
}
