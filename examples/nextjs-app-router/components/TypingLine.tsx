import { typingText } from '@fanfare/room/roomStore.js';

export default function TypingLine({ names }: { names: readonly string[] }) {
  return <p className="typing" data-testid="typing" aria-live="polite">{typingText(names)}</p>;
}
