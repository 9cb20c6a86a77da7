import type { AppProps } from 'next/app';
import '@fanfare/room/base.css';
import '@fanfare/room/chat.css';

export default function App({ Component, pageProps }: AppProps) {
  return <Component {...pageProps} />;
}
