import Echo from 'laravel-echo';
import Pusher from 'pusher-js';

window.Pusher = Pusher;

const env = import.meta.env;

// The one of the two that .env names.
const server = env.VITE_REVERB_APP_KEY
    ? {
          broadcaster: 'reverb',
          key: env.VITE_REVERB_APP_KEY,
          wsHost: env.VITE_REVERB_HOST,
          wsPort: env.VITE_REVERB_PORT ?? 80,
          wssPort: env.VITE_REVERB_PORT ?? 443,
          forceTLS: (env.VITE_REVERB_SCHEME ?? 'https') === 'https',
      }
    : {
          broadcaster: 'pusher',
          key: env.VITE_PUSHER_APP_KEY,
          cluster: env.VITE_PUSHER_APP_CLUSTER ?? 'mt1',
          // Without a host pusher-js would go to Pusher.
          wsHost: env.VITE_PUSHER_HOST,
          wsPort: env.VITE_PUSHER_PORT ?? 80,
          wssPort: env.VITE_PUSHER_PORT ?? 443,
          forceTLS: (env.VITE_PUSHER_SCHEME ?? 'https') === 'https',
      };

window.Echo = new Echo({ ...server, enabledTransports: ['ws', 'wss'] });
