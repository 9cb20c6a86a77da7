import { browserSettings } from '@/lib/environment';
import Chat from './Chat';

interface PageProps {
  searchParams: Promise<{ room?: string | string[] }>;
}

// Who asks for the query is rendered at every request, so a build knows no server's address.
export default async function Page({ searchParams }: PageProps) {
  const { room } = await searchParams;
  return <Chat settings={browserSettings()} room={typeof room === 'string' ? room : 'lobby'} />;
}
