import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { OutputGate } from '../src/core/output-gate.js';
import { readSpill, SpillWriter } from '../src/core/output-spill.js';
import { silentLog, systemFiles } from '../src/core/system.js';
import type { OutputEventBody, SessionEventBody } from '../src/types/events.js';
import type { IClock, Timer } from '../src/types/ports.js';
import { temporaryFolder } from './support/temporary-folder.js';

/** Time that stands still until it is moved. */
class StillClock implements IClock {
  private time = 0;
  private readonly timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.time;
  }
  monotonic(): number {
    return this.time;
  }
  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.time + delayMs, callback };
    this.timers.add(timer);
    return { cancel: () => void this.timers.delete(timer) };
  }
  move(ms: number): void {
    this.time += ms;
    for (const timer of [...this.timers].filter(({ at }) => at <= this.time)) {
      this.timers.delete(timer);
      timer.callback();
    }
  }
}

const out = (text: string): OutputEventBody => ({ type: 'stdout', text });
const err = (text: string): OutputEventBody => ({ type: 'stderr', text });
const shown = (text: string): OutputEventBody => ({ type: 'display', data: { 'text/plain': text } });

/** What went into the journal, short: texts, displays in brackets, gaps by their size. */
const short = (body: SessionEventBody): string => {
  if (body.type === 'stdout') return body.text;
  if (body.type === 'stderr') return `2:${body.text}`;
  if (body.type === 'display') return `[${String(body.data['text/plain'])}]`;
  if (body.type === 'truncated')
    return `${body.spill_end === undefined ? 'lost' : 'kept'} ${body.stream} ${body.bytes}`;
  return body.type;
};

describe('the gate of a run', () => {
  let clock: StillClock;
  let journal: SessionEventBody[];
  let kept: SessionEventBody[];
  let path: string;

  const open = (journalBytes = 1e6, totalBytes = 1e7, withFile = true): OutputGate => {
    const spill = withFile ? new SpillWriter(path, systemFiles, silentLog) : null;
    return new OutputGate({
      journalBytes,
      totalBytes,
      clock,
      spill,
      journal: (body) => journal.push(body),
      kept: (body) => kept.push(body),
    });
  };
  const inFile = async (): Promise<string[]> => {
    const texts: string[] = [];
    for await (const piece of readSpill(systemFiles, path, 0, 1e9)) {
      texts.push(piece.stream === 'stdout' ? piece.text : `2:${piece.text}`);
    }
    return texts;
  };
  const journaled = () => journal.map(short);

  beforeEach(async () => {
    clock = new StillClock();
    journal = [];
    kept = [];
    path = join(await temporaryFolder(), 'outputs', '1.out');
  });

  it('passes the first text on at once, and joins what follows within a few milliseconds', async () => {
    const gate = open();
    gate.emit(out('a'));
    expect(journaled()).to.deep.equal(['a']);
    for (const text of ['b', 'c', 'd']) gate.emit(out(text));
    expect(journaled()).to.deep.equal(['a']);
    clock.move(5);
    expect(journaled()).to.deep.equal(['a', 'bcd']);
    clock.move(5);
    gate.emit(out('e'));
    expect(journaled()).to.deep.equal(['a', 'bcd', 'e']);
    await gate.close();
  });

  it('never lets one kind of output overtake another', async () => {
    const gate = open();
    for (const output of [out('a'), out('b'), err('c'), out('d'), shown('e'), out('f')]) gate.emit(output);
    await gate.close();
    expect(journaled()).to.deep.equal(['a', 'b', '2:c', 'd', '[e]', 'f']);
  });

  it('makes few events of very many outputs', async () => {
    const gate = open();
    for (let index = 0; index < 100_000; index += 1) {
      gate.emit(out(`${index}\n`));
      if (index % 100 === 0) clock.move(1);
    }
    await gate.close();
    expect(journal.length).to.be.lessThan(250);
    const text = journal.map((body) => (body.type === 'stdout' ? body.text : '')).join('');
    expect(text).to.equal(Array.from({ length: 100_000 }, (_value, index) => `${index}\n`).join(''));
  });

  it('puts text over the limit into a file, and marks its place in the journal', async () => {
    const gate = open(60);
    gate.emit(out('1'.repeat(56)));
    gate.emit(err('abcdef'));
    gate.emit(out('x'));
    gate.emit(shown('figure'));
    gate.emit(out('end'));
    await gate.close();
    const marks = ['kept stderr 6', 'kept stdout 1', '[figure]', 'kept stdout 3'];
    expect(journaled()).to.deep.equal(['1'.repeat(56), ...marks]);
    expect(await inFile()).to.deep.equal(['2:abcdef', 'x', 'end']);
    expect(kept.map(short)).to.deep.equal(['2:abcdef', 'x', 'end']);
  });

  it('tells of text in the file within a second', async () => {
    const gate = open(1);
    gate.emit(out('first'));
    clock.move(10);
    gate.emit(out('second'));
    expect(journaled()).to.deep.equal(['kept stdout 5']);
    clock.move(1000);
    expect(journaled()).to.deep.equal(['kept stdout 5', 'kept stdout 6']);
    await gate.close();
  });

  it('keeps the end of what is too much in all, and says what is missing', async () => {
    const gate = open(1000, 100_000);
    const lines = Array.from({ length: 400 }, (_value, index) => `${String(index).padStart(1999, '.')}\n`);
    for (const line of lines) gate.emit(out(line));
    gate.emit({ type: 'execute_result', data: { 'text/plain': '42' } });
    await gate.close();
    const texts = await inFile();
    const whole = texts.join('');
    const mark = /\n… (\d+) bytes were not kept; limits\.total_output_bytes raises the limit …\n/;
    const [left = '', missing = '', right = ''] = whole.split(mark);
    expect(lines.join('').startsWith(left)).to.equal(true);
    expect(lines.join('').endsWith(right)).to.equal(true);
    expect(left.length + Number(missing) + right.length).to.equal(lines.length * 2000);
    expect(right.length).to.be.greaterThan(100_000);
    expect(journaled().at(-1)).to.equal('execute_result');
    expect(journaled()).to.include(`lost stdout ${missing}`);
    expect(kept.map((body) => (body.type === 'stdout' ? body.text : '')).join('')).to.equal(whole);
  });

  it('without a file counts what is lost, and begins anew after its end', async () => {
    const gate = open(10, 10, false);
    for (const text of ['12345678', 'abcdef', 'x']) gate.emit(out(text));
    await gate.close();
    expect(journaled()).to.deep.equal(['12345678', 'lost stdout 7']);
    clock.move(10);
    gate.emit(out('again'));
    await gate.close();
    expect(journaled().at(-1)).to.equal('again');
  });

  it('counts as lost what cannot be written, and goes on', async () => {
    path = join(await temporaryFolder(), 'file');
    await writeFile(path, '');
    path = join(path, 'no-folder', '1.out');
    const gate = open(1);
    gate.emit(out('first'));
    await gate.backlog();
    await gate.close();
    clock.move(10);
    gate.emit(out('second'));
    await gate.close();
    expect(journaled()).to.deep.equal(['kept stdout 5', 'lost stdout 6']);
  });

  it('asks to wait while much is not written yet', async () => {
    const gate = open(1);
    for (let index = 0; index < 20; index += 1) gate.emit(out('x'.repeat(300_000)));
    const backlog = gate.backlog();
    expect(backlog).to.be.a('promise');
    await backlog;
    expect(gate.backlog()).to.equal(null);
    await gate.close();
  });
});

describe('the file of long output', () => {
  it('is read up to where it was cut off, or is not what was written', async () => {
    const path = join(await temporaryFolder(), '1.out');
    const writer = new SpillWriter(path, systemFiles, silentLog);
    for (const text of ['one', 'two', 'é'.repeat(1_500_000), 'four']) writer.add('stdout', text);
    await writer.settle(true);
    const read = async () => {
      const texts: string[] = [];
      for await (const { text } of readSpill(systemFiles, path, 0, writer.end)) texts.push(text);
      return texts.join('');
    };
    const whole = `onetwo${'é'.repeat(1_500_000)}four`;
    expect((await read()) === whole).to.equal(true);
    const bytes = await readFile(path);
    await truncate(path, writer.end - 1);
    expect((await read()) === whole.slice(0, -4)).to.equal(true);
    bytes[21] = 0;
    await writeFile(path, bytes);
    expect(await read()).to.equal('one');
    await truncate(path, 5);
    expect(await read()).to.equal('');
  });
});
