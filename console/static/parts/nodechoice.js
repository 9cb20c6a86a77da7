// The choice of one node of a cluster, and the nodes that did not answer. A single server shows neither.
import { html } from '../html.js';

export function NodeChoice({ nodes, node, choose }) {
  if (nodes.length < 2 && !node) return null;
  const known = !node || nodes.includes(node);
  return html`
    <label>Node
      <select name="node" value=${node ?? ''} onChange=${(e) => choose(e.target.value)}>
        <option value="">All</option>
        ${!known && html`<option value=${node}>${node}</option>`}
        ${nodes.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
      </select>
    </label>`;
}

export function Missing({ names }) {
  if (!names?.length) return null;
  return html`<p class="notice bad" role="status">No answer from ${names.join(', ')}. The data of these nodes is missing.</p>`;
}
