// How node --test reports here: a line for each file as it ends, what is
// running when nothing has ended for a while, and the failures last. A skipped
// test fails the run: what was not run has shown nothing.
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { Transform } from 'node:stream';

const root = fileURLToPath(new URL('..', import.meta.url));
const quiet = 20_000; // ms after which the running files are named

const files = new Map(); // path -> what is known of the file
const failures = [];
const total = { passed: 0, failed: 0, skipped: 0 };
let ended = 0;
let spoke = Date.now();

const short = (path) => relative(root, path);
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

function fileOf(path) {
  if (!files.has(path)) {
    files.set(path, { path, began: 0, done: false, output: [] });
  }
  return files.get(path);
}

// A test that failed only because one inside it failed is not a further one.
const ownFailure = (details) => details?.error && details.error.failureType !== 'subtestsFailed';

function completed(data) {
  const file = fileOf(data.file);
  if (data.name === data.file) return fileEnded(file, data);
  if (data.skip !== undefined || data.todo !== undefined) {
    total.skipped++;
  } else if (ownFailure(data.details)) {
    total.failed++;
    failures.push({ file, name: data.name, error: data.details.error });
  } else if (!data.details?.error && data.details?.type !== 'suite') {
    total.passed++;
  }
  return '';
}

// node holds back the results of a file's tests until the files before it
// have ended. So this line has no counts.
function fileEnded(file, { details }) {
  ended++;
  file.done = true;
  if (ownFailure(details)) { // outside of any test: it could not be loaded, or ran too long
    total.failed++;
    failures.push({ file, name: '(the file itself)', error: details.error });
  }
  return `${details?.error ? '✖ FAILED' : '✓'} ${ended}/${files.size} ${short(file.path)}, ${seconds(Date.now() - file.began)}\n`;
}

function running() {
  const names = [...files.values()].filter((f) => f.began && !f.done)
    .map((f) => `${short(f.path)} for ${seconds(Date.now() - f.began)}`);
  return names.length ? `  … ${names.join('; ')}\n` : '';
}

function describe({ file, name, error }) {
  const cause = error.cause ?? error;
  const text = typeof cause === 'string' ? cause : inspect(cause, { depth: 5 });
  return `\n✖ ${short(file.path)}: ${name}\n${text.replace(/^/gm, '    ')}\n`;
}

function summary() {
  let text = '';
  for (const failure of failures) text += describe(failure);
  const noisy = new Set(failures.map((f) => f.file));
  for (const file of noisy) {
    if (file.output.length) text += `\n== what ${short(file.path)} printed\n${file.output.join('')}`;
  }
  if (failures.length) text += `\n== failed\n${failures.map((f) => `  ${short(f.file.path)}: ${f.name}\n`).join('')}`;
  return `${text}\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`;
}

function handle({ type, data }) {
  switch (type) {
    case 'test:enqueue':
      if (data.name === data.file) fileOf(data.file);
      return '';
    case 'test:dequeue':
      if (data.name === data.file) fileOf(data.file).began = Date.now();
      return '';
    case 'test:complete':
      return completed(data);
    case 'test:stdout':
    case 'test:stderr':
      fileOf(data.file).output.push(data.message);
      return '';
    default:
      return '';
  }
}

const reporter = new Transform({
  writableObjectMode: true,
  transform(event, _encoding, done) {
    const text = handle(event);
    if (text) spoke = Date.now();
    done(null, text || undefined);
  },
  flush(done) {
    clearInterval(timer);
    if (total.skipped) process.exitCode = 1;
    done(null, summary());
  },
});

const timer = setInterval(() => {
  if (Date.now() - spoke < quiet) return;
  spoke = Date.now();
  reporter.push(running());
}, 1000);
timer.unref();

export default reporter;
