// A certificate authority of one test.
import { execFile } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const openssl = async (...args) => (await promisify(execFile)('openssl', args)).stdout;
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];

export class Authority {
  static async of(t) {
    const made = new Authority();
    made.folder = await mkdtemp(join(tmpdir(), 'fanfare-authority-'));
    t.after(() => rm(made.folder, { recursive: true, force: true }));
    await openssl('req', '-x509', ...newKey, '-subj', '/CN=An authority of tests', '-days', '2', '-keyout', made.file('ca.key'), '-out', made.file('ca.pem'));
    made.pem = await readFile(made.file('ca.pem'), 'utf8');
    return made;
  }

  file(name) {
    return join(this.folder, name);
  }

  /** The hash by which Chromium knows the authority's key. */
  get fingerprint() {
    return createHash('sha256').update(new X509Certificate(this.pem).publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  }

  /**
   * Signs a certificate for 127.0.0.1 and puts it, with its chain, and its key
   * where the server reads them, as a program that renews certificates does: each
   * replaces the file of before. Returns the serial number.
   */
  async issue(name) {
    await openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', this.file('new.key'), '-out', this.file('new.csr'));
    await writeFile(this.file('new.ext'), 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n');
    await openssl('x509', '-req', '-in', this.file('new.csr'), '-CA', this.file('ca.pem'), '-CAkey', this.file('ca.key'), '-days', '1', '-extfile', this.file('new.ext'), '-out', this.file('new.pem'));
    const certificate = await readFile(this.file('new.pem'), 'utf8');
    await writeFile(this.file('new.pem'), certificate + this.pem);
    await rename(this.file('new.pem'), this.file('cert.pem'));
    await rename(this.file('new.key'), this.file('key.pem'));
    return new X509Certificate(certificate).serialNumber;
  }

  /** The keys of the server's configuration. */
  get configuration() {
    return { cert_file: this.file('cert.pem'), key_file: this.file('key.pem') };
  }
}
