// pusher-js for React Native exports its class by name; its types say by default.
import Pusher from 'pusher-js/react-native';

declare module 'pusher-js/react-native' {
  export { Pusher };
}
