/**
 * The engine contract, put to the test itself: the example plugin keeps it, and each deliberately broken engine
 * breaks exactly the rules that it is made to break.
 */
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { z } from 'zod';
import tally from '../examples/tally-engine.js';
import { describeEngineContract, engineContract } from '../src/contracts/engine.js';
import type { EngineFixture, EngineSample } from '../src/contracts/engine.js';
import { defineEngineOperation } from '../src/types/engine.js';
import type {
  CheckpointContent,
  CheckpointSource,
  EngineContext,
  EngineDefinition,
  ExecuteOutcome,
  ExecuteRequest,
  ICapture,
  IEngine,
  PartSink,
  RunContext,
} from '../src/types/engine.js';
import { errors } from '../src/types/errors.js';
import type { OutputEventBody } from '../src/types/events.js';

const workspace = () => Promise.resolve('/nowhere');

/** Keeps a word. Every part of it can be broken on its own. */
class NoteEngine implements IEngine {
  word = '';
  closed = false;

  constructor(readonly context: EngineContext) {}

  async execute({ code }: ExecuteRequest, run: RunContext): Promise<ExecuteOutcome> {
    this.assertOpen();
    if (run.signal.aborted) return { status: 'interrupted' };
    const [verb, argument = ''] = code.split(' ');
    if (verb === 'fail') return this.fail();
    if (verb === 'wait') return this.wait(run);
    if (verb === 'add') this.word += argument;
    else this.show(run, this.word);
    return { status: 'ok' };
  }

  show(run: RunContext, text: string): void {
    run.emit({ type: 'execute_result', data: { 'text/plain': `<${text}>` } });
  }

  fail(): ExecuteOutcome {
    return { status: 'error', error: { name: 'Failed', message: '', traceback: '' } };
  }

  wait(run: RunContext): Promise<ExecuteOutcome> {
    const stopped = new Promise<ExecuteOutcome>((resolve) => {
      run.signal.addEventListener('abort', () => {
        resolve({ status: run.signal.reason === 'timeout' ? 'timeout' : 'interrupted' });
      });
    });
    run.emit({ type: 'stdout', text: 'waiting' });
    return stopped;
  }

  capture(): Promise<ICapture> {
    this.assertOpen();
    const { word } = this;
    return Promise.resolve({ write: (sink) => this.write(word, sink), dispose: () => undefined });
  }

  async write(word: string, sink: PartSink): Promise<CheckpointContent> {
    await sink.put('word', new TextEncoder().encode(word));
    return { manifest: { length: word.length } };
  }

  async restore(source: CheckpointSource) {
    this.assertOpen();
    this.word = source.parts.length > 0 ? new TextDecoder().decode(await source.read('word')) : '';
    return { not_kept: [] };
  }

  async clear(): Promise<void> {
    this.assertOpen();
    this.word = '';
  }

  memoryBytes(): number {
    return 0;
  }

  dispose(): void {
    this.closed = true;
  }

  assertOpen(): void {
    if (this.closed) throw errors.closed('The note');
  }
}

const noteSample: EngineSample = {
  change: 'add one',
  changeAgain: 'add two',
  show: 'show',
  shown: { fresh: '<>', one: '<one>', two: '<onetwo>' },
  fails: 'fail',
  endless: { code: 'wait', text: 'waiting' },
};

type Break = (engine: NoteEngine) => void;

function noteFixture(
  breaks: Break = () => undefined,
  changes: Partial<EngineDefinition> = {},
): EngineFixture {
  const definition: EngineDefinition = {
    name: 'note',
    apiVersion: 1,
    capabilities: { execute: true, replay: true, clear: true },
    isolation: 'none',
    options: z.strictObject({}),
    create: (_options, context) => {
      const engine = new NoteEngine(context);
      breaks(engine);
      return Promise.resolve(engine);
    },
    ...changes,
  };
  return { definition, sample: noteSample, workspace, patienceMs: 30 };
}

/** The titles of the rules that fail. */
async function broken(factory: () => EngineFixture): Promise<string[]> {
  const tests: { title: string; body: () => Promise<void> | void }[] = [];
  describeEngineContract('fake', factory, {
    describe: (_name, body) => body(),
    it: (title, body) => void tests.push({ title, body }),
  });
  const failed: string[] = [];
  for (const { title, body } of tests) {
    try {
      await body();
    } catch {
      failed.push(title);
    }
  }
  return failed;
}

const operation = (name: string, summary: string) =>
  defineEngineOperation({
    name,
    access: 'read',
    summary,
    params: z.object({}),
    result: z.object({}),
    run: (_engine: IEngine) => Promise.resolve({}),
  });

interface Fake {
  rule: string;
  /** Rules that cannot hold either when that one is broken. */
  also?: string[];
  fixture: () => EngineFixture;
}

let shared = '';

const fakes: Fake[] = [
  {
    rule: 'the definition names itself, the version of the interface and its isolation',
    fixture: () => noteFixture(undefined, { name: 'Not a name' }),
  },
  {
    rule: 'the engine has the methods that its capabilities declare, and no others',
    fixture: () => noteFixture(undefined, { capabilities: { execute: true, replay: true } }),
  },
  {
    rule: 'operations have snake_case names of their own and one line of documentation',
    fixture: () => noteFixture(undefined, { operations: [operation('fork', 'Taken.')] }),
  },
  {
    rule: 'memory is a number of bytes',
    fixture: () => noteFixture((e) => void (e.memoryBytes = () => NaN)),
  },
  {
    rule: 'a run ends with an outcome of the right shape',
    fixture: () =>
      noteFixture((e) => {
        const { execute } = NoteEngine.prototype;
        e.execute = async (request, run) => ({
          ...(await execute.call(e, request, run)),
          execution_count: -1,
        });
      }),
  },
  {
    rule: 'every output is a well-formed output event',
    fixture: () =>
      noteFixture((e) => {
        e.show = (run, text) => {
          const data = { 'text/plain': `<${text}>` };
          run.emit({ type: 'execute_result', data, input_seq: 'one' } as unknown as OutputEventBody);
        };
      }),
  },
  {
    rule: 'all output of a run has come when the run ends',
    fixture: () =>
      noteFixture((e) => {
        const { show } = NoteEngine.prototype;
        // Late for the empty word only, so that few other rules meet it.
        e.show = (run, text) =>
          void (text === '' ? setImmediate(() => show.call(e, run, text)) : show.call(e, run, text));
      }),
    also: [
      'a run that is aborted before it begins does not begin',
      'two engines share nothing',
      'clear removes the state and keeps the engine usable',
      'an empty manifest restores to a fresh state',
    ],
  },
  {
    rule: 'output comes while the run goes on',
    fixture: () =>
      noteFixture((e) => {
        e.wait = (run) =>
          NoteEngine.prototype.wait.call(e, { ...run, emit: () => undefined }).then((outcome) => {
            run.emit({ type: 'stdout', text: 'waiting' });
            return outcome;
          });
      }),
  },
  {
    rule: 'a run that is interrupted ends as interrupted',
    fixture: () => noteFixture(endsAs('timeout', 'timeout')),
  },
  {
    rule: 'a run that takes too long ends as timeout',
    fixture: () => noteFixture(endsAs('interrupted', 'interrupted')),
  },
  {
    rule: 'a run that is aborted before it begins does not begin',
    fixture: () =>
      noteFixture((e) => {
        const { execute } = NoteEngine.prototype;
        e.execute = (request, run) =>
          run.signal.aborted && request.code.startsWith('add')
            ? execute.call(e, request, { ...run, signal: new AbortController().signal })
            : execute.call(e, request, run);
      }),
  },
  {
    rule: 'a run that fails says so with its error',
    fixture: () => noteFixture((e) => void (e.fail = () => ({ status: 'error', error: null }))),
  },
  {
    rule: 'a failed run leaves the engine usable and its state as it was',
    fixture: () =>
      noteFixture((e) => {
        e.fail = () => {
          e.word = 'broken';
          return NoteEngine.prototype.fail.call(e);
        };
      }),
  },
  {
    rule: 'state stays from one run to the next',
    also: ['a restored state goes on like the one that was captured'],
    fixture: () =>
      noteFixture((e) => {
        const { execute } = NoteEngine.prototype;
        e.execute = (request, run) => {
          if (request.code === 'add two') e.word = '';
          return execute.call(e, request, run);
        };
      }),
  },
  {
    rule: 'two engines share nothing',
    fixture: () => {
      shared = '';
      let engines = 0;
      return noteFixture((e) => {
        engines += 1;
        const isFirst = engines === 1;
        const { execute } = NoteEngine.prototype;
        e.execute = (request, run) => {
          // The first engine sees what later ones are told, as long as nobody put a state into it.
          if (!isFirst && request.code === 'add one') shared = 'one';
          if (isFirst && request.code === 'show') e.word ||= shared;
          return execute.call(e, request, run);
        };
      });
    },
  },
  {
    rule: 'clear removes the state and keeps the engine usable',
    fixture: () =>
      noteFixture((e) => {
        e.clear = async () => e.assertOpen();
      }),
  },
  {
    rule: 'a captured state comes back in a fresh engine',
    also: [
      'a restored state goes on like the one that was captured',
      'a capture is of the moment when it was taken',
      'a checkpoint is complete although its parts were stored before',
    ],
    fixture: () =>
      noteFixture((e) => {
        e.restore = async () => {
          e.assertOpen();
          return { not_kept: [] };
        };
      }),
  },
  {
    rule: 'a restored state goes on like the one that was captured',
    fixture: () =>
      noteFixture((e) => {
        const { restore, execute } = NoteEngine.prototype;
        let frozen = false;
        e.restore = (source) => {
          frozen = true;
          return restore.call(e, source);
        };
        e.execute = (request, run) =>
          execute.call(
            e,
            frozen && request.code.startsWith('add') ? { ...request, code: 'add' } : request,
            run,
          );
      }),
  },
  {
    rule: 'a capture is of the moment when it was taken',
    fixture: () =>
      noteFixture((e) => {
        e.capture = async () => {
          e.assertOpen();
          return { write: (sink) => e.write(e.word, sink), dispose: () => undefined };
        };
      }),
  },
  {
    rule: 'capturing leaves the state as it is',
    fixture: () =>
      noteFixture((e) => {
        const { write } = NoteEngine.prototype;
        let saves = 0;
        e.write = (word, sink) => {
          saves += 1;
          e.word = saves === 1 ? `${word}!` : word;
          return write.call(e, word, sink);
        };
      }),
    also: [
      'an unchanged state has the same parts',
      'a checkpoint is complete although its parts were stored before',
    ],
  },
  {
    rule: 'an unchanged state has the same parts',
    fixture: () =>
      noteFixture((e) => {
        const { write } = NoteEngine.prototype;
        let saves = 0;
        e.write = async (word, sink) => {
          saves += 1;
          await sink.put('time', new Uint8Array([saves]));
          return write.call(e, word, sink);
        };
      }),
  },
  {
    rule: 'a checkpoint is complete although its parts were stored before',
    also: ['an unchanged state has the same parts'],
    fixture: () =>
      noteFixture((e) => {
        const { write } = NoteEngine.prototype;
        let saves = 0;
        e.write = (word, sink) => {
          saves += 1;
          // The second time it neither sends nor reuses.
          return saves === 1 ? write.call(e, word, sink) : Promise.resolve({ manifest: {} });
        };
      }),
  },
  {
    rule: 'the manifest survives JSON unchanged',
    fixture: () =>
      noteFixture((e) => {
        const { write } = NoteEngine.prototype;
        e.write = async (word, sink) => ({
          ...(await write.call(e, word, sink)),
          manifest: { at: new Date(0) },
        });
      }),
  },
  {
    rule: 'an empty manifest restores to a fresh state',
    fixture: () =>
      noteFixture((e) => {
        const { restore } = NoteEngine.prototype;
        e.restore = async (source) => {
          e.assertOpen();
          if (source.parts.length === 0) throw new Error('no manifest');
          return restore.call(e, source);
        };
      }),
  },
  {
    rule: 'a capture may be disposed unwritten, and twice',
    fixture: () =>
      noteFixture((e) => {
        const { capture } = NoteEngine.prototype;
        e.capture = async () => {
          const taken = await capture.call(e);
          let disposals = 0;
          const dispose = () => {
            disposals += 1;
            if (disposals > 1) throw new Error('disposed twice');
          };
          return { ...taken, dispose };
        };
      }),
  },
  {
    rule: 'an engine may be disposed twice and does not call that a death',
    fixture: () =>
      noteFixture((e) => {
        e.dispose = () => {
          e.closed = true;
          e.context.died({ cause: 'kernel_died', detail: 'It was disposed.', fields: {} });
        };
      }),
  },
  {
    rule: 'a disposed engine rejects every method with closed',
    fixture: () => noteFixture((e) => void (e.assertOpen = () => undefined)),
  },
];

function endsAs(onTimeout: 'timeout' | 'interrupted', onInterrupt: 'timeout' | 'interrupted'): Break {
  return (engine) => {
    engine.wait = async (run) => {
      await NoteEngine.prototype.wait.call(engine, run);
      return { status: run.signal.reason === 'timeout' ? onTimeout : onInterrupt };
    };
  };
}

describe('the engine contract', () => {
  const rules = Object.values(engineContract).flatMap((area) => area.map(({ title }) => title));

  it('has a title of its own for each rule', () => {
    expect(new Set(rules).size).to.equal(rules.length);
  });

  it('finds nothing wrong with a good engine', async () => {
    expect(await broken(() => noteFixture())).to.deep.equal([]);
  });

  it('has a broken engine for every rule', () => {
    expect([...new Set(fakes.map(({ rule }) => rule))].sort()).to.deep.equal([...rules].sort());
  });

  for (const { rule, also = [], fixture } of fakes) {
    it(`catches an engine that breaks: ${rule}`, async () => {
      const found = await broken(fixture);
      expect(found.sort()).to.deep.equal([rule, ...also].sort());
    });
  }

  it('is kept by a plugin of at most 60 lines', async () => {
    const source = await readFile(new URL('../examples/tally-engine.ts', import.meta.url), 'utf8');
    expect(source.trimEnd().split('\n').length).to.be.at.most(60);
  });
});

describeEngineContract('the tally example', () => ({
  definition: tally,
  options: { start: 0 },
  sample: {
    change: '1',
    changeAgain: '2',
    show: '0',
    shown: { fresh: '0', one: '1', two: '3' },
    fails: 'many',
  },
  workspace,
}));
