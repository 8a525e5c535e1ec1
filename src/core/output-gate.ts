/**
 * Where the output of one run goes: into the journal up to its limit, text beyond that into the run's file, and of
 * more text than is kept in all only the end. Marks in the journal say where the text of the file belongs.
 */
import type { OutputEventBody, SessionEventBody } from '../types/events.js';
import type { IClock, Timer } from '../types/ports.js';
import { OutputJoiner } from './output-joiner.js';
import type { SpillWriter, TextStream } from './output-spill.js';

export interface GateOptions {
  /** Bytes of text in the journal, and of everything else. */
  readonly journalBytes: number;
  /** Bytes of text in the journal and in the file. */
  readonly totalBytes: number;
  readonly clock: IClock;
  /** Null: what is too much for the journal is lost. */
  readonly spill: SpillWriter | null;
  /** Appends to the journal; answers the place there. */
  journal(body: SessionEventBody): number;
  /** Told of text that is kept, but not in the journal. */
  kept(body: SessionEventBody): void;
}

/** Text in the file is marked in the journal when there is so much of it, or so long after it came. */
const markBytes = 1024 ** 2;
const markMs = 1000;
/** The end of a text that is too long to be kept. */
const tailBytesMax = 256 * 1024;

interface TailPiece {
  readonly stream: TextStream;
  readonly text: string;
  readonly bytes: number;
}

export class OutputGate {
  private readonly joiner: OutputJoiner;
  private textBytes = 0;
  private otherBytes = 0;
  private spilling = false;
  private dropping = false;
  /** Bytes in the file that no mark tells of yet. */
  private unmarked = new Map<TextStream, number>();
  private unmarkedBytes = 0;
  private timer: Timer | null = null;
  private tail: TailPiece[] = [];
  private tailBytes = 0;
  private tailIsKept = false;
  /** Bytes that are lost, by stream or type. */
  private lost = new Map<string, number>();

  constructor(private readonly options: GateOptions) {
    this.joiner = new OutputJoiner(options.clock, (output) => this.pass(output));
  }

  readonly emit = (output: OutputEventBody): void => this.joiner.add(output);

  /** Journals a request for input behind all output; null when there were too many. */
  request(prompt: string, password: boolean): number | null {
    this.joiner.flush();
    return this.passOther({ type: 'input_request', prompt, password });
  }

  backlog(): Promise<void> | null {
    return this.options.spill?.backlog() ?? null;
  }

  /** Resolves when all that came before is in the journal or in the file. */
  async settle(): Promise<void> {
    this.joiner.flush();
    this.mark();
    await this.options.spill?.settle();
  }

  /** The end of a run: resolves when everything is where it belongs, on the disk if it has to be. Begins anew. */
  async close(durable = false): Promise<void> {
    this.joiner.flush();
    this.keepTail();
    this.mark();
    this.tellLost();
    this.textBytes = 0;
    this.otherBytes = 0;
    this.spilling = false;
    await this.options.spill?.settle(durable);
  }

  private pass(output: OutputEventBody): void {
    if (output.type === 'stdout' || output.type === 'stderr') this.passText(output.type, output.text);
    else this.passOther(output);
  }

  private passText(stream: TextStream, text: string): void {
    const bytes = Buffer.byteLength(text);
    const { journalBytes } = this.options;
    // Once over the limit all that follows goes the same way: the order holds.
    this.spilling ||= this.textBytes + bytes > journalBytes;
    if (this.spilling) {
      this.spillText({ stream, text, bytes });
      return;
    }
    this.textBytes += bytes;
    this.options.journal({ type: stream, text });
  }

  private passOther(output: SessionEventBody): number | null {
    const size = sizeOf(output);
    if (output.type === 'execute_result') this.keepTail();
    this.mark();
    if (size === null || this.otherBytes + size > this.options.journalBytes) {
      add(this.lost, output.type, size ?? 0);
      return null;
    }
    this.otherBytes += size;
    return this.options.journal(output);
  }

  private spillText(piece: TailPiece): void {
    const { spill, totalBytes } = this.options;
    if (spill === null || spill.isBroken) {
      add(this.lost, piece.stream, piece.bytes);
      return;
    }
    this.dropping ||= this.textBytes + piece.bytes > totalBytes;
    if (this.dropping) this.dropText(piece);
    else this.keep(spill, piece);
  }

  private keep(spill: SpillWriter, { stream, text, bytes }: TailPiece): void {
    const isFirst = spill.end === 0;
    this.textBytes += bytes;
    spill.add(stream, text);
    this.options.kept({ type: stream, text });
    add(this.unmarked, stream, bytes);
    this.unmarkedBytes += bytes;
    if (isFirst || this.unmarkedBytes >= markBytes) this.mark();
    else this.timer ??= this.options.clock.setTimer(markMs, () => this.mark());
  }

  /** Says in the journal how far the file's text belongs before what comes next. */
  private mark(): void {
    this.timer?.cancel();
    this.timer = null;
    const spill_end = this.options.spill?.end ?? 0;
    const { unmarked } = this;
    this.unmarked = new Map();
    this.unmarkedBytes = 0;
    for (const [stream, bytes] of unmarked) {
      this.options.journal({ type: 'truncated', stream, bytes, spill_end });
    }
  }

  private dropText(piece: TailPiece): void {
    if (this.tailIsKept) {
      add(this.lost, piece.stream, piece.bytes);
      return;
    }
    this.tail.push(piece);
    this.tailBytes += piece.bytes;
    while (this.tailBytes > tailBytesMax) {
      const first = this.tail.shift();
      if (!first) return;
      this.tailBytes -= first.bytes;
      add(this.lost, first.stream, first.bytes);
    }
  }

  /** Once a run: the end of what was too much, behind a word on what is missing. */
  private keepTail(): void {
    const { spill } = this.options;
    if (!this.dropping || this.tailIsKept || !spill) return;
    this.tailIsKept = true;
    for (const stream of ['stdout', 'stderr'] as const) {
      const bytes = this.lost.get(stream) ?? 0;
      if (bytes === 0) continue;
      const text = `\n… ${bytes} bytes were not kept; limits.total_output_bytes raises the limit …\n`;
      this.keep(spill, { stream, text, bytes: Buffer.byteLength(text) });
    }
    for (const piece of this.tail.splice(0)) this.keep(spill, piece);
    this.tellLost();
  }

  private tellLost(): void {
    this.mark();
    for (const [stream, bytes] of this.lost) this.options.journal({ type: 'truncated', stream, bytes });
    this.lost.clear();
  }
}

function add<K>(counts: Map<K, number>, key: K, bytes: number): void {
  counts.set(key, (counts.get(key) ?? 0) + bytes);
}

/** Null for what cannot be written as JSON: nested without end, or made by an engine that broke its promise. */
function sizeOf(output: SessionEventBody): number | null {
  try {
    return JSON.stringify(output).length;
  } catch {
    return null;
  }
}
