// The page: the join form or a room.
import { forgetStay, get } from './lib/api.js';
import { showChat } from './chat.js';
import { element } from './dom.js';
import { showJoin } from './join.js';

const main = document.body.appendChild(element('main'));
const asked = new URLSearchParams(location.search).get('room') ?? 'lobby';

function join(room, refusal = null) {
  showJoin(main, { room, refusal, joined: enter });
}

async function enter(me, room, status) {
  const { key, port } = await get('/api/config');
  const address = new URL(location.href);
  address.searchParams.set('room', room);
  history.replaceState(null, '', address); // an address to pass on
  const settings = { key, host: location.hostname, port, tls: false };
  const left = (reason) => {
    forgetStay();
    join(room, reason);
  };
  showChat(main, { settings, me, room, status, left });
}

join(asked);
