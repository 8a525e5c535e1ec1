/**
 * What the rules of the engine contract are made of: a sample of the engine's own language, engines on demand with
 * all that they say recorded, and a store in memory for their captured state.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type {
  CheckpointContent,
  CheckpointSource,
  EngineContext,
  EngineDeath,
  EngineDefinition,
  ExecuteOutcome,
  IEngine,
  InterruptReason,
  IWarmState,
  PartSink,
  RunContext,
} from '../types/engine.js';
import { isSojournError } from '../types/errors.js';
import type { ErrorCode } from '../types/errors.js';
import type { OutputEventBody } from '../types/events.js';
import type { ILog } from '../types/ports.js';

/** Code for engines that run code; for others something done with the engine, whose answer is what it shows. */
export type Step = string | ((engine: IEngine, context: RunContext) => Promise<unknown>);

/** A few words of the engine's language. Shown text is all text of the outputs of a run, without outer white space. */
export interface EngineSample {
  /** Brings a fresh engine into state one. */
  readonly change: Step;
  /** Brings it from state one into state two. */
  readonly changeAgain: Step;
  /** Shows the state and does not change it. */
  readonly show: Step;
  readonly shown: { readonly fresh: string; readonly one: string; readonly two: string };
  /** Code that ends with status `error`. */
  readonly fails?: string;
  /** Code that says `text` and then goes on until it is stopped. */
  readonly endless?: { readonly code: string; readonly text: string };
}

export interface EngineFixture {
  readonly definition: EngineDefinition;
  /** Options of a session, as a client would pass them. Default: none. */
  readonly options?: Record<string, unknown>;
  readonly sample: EngineSample;
  /** An empty folder that exists, another one each time. */
  workspace(): Promise<string>;
  /** How long an engine may take to say the first word of the endless sample. Default 3000. */
  readonly patienceMs?: number;
  /** After the test; the definition is disposed before. */
  close?(): Promise<void>;
}

export interface EngineRule {
  /** A fact, in the present tense; unique in the contract. */
  readonly title: string;
  /** Left out for engines that it says nothing about. */
  appliesTo?(fixture: EngineFixture): boolean;
  check(kit: EngineKit): Promise<void>;
}

/** An engine and all that it told its session. */
export class Subject {
  private runs = 0;

  constructor(
    readonly engine: IEngine,
    readonly idle: OutputEventBody[],
    readonly deaths: EngineDeath[],
    /** What the engine was told of its session. */
    readonly place: EngineContext,
  ) {}

  /** The journal place of the last step. */
  get lastSeq(): number {
    return this.runs;
  }

  /** A place for a move between versions. */
  nextSeq(): number {
    this.runs += 1;
    return this.runs;
  }

  /** Its further steps have places behind this one. */
  passTo(seq: number): void {
    this.runs = Math.max(this.runs, seq);
  }

  async run(code: string, signal?: AbortSignal, onOutput?: (output: OutputEventBody) => void): Promise<Run> {
    assert.ok(this.engine.execute, 'the engine declares execute and has no such method');
    const outputs: OutputEventBody[] = [];
    const emit = (output: OutputEventBody) => {
      outputs.push(output);
      onOutput?.(output);
    };
    const outcome = await this.engine.execute({ code, silent: false }, this.context(emit, signal));
    // What comes later does not belong to this run any more.
    return { outcome, outputs: [...outputs] };
  }

  /** Takes one step and returns the text that it shows. A run must end well. */
  async take(step: Step): Promise<string> {
    if (typeof step !== 'string')
      return String(
        await step(
          this.engine,
          this.context(() => undefined),
        ),
      );
    const { outcome, outputs } = await this.run(step);
    assert.equal(outcome.status, 'ok', outcome.error?.message);
    return textOf(outputs);
  }

  async save(known?: Map<string, Uint8Array>): Promise<Saved> {
    const capture = await this.engine.capture();
    try {
      const parts = new Parts(known);
      return { content: await capture.write(parts), parts, seq: this.runs };
    } finally {
      await capture.dispose();
    }
  }

  /** The state of now, kept as it is beside what is written of it; null from an engine that cannot. */
  async freeze(): Promise<IWarmState | null> {
    const capture = await this.engine.capture({ freezable: true });
    try {
      await capture.write(new Parts());
      return (await capture.freeze?.()) ?? null;
    } finally {
      await capture.dispose();
    }
  }

  private context(emit: RunContext['emit'], signal = new AbortController().signal): RunContext {
    return { signal, inputSeq: this.nextSeq(), emit };
  }
}

export interface Run {
  readonly outcome: ExecuteOutcome;
  readonly outputs: readonly OutputEventBody[];
}

export interface Saved {
  /** The place of the last step that is in it. */
  readonly seq?: number;
  readonly content: CheckpointContent;
  readonly parts: Parts;
}

/** Makes engines and disposes them after the test. */
export class EngineKit {
  private readonly subjects: Subject[] = [];

  constructor(readonly fixture: EngineFixture) {}

  get sample(): EngineSample {
    return this.fixture.sample;
  }

  /** As a session that is made: with what it begins with. */
  async create(): Promise<Subject> {
    const subject = await this.unbegun();
    await subject.engine.begin?.();
    return subject;
  }

  private async unbegun(): Promise<Subject> {
    const { definition, options = {} } = this.fixture;
    const number = this.subjects.length + 1;
    const place = {
      sessionId: `contract-${number}`,
      uid: `contract${number}`,
      family: `contract${number}`,
      epoch: 0,
      workspace: await this.fixture.workspace(),
      log: silent,
    };
    return this.subject(place, (context) => definition.create(definition.options.parse(options), context));
  }

  /** A frozen state of an engine, which is disposed, as an engine again. */
  async woken(state: IWarmState, { place }: Subject): Promise<Subject> {
    const next = { ...place, epoch: place.epoch + 1 };
    return this.subject(next, async (context) => (await state.wake(context)).engine);
  }

  /** A fresh engine into which a state was put. */
  async restored(saved: Saved): Promise<Subject> {
    const subject = await this.unbegun();
    subject.passTo(saved.seq ?? 0);
    const report = await subject.engine.restore(sourceOf(saved));
    assert.deepEqual(report.not_kept, []);
    return subject;
  }

  private async subject(
    place: Omit<EngineContext, 'emit' | 'died'>,
    make: (context: EngineContext) => Promise<IEngine>,
  ): Promise<Subject> {
    const idle: OutputEventBody[] = [];
    const deaths: EngineDeath[] = [];
    const context: EngineContext = {
      ...place,
      emit: (output) => void idle.push(output),
      died: (death) => void deaths.push(death),
    };
    const subject = new Subject(await make(context), idle, deaths, context);
    this.subjects.push(subject);
    return subject;
  }

  async close(): Promise<void> {
    for (const { engine } of this.subjects.splice(0)) await engine.dispose();
    await this.fixture.definition.dispose?.();
    await this.fixture.close?.();
  }
}

/** Keeps the parts of one checkpoint and holds the engine to the rules of a sink. */
export class Parts implements PartSink {
  readonly stored: { name: string; hash: string; bytes: Uint8Array }[] = [];

  constructor(private readonly known = new Map<string, Uint8Array>()) {}

  has(hash: string): boolean {
    return this.known.has(hash);
  }

  async put(name: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<string> {
    const chunks: Uint8Array[] = [];
    if (bytes instanceof Uint8Array) chunks.push(bytes);
    else for await (const chunk of bytes) chunks.push(chunk.slice());
    const all = Buffer.concat(chunks);
    const hash = createHash('sha256').update(all).digest('hex');
    this.keep(name, hash, all);
    return hash;
  }

  reuse(name: string, hash: string): void {
    const bytes = this.known.get(hash);
    assert.ok(bytes, `part '${name}' reuses bytes that the store does not have`);
    this.keep(name, hash, bytes);
  }

  private keep(name: string, hash: string, bytes: Uint8Array): void {
    assert.ok(!this.stored.some((part) => part.name === name), `two parts are named '${name}'`);
    this.known.set(hash, bytes);
    this.stored.push({ name, hash, bytes });
  }
}

/** What a store hands to `restore`: the manifest has been through JSON. */
export function sourceOf({ content, parts }: Saved): CheckpointSource {
  const manifest: unknown = JSON.parse(JSON.stringify(content.manifest));
  assert.ok(isRecord(manifest), 'the manifest is a JSON object');
  return {
    manifest,
    parts: parts.stored.map(({ name, hash, bytes }) => ({ name, hash, size: bytes.length })),
    read: (name) => {
      const found = parts.stored.find((part) => part.name === name);
      return found ? Promise.resolve(found.bytes) : Promise.reject(new Error(`there is no part '${name}'`));
    },
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** All text that outputs show, without outer white space. */
export function textOf(outputs: readonly OutputEventBody[]): string {
  const pieces = outputs.map((output) => {
    if ('text' in output) return output.text;
    const text = 'data' in output ? output.data['text/plain'] : '';
    return typeof text === 'string' ? text : '';
  });
  return pieces.join('').trim();
}

/** Asserts the code, never the words. */
export async function failsWith(code: ErrorCode, work: () => Promise<unknown> | undefined): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isSojournError(error)) throw error;
    assert.equal(error.code, code, error.detail);
    return;
  }
  assert.fail(`expected ${code}, and it succeeded`);
}

/** Starts the endless sample, aborts it when it has spoken, and tells whether it spoke before. */
export async function abortWhenItSpeaks(kit: EngineKit, reason: InterruptReason) {
  const { patienceMs = 3000, sample } = kit.fixture;
  const { code, text } = sample.endless ?? { code: '', text: '' };
  const subject = await kit.create();
  const controller = new AbortController();
  let spoken = '';
  let spokeInTime = false;
  // An engine that holds its output back must not hold this test.
  const late = AbortSignal.timeout(patienceMs);
  late.addEventListener('abort', () => controller.abort(reason));
  const run = await subject.run(code, controller.signal, (output) => {
    spoken += 'text' in output ? output.text : '';
    if (!spoken.includes(text) || controller.signal.aborted) return;
    spokeInTime = true;
    controller.abort(reason);
  });
  return { ...run, spokeInTime };
}

const nothing = () => undefined;
const silent: ILog = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silent,
};
