// The versions of pusher-js that clients/js is tested with, and where npm has put them.
export const versions = { '7.0': 'pusher-js-7-0', 7.6: 'pusher-js-7', '8.0': 'pusher-js-8-0', '8.6': 'pusher-js' };
