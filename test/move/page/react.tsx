import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import Room from './.build/components/Room.tsx';

createRoot(document.getElementById('app')!).render(
  <StrictMode>
    <Room room="1" />
  </StrictMode>,
);
