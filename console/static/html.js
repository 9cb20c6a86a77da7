// What pages are written with: preact's elements in htm's notation. Text in it is always text.
import { Component, createRef, h, render } from './vendor/preact.mjs';
import htm from './vendor/htm.mjs';

export { Component, createRef, render };
export const html = htm.bind(h);
