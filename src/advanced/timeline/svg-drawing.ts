/** The tree as a picture: newest first, a circle for each checkpoint, a line for each branch; no scripts, no links. */
import type { CheckpointNode } from '../../types/store.js';
import type { Timeline } from '../../types/timeline.js';
import { rowsOf } from './lanes.js';
import type { Row } from './lanes.js';
import { ageOf, bytesText } from './quantities.js';

const rowHeight = 28;
const laneWidth = 18;
const margin = 20;
const textWidth = 640;
const colours = ['#2f6fde', '#c2410c', '#15803d', '#9333ea', '#b91c1c', '#0f766e', '#a16207', '#be185d'];

/** @param now milliseconds since 1970 */
export function drawSvg(timeline: Timeline, now: number): string {
  const rows = rowsOf(timeline.checkpoints);
  const lanes = 1 + Math.max(0, ...rows.map(({ lane }) => lane));
  const width = margin * 2 + lanes * laneWidth + textWidth;
  const height = margin * 2 + Math.max(1, rows.length) * rowHeight;
  const tips = new Map(timeline.branches.map(({ name, tip }) => [tip.checkpoint_id, name]));
  const places = new Map(rows.map((row, at) => [row.node.checkpoint_id, { row, at }]));
  const lines = rows.flatMap((row, at) => lineOf(row, at, places));
  const marks = rows.map((row, at) => markOf(row, at, lanes, timeline, tips, now));
  const title = `Timeline of ${timeline.session_id}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`,
    ` role="img" font-family="ui-sans-serif, system-ui, sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title><rect width="100%" height="100%" fill="#ffffff"/>`,
    ...lines,
    ...marks,
    '</svg>',
  ].join('');
}

const x = (lane: number) => margin + lane * laneWidth + laneWidth / 2;
const y = (at: number) => margin + at * rowHeight + rowHeight / 2;
const colourOf = (lane: number) => colours[lane % colours.length] ?? '#333333';

type Places = ReadonlyMap<string, { row: Row; at: number }>;

/** From a checkpoint down to the one that it follows. */
function lineOf({ node, lane }: Row, at: number, places: Places): string[] {
  const parent = node.parent === null ? undefined : places.get(node.parent);
  if (!parent) return [];
  const [fromX, fromY, toX, toY] = [x(lane), y(at), x(parent.row.lane), y(parent.at)];
  const bend = toY - rowHeight / 2;
  const way =
    fromX === toX ? `M${fromX} ${fromY}V${toY}` : `M${fromX} ${fromY}V${bend}Q${fromX} ${toY} ${toX} ${toY}`;
  return [`<path d="${way}" fill="none" stroke="${colourOf(lane)}" stroke-width="2"/>`];
}

function markOf(
  { node, lane }: Row,
  at: number,
  lanes: number,
  timeline: Timeline,
  tips: ReadonlyMap<string, string>,
  now: number,
): string {
  const isHead = node.checkpoint_id === timeline.head.checkpoint_id;
  const circle = `<circle cx="${x(lane)}" cy="${y(at)}" r="${isHead ? 7 : 5}" fill="${
    isHead ? '#ffffff' : colourOf(lane)
  }" stroke="${colourOf(lane)}" stroke-width="${isHead ? 4 : 1}"/>`;
  const left = margin + lanes * laneWidth + 12;
  const text = textOf(node, isHead, tips.get(node.checkpoint_id), now);
  return `${circle}<text x="${left}" y="${y(at) + 4}" fill="#1f2937">${text}</text>`;
}

function textOf(node: CheckpointNode, isHead: boolean, tip: string | undefined, now: number): string {
  const { note, seq, created_at, bytes, new_bytes, reason } = node;
  const names = [...(isHead ? ['HEAD'] : []), ...(tip === undefined ? [] : [tip])].join(', ');
  const bold = (text: string) => (text === '' ? '' : `<tspan font-weight="bold">${escaped(text)}</tspan>  `);
  const label = note && note.label !== '' ? `“${note.label}”` : '';
  const tags = note?.tags.map((tag) => `#${tag}`).join(' ') ?? '';
  const rest = `${ageOf(now - Date.parse(created_at))} · ${bytesText(bytes)} (+${bytesText(new_bytes)}) · ${reason}`;
  const faint = `<tspan fill="#6b7280">${escaped(rest)}</tspan>`;
  return `${seq}  ${bold(names)}${bold(label)}${escaped(tags)} ${faint}`;
}

/** Text of an element; what XML cannot hold becomes a replacement character. */
function escaped(text: string): string {
  const plain = text.replace(/\p{C}/gu, '�');
  return plain
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
