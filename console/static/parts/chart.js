// A chart of the last hour, with a description in words for screen readers.
import { Component, createRef, html } from '../html.js';
import { theme } from './themeswitch.js';

const { uPlot } = globalThis;
const height = 170;

export class Chart extends Component {
  place = createRef();

  componentDidMount() {
    this.draw = () => this.make();
    this.make();
    this.sizes = new ResizeObserver(() => this.plot.setSize({ width: this.place.current.clientWidth, height }));
    this.sizes.observe(this.place.current);
    theme.addEventListener('change', this.draw);
  }

  componentDidUpdate() {
    this.plot.setData([this.props.times, ...this.props.lines.map((l) => l.values)]);
  }

  componentWillUnmount() {
    theme.removeEventListener('change', this.draw);
    this.sizes.disconnect();
    this.plot.destroy();
  }

  make() {
    this.plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const { times, lines, show } = this.props;
    const axis = { stroke: colour('--faint'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui' };
    this.plot = new uPlot({
      width: this.place.current.clientWidth, height,
      legend: { show: lines.length > 1 },
      padding: [12, 28, 0, 0],
      cursor: { drag: { x: false, y: false } },
      scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(1, (high ?? 0) * 1.1)] } },
      axes: [
        { ...axis, size: 28, space: 80, values: [[600, '{HH}:{mm}', null, null, null, null, null, null, 1], [60, '{HH}:{mm}', null, null, null, null, null, null, 1], [1, '{HH}:{mm}:{ss}', null, null, null, null, null, null, 1]] },
        { ...axis, size: 64, values: (_, ticks) => ticks.map(show) },
      ],
      series: [
        {},
        ...lines.map(({ name }, i) => ({
          label: name, stroke: colour(`--chart-${i + 1}`), width: 2, fill: lines.length === 1 ? colour('--chart-fill') : undefined,
          points: { show: times.length < 3 }, value: (_, v) => (v == null ? '–' : show(v)),
        })),
      ],
    }, [times, ...lines.map((l) => l.values)], this.place.current);
  }

  render({ title, lines, show }) {
    const words = lines.map(({ name, values }) => `${name}: now ${show(values.at(-1) ?? 0)}, at most ${show(Math.max(0, ...values))}`).join('; ');
    return html`
      <figure class="card chart">
        <figcaption>${title} <span class="now">${lines.length === 1 ? show(lines[0].values.at(-1) ?? 0) : ''}</span></figcaption>
        <div ref=${this.place} role="img" aria-label=${`${title} in the last hour. ${words}.`}></div>
      </figure>`;
  }
}
