// TLS as a client sees it.
import { once } from 'node:events';
import { connect } from 'node:tls';

/** The certificate that a new connection gets. `options` are those of tls.connect; with `ca` the chain is verified. */
export async function presented(options) {
  const socket = connect({ host: '127.0.0.1', ...options });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerX509Certificate();
  } finally {
    socket.destroy();
  }
}
