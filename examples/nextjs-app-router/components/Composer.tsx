import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { type Checked, codePoints, maxTextLength } from '@fanfare/room/validation.js';

interface ComposerProps {
  onSend: (text: string) => Checked<string>;
  onTyping: () => void;
  onStopTyping: () => void;
}

export default function Composer({ onSend, onTyping, onStopTyping }: ComposerProps) {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const length = codePoints(text.trim());

  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) box.current?.focus(); // on a phone it would raise the keyboard
  }, []);

  const send = () => {
    if (text.trim() === '') return;
    const sent = onSend(text);
    setProblem(sent.ok ? null : sent.error);
    if (sent.ok) setText('');
  };

  const change = (value: string) => {
    setText(value);
    setProblem(null);
    if (value.trim() === '') onStopTyping();
    else onTyping();
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    send();
  };

  const key = (event: KeyboardEvent) => {
    // Enter that picks a suggestion of an input method is not meant for us.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <form className="composer" onSubmit={submit}>
      {problem && <p className="error" role="alert">{problem}</p>}
      {length > maxTextLength - 200 && (
        <p className={length > maxTextLength ? 'counter over' : 'counter'}>{length} of {maxTextLength}</p>
      )}
      <div className="row">
        <textarea aria-label="Message" rows={1} value={text} placeholder="Write something" enterKeyHint="send" ref={box}
          onChange={(e) => change(e.target.value)} onKeyDown={key} onBlur={onStopTyping} />
        <button className="primary" type="submit">Send</button>
      </div>
    </form>
  );
}
