/**
 * What every transport must do, proved through the client's own interface: one body for all doors. For authors of
 * transports; imports no test framework.
 */
import assert from 'node:assert/strict';
import type { ISession, ISojourn } from '../types/client.js';
import { isSojournError } from '../types/errors.js';
import type { ErrorCode } from '../types/errors.js';
import type { SessionEvent } from '../types/events.js';
import { executeResultSchema, sessionMetadataSchema } from '../types/session.js';
import type { TestRunner } from './runner.js';
import { globalRunner } from './runner.js';

export interface TransportFixture {
  /** A client of an empty server whose python sessions run real Python. */
  readonly client: ISojourn;
  close(): Promise<void>;
}

/** @param open called for each test. */
export function describeTransportContract(
  name: string,
  open: () => Promise<TransportFixture>,
  runner: TestRunner = globalRunner(),
): void {
  const { describe, it, beforeEach, afterEach } = runner;
  describe(`${name} keeps the transport contract`, () => {
    let fixture: TransportFixture;
    let client: ISojourn;
    beforeEach(async () => {
      fixture = await open();
      client = fixture.client;
    });
    afterEach(() => fixture.close());
    const get = () => client;

    describe('lifecycle', () => lifecycle(it, get));
    describe('execution', () => execution(it, get));
    describe('writes', () => writes(it, get));
    describe('journal', () => journal(it, get));
    describe('errors', () => refusals(it, get));
  });
}

type It = TestRunner['it'];
type Get = () => ISojourn;

/** Asserts the code, never the words. */
async function fails(code: ErrorCode, work: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await work;
  } catch (error) {
    if (!isSojournError(error)) throw error;
    assert.equal(error.code, code, error.detail);
    return error.fields;
  }
  assert.fail(`expected ${code}, and it succeeded`);
}

function lifecycle(it: It, get: Get): void {
  it('creates a session with the metadata that the schema promises', async () => {
    const session = await get().createSession({ sessionId: 'a', name: 'A', tags: ['x_y'], description: 'd' });
    const metadata = sessionMetadataSchema.parse(await session.call('get_session'));
    assert.equal(metadata.session_id, 'a');
    assert.equal(metadata.kind, 'python');
    assert.equal(metadata.status, 'idle');
    assert.equal(metadata.epoch, 1);
    assert.equal(metadata.head_seq, 0);
    assert.equal(metadata.event_count, 1);
    assert.deepEqual(metadata.tags, ['x_y']);
  });

  it('chooses an id when none is given', async () => {
    const [one, two] = [await get().createSession(), await get().createSession()];
    assert.notEqual(one.id, two.id);
    assert.match(one.id, /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/);
  });

  it('creates one session for many callers at once', async () => {
    const made = await Promise.all(
      Array.from({ length: 8 }, () => get().createSession({ sessionId: 'one', ifExists: 'return' })),
    );
    assert.equal(new Set(made.map(({ id }) => id)).size, 1);
    assert.equal((await get().listSessions()).totalSessions, 1);
  });

  it('lists every session once over all pages', async () => {
    for (const id of ['p1', 'p2', 'p3', 'p4', 'p5']) await get().createSession({ sessionId: id });
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<ISojourn['listSessions']>> = await get().listSessions({
        limit: 2,
        ...(cursor === null ? {} : { cursor }),
      });
      assert.equal(page.totalSessions, 5);
      seen.push(...page.sessions.map(({ sessionId }) => sessionId));
      cursor = page.nextCursor;
    } while (cursor !== null);
    assert.deepEqual(seen.sort(), ['p1', 'p2', 'p3', 'p4', 'p5']);
  });

  it('filters the list by tag, kind and status', async () => {
    await get().createSession({ sessionId: 'tagged', tags: ['t'] });
    await get().createSession({ sessionId: 'plain' });
    await get().session('plain').hibernate();
    const ids = async (query: object) =>
      (await get().listSessions(query)).sessions.map(({ sessionId }) => sessionId);
    assert.deepEqual(await ids({ tag: 't' }), ['tagged']);
    assert.deepEqual(await ids({ kind: 'nothing' }), []);
    assert.deepEqual(await ids({ status: 'hibernated' }), ['plain']);
    assert.deepEqual(await ids({ status: 'idle' }), ['tagged']);
  });

  it('updates metadata, and refuses an update of nothing', async () => {
    const session = await get().createSession({ sessionId: 'u' });
    const info = await session.update({ name: 'new', timeoutS: 5, tags: ['k'] });
    assert.deepEqual([info.name, info.timeoutS, info.tags], ['new', 5, ['k']]);
    await fails('invalid_params', session.update({}));
  });

  it('hibernates and wakes with its state, in a new epoch', async () => {
    const session = await get().createSession({ sessionId: 'h' });
    await session.execute('import math as m\nx = [1, 2]\ndef f(): return m.floor(2.5) + len(x)');
    assert.equal((await session.hibernate()).status, 'hibernated');
    const result = await session.execute('f()');
    assert.deepEqual(result.result, { 'text/plain': '4' });
    assert.equal(result.epoch, 2);
  });

  it('restarts empty, and with its state when asked', async () => {
    const session = await get().createSession({ sessionId: 'r' });
    await session.execute('x = 41');
    await session.restart({ keepState: true });
    assert.equal((await session.execute('x + 1')).output, '42\n');
    await session.restart();
    assert.equal((await session.execute('x')).error?.name, 'NameError');
  });

  it('clears the variables and keeps the session', async () => {
    const session = await get().createSession({ sessionId: 'c' });
    await session.execute('x = 1');
    await session.clear();
    assert.deepEqual(await session.variables(), []);
    assert.equal((await session.info()).variableCount, 0);
    assert.equal((await session.history()).length, 1);
  });

  it('deletes a session with all it stored', async () => {
    const session = await get().createSession({ sessionId: 'd' });
    await session.execute('x = 1');
    await session.delete();
    await fails('session_not_found', session.info());
    await fails('session_not_found', session.delete());
    await get().createSession({ sessionId: 'd' });
    assert.equal((await session.execute("'x' in globals()")).output, 'False\n');
  });

  it('saves on demand: recovery has nothing to run again', async () => {
    const session = await get().createSession({ sessionId: 's' });
    await session.execute('x = 1');
    assert.equal((await session.save()).checkpointCount, 1);
  });
}

function execution(it: It, get: Get): void {
  it('answers with everything the schema promises', async () => {
    const session = await get().createSession({ sessionId: 'e' });
    const answer = await session.call('execute', { code: 'print("hi")\n1 + 1' });
    const result = executeResultSchema.parse(answer);
    assert.equal(result.status, 'ok');
    assert.equal(result.stdout, 'hi\n');
    assert.equal(result.output, 'hi\n2\n');
    assert.deepEqual(result.result, { 'text/plain': '2' });
    assert.equal(result.durable, true);
    assert.ok(result.durable_seq > result.seq);
    assert.equal(result.execution_count, 1);
  });

  it('keeps state between executions', async () => {
    const session = await get().createSession({ sessionId: 'k' });
    await session.execute('x = [i*i for i in range(10)]');
    assert.equal((await session.execute('sum(x)')).output, '285\n');
  });

  it('reports an exception as a result with a clean traceback', async () => {
    const session = await get().createSession({ sessionId: 'x' });
    const result = await session.execute('print("before")\n1/0');
    assert.equal(result.status, 'error');
    assert.equal(result.error?.name, 'ZeroDivisionError');
    assert.match(result.error.traceback, /division by zero/);
    assert.doesNotMatch(result.error.traceback, /runner\.py|kernel\.py|zygote\.py/);
    assert.equal(result.stdout, 'before\n');
  });

  it('takes the code under the name command too', async () => {
    const session = await get().createSession({ sessionId: 'cmd' });
    assert.equal(executeResultSchema.parse(await session.call('execute', { command: '6*7' })).output, '42\n');
  });

  it('ends a run at its timeout and goes on', async () => {
    const session = await get().createSession({ sessionId: 't' });
    await session.execute('x = 7');
    const result = await session.execute('while True: pass', { timeoutS: 0.2 });
    assert.equal(result.status, 'timeout');
    assert.equal((await session.execute('x')).output, '7\n');
  });

  it('interrupts what runs', async () => {
    const session = await get().createSession({ sessionId: 'i' });
    const running = session.execute('print("started", flush=True)\nimport time\ntime.sleep(60)');
    for await (const event of session.events()) if (event.type === 'stdout') break;
    assert.equal(await session.interrupt(), true);
    assert.equal((await running).status, 'interrupted');
    assert.equal(await session.interrupt(), false);
  });

  it('lists variables with type, size and preview', async () => {
    const session = await get().createSession({ sessionId: 'v' });
    await session.execute('import math\nn = 5\ntext = "abc"\n_hidden = 1');
    const variables = await session.variables();
    assert.deepEqual(
      variables.map(({ name, type }) => [name, type]),
      [
        ['n', 'int'],
        ['text', 'str'],
      ],
    );
    assert.ok(variables.every(({ sizeBytes, preview }) => sizeBytes > 0 && preview.length > 0));
    assert.equal((await session.variable('n'))['text/plain'], '5');
    await fails('variable_not_found', session.variable('nothing'));
  });

  it('reads the answer again, any number of times', async () => {
    const session = await get().createSession({ sessionId: 'again' });
    const first = await session.execute('print("a")\n"b"');
    const second = await session.execution(first.seq);
    assert.deepEqual({ ...second, durableSeq: 0 }, { ...first, durableSeq: 0 });
    await fails('execution_not_found', session.execution(9999));
  });
}

function writes(it: It, get: Get): void {
  it('runs a write once however often it is sent with one key', async () => {
    const session = await get().createSession({ sessionId: 'once' });
    await session.execute('n = 0');
    const send = () => session.execute('n += 1\nn', { idempotencyKey: 'k1' });
    const [first, beside] = await Promise.all([send(), send()]);
    const later = await send();
    assert.deepEqual([first.output, beside.output, later.output], ['1\n', '1\n', '1\n']);
    assert.equal(later.seq, first.seq);
    await fails('conflict', session.execute('n', { idempotencyKey: 'k1' }));
  });

  it('gives a repeated creation the session it made', async () => {
    const one = await get().createSession({ idempotencyKey: 'c1' });
    const two = await get().createSession({ idempotencyKey: 'c1' });
    assert.equal(one.id, two.id);
    assert.equal((await get().listSessions()).totalSessions, 1);
  });

  it('writes only at the expected head and epoch', async () => {
    const session = await get().createSession({ sessionId: 'if' });
    const { durableSeq, epoch } = await session.execute('x = 1');
    await session.execute('x = 2', { ifSeq: durableSeq, ifEpoch: epoch });
    const fields = await fails('conflict', session.execute('x = 3', { ifSeq: durableSeq }));
    assert.equal(typeof fields.head_seq, 'number');
    await fails('epoch_mismatch', session.execute('x = 3', { ifEpoch: 99 }));
    assert.equal((await session.execute('x')).output, '2\n');
  });

  it('refuses, waits or interrupts while another write runs', async () => {
    const session = await get().createSession({ sessionId: 'busy' });
    const running = session.execute('print("go", flush=True)\nimport time\ntime.sleep(60)');
    for await (const event of session.events()) if (event.type === 'stdout') break;
    await fails('session_busy', session.execute('1', { onBusy: 'reject' }));
    const next = session.execute('"next"', { onBusy: 'interrupt' });
    assert.equal((await running).status, 'interrupted');
    assert.equal((await next).output, "'next'\n");
  });

  it('answers running when its patience ends, and the result can be read later', async () => {
    const session = await get().createSession({ sessionId: 'wait' });
    const early = await session.execute('import time\ntime.sleep(0.3)\n"done"', { waitS: 0.05 });
    assert.equal(early.status, 'running');
    for await (const event of session.events({ sinceSeq: early.seq })) if (event.type === 'result') break;
    const late = await session.execution(early.seq);
    assert.deepEqual([late.status, late.output], ['ok', "'done'\n"]);
  });

  it('keeps the order of writes that come together', async () => {
    const session = await get().createSession({ sessionId: 'order' });
    await session.execute('seen = []');
    await Promise.all(Array.from({ length: 20 }, (_, index) => session.execute(`seen.append(${index})`)));
    const codes = (await session.history()).slice(1).map(({ code }) => Number(/\d+/.exec(code)?.[0]));
    const seen = JSON.parse((await session.execute('seen')).output) as number[];
    assert.deepEqual(seen, codes);
    assert.equal(seen.length, 20);
  });
}

function journal(it: It, get: Get): void {
  const collect = async (session: ISession, sinceSeq: number) => {
    const events: SessionEvent[] = [];
    for await (const event of session.events({ sinceSeq, follow: false })) events.push(event);
    return events;
  };

  it('has every event once, in order, without a gap, from any seq on', async () => {
    const session = await get().createSession({ sessionId: 'j' });
    for (let index = 0; index < 5; index += 1) await session.execute(`print(${index})`);
    const all = await collect(session, 0);
    assert.deepEqual(
      all.map(({ seq }) => seq),
      all.map((_, index) => index),
    );
    for (const from of [0, 1, all.length - 1, all.length]) {
      assert.deepEqual(await collect(session, from), all.slice(from));
    }
  });

  it('goes on with what happens after it was read', async () => {
    const session = await get().createSession({ sessionId: 'f' });
    const seen: string[] = [];
    const following = (async () => {
      for await (const event of session.events()) {
        if (event.type === 'stdout') seen.push(event.text);
        if (event.type === 'result' && seen.length === 2) return;
      }
    })();
    await session.execute('print("one")');
    await session.execute('print("two")');
    await following;
    assert.deepEqual(seen, ['one\n', 'two\n']);
  });

  it('shows the history oldest first with code, status and output', async () => {
    const session = await get().createSession({ sessionId: 'hist' });
    await session.execute('print("a")');
    await session.execute('1/0');
    const history = await session.history();
    assert.deepEqual(
      history.map(({ code, status }) => [code, status]),
      [
        ['print("a")', 'ok'],
        ['1/0', 'error'],
      ],
    );
    assert.equal(history[0]?.output, 'a\n');
    assert.equal((await session.history({ limit: 1 }))[0]?.code, '1/0');
  });
}

function refusals(it: It, get: Get): void {
  it('says what does not exist', async () => {
    await fails('session_not_found', get().session('nobody').info());
    await fails('session_not_found', get().session('nobody').execute('1'));
    const session = await get().createSession({ sessionId: 'a' });
    await fails('operation_not_found', session.call('no_such_operation'));
    await fails('session_exists', get().createSession({ sessionId: 'a' }));
  });

  for (const [label, id] of [
    ['a path', '../x'],
    ['200 characters', 'a'.repeat(200)],
    ['nothing', ''],
    ['a NUL', 'a\0b'],
    ['a leading dot', '.a'],
    ['a space', 'a b'],
  ] as const) {
    it(`refuses ${label} as a session id, with the rule`, async () => {
      await fails('invalid_params', get().createSession({ sessionId: id }));
    });
  }

  it('refuses parameters of the wrong type, unknown ones and unknown kinds', async () => {
    const session = await get().createSession({ sessionId: 'p' });
    await fails('invalid_params', session.call('execute', { code: 5 }));
    await fails('invalid_params', session.call('execute', {}));
    await fails('invalid_params', session.call('execute', { code: '1', nonsense: true }));
    await fails('invalid_params', session.call('execute', { code: '1', timeout_s: -1 }));
    await fails('invalid_params', get().createSession({ kind: 'nothing' }));
    assert.equal((await session.execute('1')).output, '1\n');
  });

  it('refuses an isolation that the machine does not give, and never gives less than was asked for', async () => {
    const given = (await (await get().createSession()).info()).isolation;
    const asking = get().createSession({ minIsolation: 'sandbox' });
    if (given === 'sandbox') assert.equal((await (await asking).info()).isolation, 'sandbox');
    else await fails('not_supported', asking);
  });
}
