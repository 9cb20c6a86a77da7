import type { LinkSnapshot } from '@fanfare/room/realtime.js';
import { linkText } from '@fanfare/room/roomStore.js';

export default function ConnectionBadge({ link }: { link: LinkSnapshot }) {
  return (
    <span className="connection" data-testid="connection" data-state={link.state} data-attempts={link.attempts} role="status">{linkText(link)}</span>
  );
}
