import { colourOf, initial } from '@fanfare/room/avatar.js';
import { timeOfDay } from '@fanfare/room/roomStore.js';
import { statuses, type Member, type Status } from '@fanfare/room/types.js';

const words: Record<Status, string> = { online: 'Online', away: 'Away', busy: 'Busy' };

interface MemberListProps {
  members: readonly Member[];
  /** When the list was true last, while we are cut off. */
  staleSince: string | null;
  status: Status;
  onStatus: (status: Status) => void;
}

export default function MemberList({ members, staleSince, status, onStatus }: MemberListProps) {
  return (
    <>
      <div className="own-status">
        <label htmlFor="status">Your status</label>
        <select id="status" value={status} onChange={(e) => onStatus(e.target.value as Status)}>
          {statuses.map((each) => <option key={each} value={each}>{words[each]}</option>)}
        </select>
      </div>
      {staleSince && <p className="stale" data-testid="stale">As of {timeOfDay(staleSince)}, when the connection was lost.</p>}
      <ul className="members" data-testid="members" aria-label="People here">
        {members.map((member) => (
          <li key={member.id} data-user={member.name} data-status={member.status} data-me={member.me || undefined}>
            <span className="avatar" data-colour={colourOf(member.name)} aria-hidden="true">{initial(member.name)}<span className="dot" /></span>
            <span className="name">{member.name}</span>
            {member.me && <span className="muted">you</span>}
            {member.status !== 'online' && <span className="muted">{words[member.status]}</span>}
          </li>
        ))}
      </ul>
    </>
  );
}
