/**
 * Answers pieces of a run's whole output by their place. A run is read through once and remembered by places some way
 * apart, so that going on where one stopped, or jumping, reads little.
 */
import type { SessionEventBody } from '../types/events.js';
import type { OutputPage, OutputQuery, OutputStream } from '../types/session.js';
import { readRun } from './run-events.js';
import type { InputEvent, RunArchive, RunPlace } from './run-events.js';
import { RunScreen } from './run-screen.js';

type Offsets = Readonly<Record<OutputStream, number>>;

/** Where reading can begin: everything before it adds up to these offsets. */
interface Station {
  readonly place: RunPlace | null;
  readonly offsets: Offsets;
  readonly screen: RunScreen;
}

interface RunIndex {
  /** In order, some way apart. */
  readonly stations: Station[];
  /** As far as it was read. */
  last: Station;
  ended: boolean;
  /** Readers of one run take turns. */
  turn: Promise<unknown>;
}

const stationBytes = 1024 ** 2;
/** A station remembers the line that is not finished there: one with a long line is put off for a while. */
const lineMax = 1000;
const putOffBytes = 16 * stationBytes;
const indexesMax = 8;
const begin: Offsets = { output: 0, stdout: 0, stderr: 0 };

export class OutputReader {
  private readonly indexes = new Map<number, RunIndex>();

  constructor(private readonly archive: RunArchive) {}

  /** @param live whether the run goes on */
  async read(input: InputEvent, query: OutputQuery, live: boolean): Promise<OutputPage> {
    const index = this.indexOf(input.seq);
    const end = index.turn.then(() => this.advance(index, input, live));
    index.turn = end.catch(() => undefined);
    const { [query.stream]: total_bytes } = (await end).offsets;
    const offset = Math.min(query.offset, total_bytes);
    const station = index.stations.findLast(({ offsets }) => offsets[query.stream] <= offset);
    const page = new Page(query.stream, offset, query.limit);
    if (station && offset < total_bytes) await this.fill(page, station, input, index);
    const next_offset = page.start + page.size;
    const complete = (index.ended || !live) && next_offset >= total_bytes;
    return { text: page.text, offset: page.start, next_offset, total_bytes, complete };
  }

  private async fill(page: Page, station: Station, input: InputEvent, { ended }: RunIndex): Promise<void> {
    const screen = station.screen.clone();
    page.skip(station.offsets[page.stream]);
    for await (const { body } of readRun(this.archive, input, station.place, !ended)) {
      const shown = screen.add(body) + (body.type === 'result' ? screen.end() : '');
      if (!page.add(textOf(page.stream, body, shown))) return;
    }
  }

  /** Reads on to what is there now. */
  private async advance(index: RunIndex, input: InputEvent, live: boolean): Promise<Station> {
    if (index.ended) return index.last;
    let { place, offsets } = index.last;
    const screen = index.last.screen.clone();
    for await (const { body, next } of readRun(this.archive, input, place, live)) {
      const isEnd = body.type === 'result';
      const shown = screen.add(body) + (isEnd ? screen.end() : '');
      place = next;
      offsets = grown(offsets, body, shown);
      index.ended ||= isEnd;
      const kept = index.stations.at(-1)?.offsets ?? begin;
      const passed = distance(kept, offsets);
      const isPlace = passed >= stationBytes && (screen.width <= lineMax || passed >= putOffBytes);
      if (isPlace) index.stations.push({ place, offsets, screen: screen.clone() });
    }
    index.last = { place, offsets, screen };
    return index.last;
  }

  private indexOf(seq: number): RunIndex {
    const index = this.indexes.get(seq) ?? newIndex();
    this.indexes.delete(seq);
    this.indexes.set(seq, index);
    const [oldest] = this.indexes.keys();
    if (this.indexes.size > indexesMax && oldest !== undefined) this.indexes.delete(oldest);
    return index;
  }
}

function newIndex(): RunIndex {
  const start = { place: null, offsets: begin, screen: new RunScreen() };
  return { stations: [start], last: start, ended: false, turn: Promise.resolve() };
}

const distance = (from: Offsets, to: Offsets) =>
  to.output - from.output + (to.stdout - from.stdout) + (to.stderr - from.stderr);

const textOf = (stream: OutputStream, body: SessionEventBody, shown: string): string => {
  if (stream === 'output') return shown;
  return body.type === stream ? body.text : '';
};

function grown(offsets: Offsets, body: SessionEventBody, shown: string): Offsets {
  const bytes = (stream: OutputStream) => offsets[stream] + Buffer.byteLength(textOf(stream, body, shown));
  return { output: bytes('output'), stdout: bytes('stdout'), stderr: bytes('stderr') };
}

/** Whole characters from an offset on, up to a number of bytes. */
class Page {
  private readonly pieces: Buffer[] = [];
  private place = 0;
  start: number;
  size = 0;

  constructor(
    readonly stream: OutputStream,
    offset: number,
    private readonly limit: number,
  ) {
    this.start = offset;
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString();
  }

  /** What comes next begins at this place. */
  skip(place: number): void {
    this.place = place;
  }

  /** False when the page is full. */
  add(text: string): boolean {
    const bytes = Buffer.from(text);
    let from = Math.max(0, this.start + this.size - this.place);
    if (from < bytes.length) {
      if (this.size === 0) {
        while (from < bytes.length && isInside(bytes, from)) from += 1;
        this.start = this.place + from;
      }
      let to = Math.min(bytes.length, from + this.limit - this.size);
      while (to > from && to < bytes.length && isInside(bytes, to)) to -= 1;
      // A limit smaller than one character must not stand still.
      if (to === from && this.size === 0) to = nextCharacter(bytes, from);
      this.pieces.push(bytes.subarray(from, to));
      this.size += to - from;
      if (to < bytes.length || this.size >= this.limit) return false;
    }
    this.place += bytes.length;
    return true;
  }
}

const isInside = (bytes: Buffer, place: number) => ((bytes[place] ?? 0) & 0xc0) === 0x80;

function nextCharacter(bytes: Buffer, from: number): number {
  let to = from + 1;
  while (to < bytes.length && isInside(bytes, to)) to += 1;
  return to;
}
