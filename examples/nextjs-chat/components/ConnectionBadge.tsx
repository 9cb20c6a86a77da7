import type { LinkState } from '@fanfare/room/realtime.js';

interface ConnectionBadgeProps {
  state: LinkState;
  attempts: number;
}

export default function ConnectionBadge({ state, attempts }: ConnectionBadgeProps) {
  const text = {
    connected: 'Connected',
    connecting: 'Connecting…',
    reconnecting: `Reconnecting, attempt ${attempts}`,
    disconnected: 'Disconnected',
  }[state];
  return (
    <span className="connection" data-testid="connection" data-state={state} data-attempts={attempts} role="status">{text}</span>
  );
}
