import { useInsertionEffect, useRef } from 'react';

/**
 * The newest value, for code that runs later. An effect that reads a callback
 * from here need not run again because the callback is another one.
 */
export function useLatest<T>(value: T) {
  const ref = useRef(value);
  useInsertionEffect(() => {
    ref.current = value;
  });
  return ref;
}
