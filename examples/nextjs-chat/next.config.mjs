import { resolve } from 'node:path';

// The app's modules are here and in clients. The root also says that the lock
// file beside this one is ours, whatever lies in the folders above.
const root = resolve(import.meta.dirname, '../..');

/** @type {import('next').NextConfig} */
export default {
  reactStrictMode: true,
  poweredByHeader: false,
  turbopack: { root },
  outputFileTracingRoot: root,
};
