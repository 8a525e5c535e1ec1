import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ConfigInput } from '../src/types/config.js';
import type { ISession } from '../src/types/client.js';
import { needs } from './support/needs.js';
import { nextEvent, openPythonClient, wholeOutput } from './support/python-client.js';
import type { PythonClient } from './support/python-client.js';
import { codeOf, journal } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';

const small: ConfigInput = { limits: { output_bytes: 1000, journal_output_bytes: 20_000 } };

/** Writes lines to both streams by turns. */
const chatter = `import sys
for i in range(2000):
    print('out', i)
    print('err', i, file=sys.stderr)
`;
const lines = (word: string) =>
  Array.from({ length: 2000 }, (_value, index) => `${word} ${index}\n`).join('');

describe('long output', () => {
  let server: PythonClient;
  let session: ISession;
  let dataDir: string;

  before(function () {
    return needs.python(this);
  });

  const open = async (given: ConfigInput = small) => {
    server = await openPythonClient({ ...given, data_dir: dataDir });
    await server.client.createSession({ sessionId: 'a', ifExists: 'return' });
    session = server.client.session('a');
  };
  const restart = async (given?: ConfigInput) => {
    await server.close();
    await open(given);
  };
  beforeEach(async () => {
    dataDir = join(await temporaryFolder(), 'data');
  });
  afterEach(() => server.close());

  it('keeps head and tail in the answer, says how much there is in all and how to read it', async () => {
    await open();
    const answer = await session.execute(`${chatter}'the end'`);
    expect(answer.truncated).to.equal(true);
    const bytes = lines('out').length;
    const shown = "'the end'\n".length;
    expect(answer.totalBytes).to.deep.equal({ output: 2 * bytes + shown, stdout: bytes, stderr: bytes });
    expect(answer.stdout.startsWith('out 0\nout 1\n')).to.equal(true);
    expect(answer.stdout.endsWith('out 1998\nout 1999\n')).to.equal(true);
    expect(answer.output.endsWith("err 1999\n'the end'\n")).to.equal(true);
    const mark = /\n… (\d+) bytes left out; get_output (\{.*\}) reads them …\n/.exec(answer.stdout);
    const { offset, stream } = JSON.parse(mark?.[2] ?? '{}') as { offset: number; stream: 'stdout' };
    const page = await session.output(answer.seq, { stream, offset, limit: Number(mark?.[1]) });
    expect(answer.stdout.replace(mark?.[0] ?? '', page.text)).to.equal(lines('out'));
  });

  it('is all there in each stream, at any place, after a restart too', async () => {
    await open();
    const { seq, output } = await session.execute(`${chatter}'the end'`);
    const check = async () => {
      expect(await wholeOutput(session, seq, { stream: 'stdout', limit: 3001 })).to.equal(lines('out'));
      expect(await wholeOutput(session, seq, { stream: 'stderr' })).to.equal(lines('err'));
      const shown = await wholeOutput(session, seq, { limit: 777 });
      expect(
        shown
          .split('\n')
          .filter((line) => line.startsWith('out'))
          .join('\n'),
      ).to.equal(lines('out').trimEnd());
      expect(shown.slice(-15)).to.equal(output.slice(-15));
      expect((await session.output(seq, { offset: 1e9 })).complete).to.equal(true);
    };
    await check();
    await restart();
    await check();
    expect((await session.execution(seq)).output).to.equal(output);
  });

  it('is the same whatever the limits of the journal are', async () => {
    await open({ limits: { journal_output_bytes: 200 } });
    const first = await session.execute(`${chatter}'the end'`);
    expect(first.truncated).to.equal(false);
    expect(first.stdout).to.equal(lines('out'));
    await restart({ limits: { journal_output_bytes: 200 } });
    const again = await session.execution(first.seq);
    expect(again).to.include({ stdout: first.stdout, stderr: first.stderr, truncated: false });
    // How the two streams fell into pieces is of the moment; what was shown last is not.
    expect(again.output).to.equal(first.output);
  });

  it('can be read over REST by its address, with the place in the query', async () => {
    await open();
    const { seq } = await session.execute(`print('ä' * 5000)`);
    const ask = async (query: string) => {
      const response = await fetch(`${server.url}/api/sessions/a/executions/${seq}/output?${query}`, {
        headers: { Authorization: `Bearer ${server.token}` },
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const facts = { total_bytes: 10_001, complete: false };
    const first = { text: 'ää', offset: 0, next_offset: 4, ...facts };
    expect(await ask('limit=5')).to.deep.equal({ status: 200, body: first });
    // In the middle of a character it goes on with the next; a limit below one character gives one all the same.
    const inside = { text: 'ä', offset: 4, next_offset: 6, ...facts };
    expect((await ask('stream=stdout&offset=3&limit=1')).body).to.deep.equal(inside);
    expect((await ask('offset=9999')).body).to.include({ text: '\n', complete: true });
    expect((await ask('stream=other')).status).to.equal(400);
    expect((await ask('offset=-1')).status).to.equal(400);
  });

  it('can be read while the run goes on, as far as its lines are finished', async () => {
    await open();
    const code = `import sys\nprint('line 1')\nprint('half', end='', flush=True)\ninput()\nprint(' a line')`;
    const run = session.execute(code);
    const { input_seq: seq = -1 } = await nextEvent(session, 'input_request');
    expect(await session.output(seq)).to.include({ text: 'line 1\n', complete: false, nextOffset: 7 });
    expect((await session.output(seq, { stream: 'stdout' })).text).to.equal('line 1\nhalf');
    await session.replyInput('');
    await run;
    const rest = await session.output(seq, { offset: 7 });
    expect(rest).to.include({ text: 'half\n a line\n', complete: true });
  });

  it('can be read from its file while the run goes on', async () => {
    await open();
    const run = session.execute(`print('x' * 30_000)\ninput()\nprint('the end')`);
    const { input_seq: seq = -1 } = await nextEvent(session, 'input_request');
    const page = await session.output(seq, { stream: 'stdout', offset: 25_000 });
    expect(page).to.include({ text: `${'x'.repeat(5000)}\n`, complete: false });
    await session.replyInput('');
    await run;
    const rest = await session.output(seq, { stream: 'stdout', offset: page.nextOffset });
    expect(rest).to.include({ text: 'the end\n', complete: true });
  });

  it('goes with its session', async () => {
    await open();
    const { seq } = await session.execute(chatter);
    const folders = () => readdir(join(dataDir, 'outputs'));
    expect(await folders()).to.have.length(1);
    await session.delete();
    expect(await folders()).to.deep.equal([]);
    expect(await codeOf(session.output(seq))).to.equal('session_not_found');
    // A new session of the same id has nothing of the old one.
    await server.client.createSession({ sessionId: 'a' });
    expect(await codeOf(session.output(seq))).to.equal('execution_not_found');
  });

  it('shows the last state of a progress bar, and keeps all of its states', async () => {
    await open({});
    const code = `import time\nfor i in range(101):\n    print(f'\\r{i:3}%', end='', flush=True)\nprint()\nprint('abc\\b\\bX')`;
    const answer = await session.execute(code);
    expect(answer.output).to.equal('100%\naXc\n');
    expect(answer.stdout).to.contain('\r  0%\r  1%');
    expect(await wholeOutput(session, answer.seq)).to.equal('100%\naXc\n');
  });

  it('of bytes that are no text loses none of what is text', async () => {
    await open();
    const code = `import os, random\nrandom.seed(1)\njunk = bytes(random.randrange(256) for _ in range(50_000))\nfor i in range(0, len(junk), 999): os.write(1, junk[i:i+999] + b'|%d|' % i)`;
    const { seq } = await session.execute(code);
    const text = await wholeOutput(session, seq, { stream: 'stdout', limit: 1000 });
    const marks = Array.from({ length: 51 }, (_value, index) => `|${index * 999}|`);
    expect(marks.filter((mark) => !text.includes(mark))).to.deep.equal([]);
  });

  it('K-14: lines with pauses between them are all in stdout, and reach a reader as they come', async () => {
    await open({});
    const run = session.execute(`import time\nprint('first')\ntime.sleep(2.5)\nprint('second')`);
    const first = await nextEvent(session, 'stdout');
    expect(first.text).to.equal('first\n');
    expect((await journal(session)).some(({ type }) => type === 'result')).to.equal(false);
    expect((await run).stdout).to.equal('first\nsecond\n');
  });

  it('of a hundred thousand lines makes few events', async function () {
    this.timeout(60_000);
    await open({});
    const answer = await session.execute('for i in range(100_000): print(i)');
    expect(answer.stdout.length).to.equal(588_890);
    expect(answer.durableSeq - answer.seq).to.be.lessThan(5000);
  });
});
