// pusher.min.js, loaded before, sets a global.
export default window.Pusher;
