export default function TypingLine({ names }: { names: string[] }) {
  const [first, second] = names;
  let text = '';
  if (names.length === 1) text = `${first} is typing…`;
  if (names.length === 2) text = `${first} and ${second} are typing…`;
  if (names.length > 2) text = 'Several people are typing…';
  return <p className="typing" data-testid="typing" aria-live="polite">{text}</p>;
}
