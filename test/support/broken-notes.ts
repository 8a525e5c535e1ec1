/** Engines that break one rule of the engine contract each, to see whether the contract catches them. */
import { z } from 'zod';
import type { EngineFixture } from '../../src/contracts/engine.js';
import { defineEngineOperation } from '../../src/types/engine.js';
import type {
  CheckpointSource,
  ExecuteOutcome,
  ExecuteRequest,
  IEngine,
  PartSink,
} from '../../src/types/engine.js';
import type { RunContext } from '../../src/types/engine.js';
import type { OutputEventBody } from '../../src/types/events.js';
import { NoteEngine, noteFixture } from './note-engine.js';

export interface BrokenNote {
  rule: string;
  /** Rules that cannot hold either when that one is broken. */
  also?: string[];
  fixture: () => EngineFixture;
}

const fork = defineEngineOperation({
  name: 'fork',
  access: 'read',
  summary: 'Every session has this one already.',
  params: z.object({}),
  result: z.object({}),
  run: (_engine: IEngine) => Promise.resolve({}),
});

class Miscounts extends NoteEngine {
  override async execute(request: ExecuteRequest, run: RunContext): Promise<ExecuteOutcome> {
    return { ...(await super.execute(request, run)), execution_count: -1 };
  }
}

class SpeaksMalformed extends NoteEngine {
  override show(run: RunContext, text: string): void {
    const malformed = { type: 'execute_result', data: { 'text/plain': `<${text}>` }, input_seq: 'one' };
    run.emit(malformed as unknown as OutputEventBody);
  }
}

/** Late for the empty word only, so that few other rules meet it. */
class SpeaksLate extends NoteEngine {
  override show(run: RunContext, text: string): void {
    if (text === '') setImmediate(() => super.show(run, text));
    else super.show(run, text);
  }
}

class HoldsBack extends NoteEngine {
  override async wait(run: RunContext): Promise<ExecuteOutcome> {
    const outcome = await super.wait({ ...run, emit: () => undefined });
    run.emit({ type: 'stdout', text: 'waiting' });
    return outcome;
  }
}

class BeginsAnyway extends NoteEngine {
  override execute(request: ExecuteRequest, run: RunContext): Promise<ExecuteOutcome> {
    if (run.signal.aborted) this.word += 'one';
    return super.execute(request, run);
  }
}

class FailsDamaged extends NoteEngine {
  override fail(): ExecuteOutcome {
    this.word = 'damaged';
    return super.fail();
  }
}

class Forgets extends NoteEngine {
  override execute(request: ExecuteRequest, run: RunContext): Promise<ExecuteOutcome> {
    if (request.code === 'add two') this.word = '';
    return super.execute(request, run);
  }
}

/** The first engine sees what a later one is told. */
function sharing(): typeof NoteEngine {
  let shared = '';
  return class extends NoteEngine {
    override execute(request: ExecuteRequest, run: RunContext): Promise<ExecuteOutcome> {
      if (this.number > 1 && request.code === 'add one') shared = 'one';
      if (this.number === 1 && request.code === 'show') this.word ||= shared;
      return super.execute(request, run);
    }
  };
}

class KeepsAfterClear extends NoteEngine {
  override clear(): Promise<void> {
    return this.closed ? this.refuse() : Promise.resolve();
  }
}

class RestoresNothing extends NoteEngine {
  override restore(): Promise<{ not_kept: [] }> {
    return this.closed ? this.refuse() : Promise.resolve({ not_kept: [] });
  }
}

class FrozenWhenRestored extends NoteEngine {
  private frozen = false;

  override restore(source: CheckpointSource): Promise<{ not_kept: [] }> {
    this.frozen = true;
    return super.restore(source);
  }

  override execute(request: ExecuteRequest, run: RunContext): Promise<ExecuteOutcome> {
    const ignored = this.frozen && request.code.startsWith('add');
    return super.execute(ignored ? { ...request, code: 'add' } : request, run);
  }
}

class CapturesLate extends NoteEngine {
  override async capture() {
    const taken = await super.capture();
    return { ...taken, write: (sink: PartSink) => this.write(this.word, sink) };
  }
}

class FreezesLate extends NoteEngine {
  override freeze() {
    return super.freeze(() => this.word);
  }
}

class StaysFrozen extends NoteEngine {
  override freeze(word: () => string) {
    return { ...super.freeze(word), gone: Promise.resolve(), dispose: () => undefined };
  }
}

class CaptureChanges extends NoteEngine {
  private isChanged = false;

  override write(word: string, sink: PartSink) {
    if (!this.isChanged) this.word += '!';
    this.isChanged = true;
    return super.write(word, sink);
  }
}

class WritesTheTime extends NoteEngine {
  private saves = 0;

  override async write(word: string, sink: PartSink) {
    this.saves += 1;
    await sink.put('time', new Uint8Array([this.saves]));
    return super.write(word, sink);
  }
}

/** Neither sends nor reuses what it has sent before. */
class WritesOnlyOnce extends NoteEngine {
  private isWritten = false;

  override write(word: string, sink: PartSink) {
    if (this.isWritten) return Promise.resolve({ manifest: {} });
    this.isWritten = true;
    return super.write(word, sink);
  }
}

class WritesNoJson extends NoteEngine {
  override async write(word: string, sink: PartSink) {
    return { ...(await super.write(word, sink)), manifest: { at: new Date(0) } };
  }
}

class NeedsAManifest extends NoteEngine {
  override restore(source: CheckpointSource): Promise<{ not_kept: [] }> {
    if (!this.closed && source.parts.length === 0) return Promise.reject(new Error('there is no manifest'));
    return super.restore(source);
  }
}

class CaptureDisposedOnce extends NoteEngine {
  override async capture() {
    let isDisposed = false;
    const dispose = () => {
      if (isDisposed) throw new Error('disposed twice');
      isDisposed = true;
    };
    return { ...(await super.capture()), dispose };
  }
}

class DiesOnDispose extends NoteEngine {
  override dispose(): void {
    super.dispose();
    this.context.died({ cause: 'kernel_died', detail: 'It was disposed.', fields: {} });
  }
}

const brokenBy = (Kind: typeof NoteEngine) => () => noteFixture(Kind);

export const brokenNotes: readonly BrokenNote[] = [
  {
    rule: 'the definition names itself, the version of the interface and its isolation',
    fixture: () => noteFixture(NoteEngine, { name: 'Not a name' }),
  },
  {
    rule: 'the engine has the methods that its capabilities declare, and no others',
    fixture: () => noteFixture(NoteEngine, { capabilities: { execute: true, replay: true } }),
  },
  {
    rule: 'operations have snake_case names of their own and one line of documentation',
    fixture: () => noteFixture(NoteEngine, { operations: [fork] }),
  },
  {
    rule: 'memory is a number of bytes',
    fixture: brokenBy(
      class extends NoteEngine {
        override memoryBytes = () => NaN;
      },
    ),
  },
  { rule: 'a run ends with an outcome of the right shape', fixture: brokenBy(Miscounts) },
  { rule: 'every output is a well-formed output event', fixture: brokenBy(SpeaksMalformed) },
  {
    rule: 'all output of a run has come when the run ends',
    also: [
      'a run that is aborted before it begins does not begin',
      'two engines share nothing',
      'clear removes the state and keeps the engine usable',
      'an empty manifest restores to a fresh state',
    ],
    fixture: brokenBy(SpeaksLate),
  },
  { rule: 'output comes while the run goes on', fixture: brokenBy(HoldsBack) },
  {
    rule: 'a run that is interrupted ends as interrupted',
    fixture: brokenBy(
      class extends NoteEngine {
        override stopStatus = () => 'timeout' as const;
      },
    ),
  },
  {
    rule: 'a run that takes too long ends as timeout',
    fixture: brokenBy(
      class extends NoteEngine {
        override stopStatus = () => 'interrupted' as const;
      },
    ),
  },
  { rule: 'a run that is aborted before it begins does not begin', fixture: brokenBy(BeginsAnyway) },
  {
    rule: 'a run that fails says so with its error',
    fixture: brokenBy(
      class extends NoteEngine {
        override fail = (): ExecuteOutcome => ({ status: 'error', error: null });
      },
    ),
  },
  { rule: 'a failed run leaves the engine usable and its state as it was', fixture: brokenBy(FailsDamaged) },
  {
    rule: 'state stays from one run to the next',
    also: ['a restored state goes on like the one that was captured'],
    fixture: brokenBy(Forgets),
  },
  { rule: 'two engines share nothing', fixture: () => noteFixture(sharing()) },
  { rule: 'clear removes the state and keeps the engine usable', fixture: brokenBy(KeepsAfterClear) },
  {
    rule: 'a captured state comes back in a fresh engine',
    also: [
      'a restored state goes on like the one that was captured',
      'a capture is of the moment when it was taken',
      'a checkpoint is complete although its parts were stored before',
    ],
    fixture: brokenBy(RestoresNothing),
  },
  { rule: 'a restored state goes on like the one that was captured', fixture: brokenBy(FrozenWhenRestored) },
  { rule: 'a capture is of the moment when it was taken', fixture: brokenBy(CapturesLate) },
  { rule: 'a frozen state is woken as it was captured, and goes on', fixture: brokenBy(FreezesLate) },
  { rule: 'a frozen state that is disposed, however often, is gone', fixture: brokenBy(StaysFrozen) },
  {
    rule: 'capturing leaves the state as it is',
    also: [
      'an unchanged state has the same parts',
      'a checkpoint is complete although its parts were stored before',
    ],
    fixture: brokenBy(CaptureChanges),
  },
  { rule: 'an unchanged state has the same parts', fixture: brokenBy(WritesTheTime) },
  {
    rule: 'a checkpoint is complete although its parts were stored before',
    also: ['an unchanged state has the same parts'],
    fixture: brokenBy(WritesOnlyOnce),
  },
  { rule: 'the manifest survives JSON unchanged', fixture: brokenBy(WritesNoJson) },
  { rule: 'an empty manifest restores to a fresh state', fixture: brokenBy(NeedsAManifest) },
  { rule: 'a capture may be disposed unwritten, and twice', fixture: brokenBy(CaptureDisposedOnce) },
  {
    rule: 'an engine may be disposed twice and does not call that a death',
    fixture: brokenBy(DiesOnDispose),
  },
  {
    rule: 'a disposed engine rejects every method with closed',
    fixture: brokenBy(
      class extends NoteEngine {
        override dispose = () => undefined;
      },
    ),
  },
];
