// The forms of clients/js: the module, and the same for script tags.
import { readFile } from 'node:fs/promises';
import { minify } from 'terser';
import { gzipSync } from 'node:zlib';

const read = (name) => readFile(new URL(`../../clients/js/${name}`, import.meta.url), 'utf8');

export const esm = await read('recovery.js');
export const script = await read('recovery.global.js');

/** What recovery.global.js has to be. */
export const scriptOf = (module) => `(() => {
${module.replace('export function', 'function')}
globalThis.FanfareRecovery = { recover };
})();
`;

/** Bytes of a file as sites send it. */
export async function sizeOf(code, module) {
  const { code: small } = await minify(code, { module, ecma: 2018, toplevel: true });
  return gzipSync(small, { level: 9 }).length;
}
